//! Whether a signature was made with the secret of a known access key, for this request, and lately.

use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::canonical::canonical_request;
use super::{ALGORITHM, Authorization, SignatureError};
use crate::credentials::{Credentials, Profile};
use crate::request::Request;

/// How far the clocks of client and server may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// How `X-Amz-Date` is written.
const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// The profile whose secret made the signature.
pub(crate) fn verify<'c>(
    request: &Request,
    authorization: &Authorization,
    credentials: &'c Credentials,
    now: SystemTime,
) -> Result<&'c Profile, SignatureError> {
    check_signed_headers(request, authorization)?;
    let profile = credentials
        .find(&authorization.access_key)
        .ok_or(SignatureError::UnknownKey)?;
    if !profile.accepts_token(authorization.token.as_deref()) {
        return Err(SignatureError::UnknownKey);
    }
    check_date(authorization, now)?;
    let signature = hex::decode(&authorization.signature).map_err(|_| SignatureError::Mismatch)?;
    signer(profile, authorization)
        .chain_update(string_to_sign(request, authorization))
        .verify_slice(&signature) // in constant time
        .map_err(|_| SignatureError::Mismatch)?;
    Ok(profile)
}

/// A header that says where a request goes or how it is understood must not be added after signing.
fn check_signed_headers(request: &Request, authorization: &Authorization) -> Result<(), SignatureError> {
    let must_be_signed = |name: &str| name == "host" || name.starts_with("x-amz-");
    let unsigned = std::iter::once("host")
        .chain(request.head.headers.keys().map(http::HeaderName::as_str))
        .find(|name| {
            must_be_signed(name) && !authorization.signed_headers.iter().any(|signed| signed == name)
        });
    match unsigned {
        None => Ok(()),
        Some(name) => Err(SignatureError::Incomplete(format!(
            "the header {name} must be signed"
        ))),
    }
}

fn check_date(authorization: &Authorization, now: SystemTime) -> Result<(), SignatureError> {
    let date = &authorization.date;
    let signed_at = DateTime::strptime(DATE_FORMAT, date)
        .and_then(|date| Offset::UTC.to_timestamp(date))
        .map_err(|_| SignatureError::Incomplete("the date must have the form 20150830T123600Z".to_owned()))?;
    if date.get(..8) != Some(&authorization.scope().date) {
        return Err(SignatureError::NotCurrent(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: {date}"
        )));
    }
    let now = Timestamp::try_from(now).unwrap_or(Timestamp::UNIX_EPOCH);
    let lifetime = authorization
        .expires
        .and_then(|seconds| i64::try_from(seconds).ok())
        .map_or(SKEW, SignedDuration::from_secs);
    let age = now.duration_since(signed_at);
    let written = now.strftime(DATE_FORMAT);
    if age > lifetime {
        return Err(SignatureError::NotCurrent(format!(
            "Signature expired: {date} is more than {} s before {written}",
            lifetime.as_secs()
        )));
    }
    if -age > SKEW {
        return Err(SignatureError::NotCurrent(format!(
            "Signature not yet current: {date} is more than {} s after {written}",
            SKEW.as_secs()
        )));
    }
    Ok(())
}

fn string_to_sign(request: &Request, authorization: &Authorization) -> String {
    let scope = authorization.scope();
    format!(
        "{ALGORITHM}\n{}\n{}/{}/{}/aws4_request\n{}",
        authorization.date,
        scope.date,
        scope.region,
        scope.service,
        hex::encode(Sha256::digest(canonical_request(request, authorization)))
    )
}

/// The key of the day, region and service, derived step by step from the secret.
fn signer(profile: &Profile, authorization: &Authorization) -> Hmac<Sha256> {
    let scope = authorization.scope();
    let secret = format!("AWS4{}", profile.secret());
    [&scope.date, &scope.region, &scope.service, "aws4_request"]
        .iter()
        .fold(keyed(secret.as_bytes()), |signer, step| {
            keyed(&signer.chain_update(step).finalize().into_bytes())
        })
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests;
