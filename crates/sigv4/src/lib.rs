//! AWS Signature Version 4: what those who sign requests and those who verify them have in common. It knows neither
//! servers nor connections, and never decides who may do what.
//!
//! Source: the IAM user guide, "AWS Signature Version 4 for API requests". A signature is over a [`Signable`]: the
//! canonical form of a request, a time, and a [`Scope`] that it is good for; it is made with the secret of an
//! [`AccessKey`]. Access keys are written down in credentials files, which [`read_profiles`] understands. [`Signer`] signs requests;
//! what a signature that came with one must fulfil beyond [`Signable::has_signature`], such as its age, its verifier
//! says. Neither secrets nor signatures are ever part of a message or of `Debug`.

mod access_key;
mod canonical;
mod file;
mod scope;
mod sign;
mod signature;
pub mod uri;

pub use access_key::{AccessKey, Secret};
pub use file::{FileError, Profile, read_profiles};
pub use scope::{Scope, TERMINATOR};
pub use sign::{Signer, SignerError};
pub use signature::Signable;

/// The one algorithm there is.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How `X-Amz-Date` is written, for `strftime`: `20150830T123600Z`, always UTC.
pub const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";
