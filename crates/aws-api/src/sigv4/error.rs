//! Why a signature was not accepted, in the words that AWS clients know.

use http::StatusCode;

use crate::error::ApiError;
use crate::protocol::Protocol;

/// Why a signature was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureError {
    #[error("Missing Authentication Token: this endpoint accepts only requests signed with its credentials")]
    Missing,
    #[error("the signature is incomplete: {0}")]
    Incomplete(String),
    /// Of the access key or of the session token; which of them is nobody's business.
    #[error("The security token included in the request is invalid: the access key is not known here")]
    UnknownKey,
    /// The sender's clock is wrong, or the request is old.
    #[error("{0}")]
    NotCurrent(String),
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method."
    )]
    Mismatch,
    #[error("Credential should be scoped to correct service: '{expected}'. It is scoped to '{found}'.")]
    OtherService { found: String, expected: &'static str },
}

impl SignatureError {
    /// The error as the protocol's services name it.
    pub(crate) fn in_protocol(&self, protocol: Protocol) -> ApiError {
        let (json, xml) = match self {
            Self::Missing => (
                "MissingAuthenticationTokenException",
                "MissingAuthenticationToken",
            ),
            Self::Incomplete(_) => ("IncompleteSignatureException", "IncompleteSignature"),
            Self::UnknownKey => ("UnrecognizedClientException", "InvalidClientTokenId"),
            Self::NotCurrent(_) | Self::Mismatch | Self::OtherService { .. } => {
                ("InvalidSignatureException", "SignatureDoesNotMatch")
            }
        };
        let (status, code) = match protocol {
            Protocol::RestJson => (StatusCode::FORBIDDEN, json),
            Protocol::AwsJson => (StatusCode::BAD_REQUEST, json),
            Protocol::Query | Protocol::Ec2 | Protocol::RestXml => (StatusCode::FORBIDDEN, xml),
        };
        ApiError::new(status, code, self.to_string())
    }
}
