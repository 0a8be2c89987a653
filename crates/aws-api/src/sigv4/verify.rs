//! Whether a signature was made with the secret of a known access key, for this request, and lately.

use std::time::SystemTime;

use evermesh_sigv4::{DATE_FORMAT, Signable};
use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::{Authorization, SignatureError};
use crate::credentials::{Credentials, Profile};
use crate::request::Request;

/// How far the clocks of client and server may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

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
    if !profile.key.accepts_token(authorization.token.as_deref()) {
        return Err(SignatureError::UnknownKey);
    }
    check_date(authorization, now)?;
    let signable = Signable {
        head: &request.head,
        body: &request.body,
        signed_headers: &authorization.signed_headers,
        date: &authorization.date,
        scope: authorization.scope(),
    };
    if !signable.has_signature(profile.key.secret(), &authorization.signature) {
        return Err(SignatureError::Mismatch);
    }
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
    if date.get(..8) != Some(authorization.scope().date()) {
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

#[cfg(test)]
mod tests;
