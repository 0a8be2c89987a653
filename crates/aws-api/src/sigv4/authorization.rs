//! What a signed request says about its signature, in its `Authorization` header or, presigned, in its query string.

use evermesh_sigv4::uri::{percent_decode, raw_pairs};
use evermesh_sigv4::{ALGORITHM, Scope, TERMINATOR};

use super::SignatureError;
use crate::request::Request;

/// A signature, and what it was made with. Not `Debug`: a signature and a session token are as good as a secret
/// while they hold.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Authorization {
    /// Access key id.
    pub(super) access_key: String,
    scope: Scope,
    /// Names of the signed headers, in lower case, in the order that was signed.
    pub(super) signed_headers: Vec<String>,
    /// The signature, hexadecimal.
    pub(super) signature: String,
    /// `X-Amz-Date`, or `Date` when it has the same form.
    pub(super) date: String,
    /// For how many seconds a presigned request holds.
    pub(super) expires: Option<u64>,
    /// `X-Amz-Security-Token`.
    pub(super) token: Option<String>,
}

impl Authorization {
    /// The request's signature; `None` when it has none.
    pub(crate) fn find(request: &Request) -> Result<Option<Self>, SignatureError> {
        if let Some(header) = request.header("authorization") {
            return from_header(request, header).map(Some);
        }
        let is_presigned = raw_pairs(request.query()).any(|(name, _)| name == "X-Amz-Algorithm");
        is_presigned.then(|| from_query(request)).transpose()
    }

    /// What the signature is good for.
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }
}

fn from_header(request: &Request, header: &str) -> Result<Authorization, SignatureError> {
    let Some(parts) = header.strip_prefix(ALGORITHM) else {
        return Err(incomplete(format!(
            "the Authorization header must begin with {ALGORITHM}"
        )));
    };
    let part = |name: &str| {
        parts
            .split(',')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
            .ok_or_else(|| incomplete(format!("the Authorization header has no {name}")))
    };
    let date = request.header("x-amz-date").or_else(|| request.header("date"));
    let (access_key, scope) = credential(part("Credential")?)?;
    Ok(Authorization {
        access_key,
        scope,
        signed_headers: header_names(part("SignedHeaders")?),
        signature: part("Signature")?.to_owned(),
        date: date
            .ok_or_else(|| incomplete("a signed request needs the header X-Amz-Date".to_owned()))?
            .to_owned(),
        expires: None,
        token: request.header("x-amz-security-token").map(str::to_owned),
    })
}

fn from_query(request: &Request) -> Result<Authorization, SignatureError> {
    let optional = |name: &str| {
        raw_pairs(request.query())
            .find(|(key, _)| *key == name)
            .and_then(|(_, value)| percent_decode(value))
    };
    let part = |name: &str| {
        optional(name).ok_or_else(|| incomplete(format!("the query string has no readable {name}")))
    };
    if part("X-Amz-Algorithm")? != ALGORITHM {
        return Err(incomplete(format!("X-Amz-Algorithm must be {ALGORITHM}")));
    }
    let (access_key, scope) = credential(&part("X-Amz-Credential")?)?;
    let expires = part("X-Amz-Expires")?;
    Ok(Authorization {
        access_key,
        scope,
        signed_headers: header_names(&part("X-Amz-SignedHeaders")?),
        signature: part("X-Amz-Signature")?,
        date: part("X-Amz-Date")?,
        expires: Some(lifetime(&expires)?),
        token: optional("X-Amz-Security-Token"),
    })
}

/// Presigned requests hold for a week at most.
fn lifetime(text: &str) -> Result<u64, SignatureError> {
    const WEEK: u64 = 7 * 24 * 3600;
    match text.parse() {
        Ok(seconds) if (1..=WEEK).contains(&seconds) => Ok(seconds),
        _ => Err(incomplete(format!("X-Amz-Expires must be 1 to {WEEK} seconds"))),
    }
}

/// `<access key id>/<date>/<region>/<service>/aws4_request`
fn credential(text: &str) -> Result<(String, Scope), SignatureError> {
    let parts: Vec<&str> = text.split('/').collect();
    let &[access_key, date, region, service, TERMINATOR] = parts.as_slice() else {
        return Err(incomplete(
            "the credential must have the form <access key id>/<date>/<region>/<service>/aws4_request"
                .to_owned(),
        ));
    };
    let scope = Scope::new(date, region, service)
        .ok_or_else(|| incomplete("the credential's region or service is no name".to_owned()))?;
    Ok((access_key.to_owned(), scope))
}

fn header_names(text: &str) -> Vec<String> {
    text.split(';').map(str::to_ascii_lowercase).collect()
}

fn incomplete(reason: String) -> SignatureError {
    SignatureError::Incomplete(reason)
}
