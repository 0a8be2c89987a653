//! Signing requests.

use std::time::SystemTime;

use http::HeaderValue;
use http::header::{AUTHORIZATION, HeaderName};
use http::request::Parts;
use jiff::Timestamp;

use crate::scope::is_name;
use crate::{ALGORITHM, AccessKey, DATE_FORMAT, Scope, Signable};

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Signs requests with one access key, for one region.
#[derive(Debug, Clone)]
pub struct Signer {
    key: AccessKey,
    region: String,
}

/// Why nothing can be signed: a part has characters that no `Authorization` header can carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// The region.
    #[error("the region {0:?} is no name such as us-west-2")]
    Region(String),
    /// The access key id.
    #[error(
        "the access key id has other characters than letters, digits and punctuation, or a comma or slash"
    )]
    KeyId,
    /// The session token.
    #[error("the session token has other characters than letters, digits and punctuation")]
    Token,
}

impl Signer {
    /// A signer of these parts.
    ///
    /// # Errors
    /// When a part has characters that no header can carry.
    pub fn new(key: AccessKey, region: &str) -> Result<Self, SignerError> {
        if !is_name(region) {
            return Err(SignerError::Region(region.to_owned()));
        }
        if !is_graphic(key.id()) || key.id().contains([',', '/']) {
            return Err(SignerError::KeyId);
        }
        if key.token().is_some_and(|token| !is_graphic(token.expose())) {
            return Err(SignerError::Token);
        }
        let region = region.to_owned();
        Ok(Self { key, region })
    }

    /// What it signs with.
    pub fn key(&self) -> &AccessKey {
        &self.key
    }

    /// Signs a request with all the headers that it has, among which `Host` must be: adds `X-Amz-Date`,
    /// `X-Amz-Security-Token` when there is one, and `Authorization`. Headers that are added later are not signed.
    ///
    /// # Panics
    /// When `service` is no name such as `appmesh`.
    pub fn sign(&self, head: &mut Parts, body: &[u8], service: &'static str, now: SystemTime) {
        let now = Timestamp::try_from(now).unwrap_or(Timestamp::UNIX_EPOCH);
        let date = now.strftime(DATE_FORMAT).to_string();
        let (day, _) = date.split_once('T').expect("the format has a T");
        let scope =
            Scope::new(day, &self.region, service).expect("the region was checked; the service is a name");
        head.headers.remove(AUTHORIZATION);
        head.headers.insert(DATE, header(&date));
        if let Some(token) = self.key.token() {
            head.headers.insert(TOKEN, secret_header(token.expose()));
        }
        let mut signed_headers: Vec<String> = head.headers.keys().map(ToString::to_string).collect();
        signed_headers.sort();
        let signable = Signable {
            head,
            body,
            signed_headers: &signed_headers,
            date: &date,
            scope: &scope,
        };
        let signature = signable.signature(self.key.secret());
        let authorization = format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature={signature}",
            self.key.id(),
            signed_headers.join(";")
        );
        head.headers.insert(AUTHORIZATION, secret_header(&authorization));
    }
}

/// Not empty, and without spaces.
fn is_graphic(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("every part was checked to be visible ASCII")
}

/// Its `Debug` does not show it.
fn secret_header(text: &str) -> HeaderValue {
    let mut value = header(text);
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests;
