//! Verifying requests: what a request claims about its sender, and whether that is true. How signatures are made is
//! the business of [`evermesh_sigv4`]. Neither secrets nor signatures are ever part of a message or log line.

mod authorization;
mod error;
mod verify;

use evermesh_service::Caller;

pub(crate) use authorization::Authorization;
pub(crate) use error::SignatureError;
pub(crate) use verify::verify;

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    /// Account and region.
    pub(crate) caller: Caller,
    /// Whose credentials signed it; `None` when signatures are not verified.
    pub(crate) user: Option<User>,
}

/// Whose credentials they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    /// Name of the profile in the credentials file.
    pub(crate) name: String,
    /// Access key id, which is no secret.
    pub(crate) access_key: String,
}
