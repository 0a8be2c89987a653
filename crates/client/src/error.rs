//! Why a request came to nothing.

use std::fmt;
use std::time::Duration;

use crate::endpoint::Endpoint;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers there.
    #[error("cannot reach the control plane at {endpoint}; is `evermesh serve` running there?")]
    Unreachable {
        /// Where.
        endpoint: Endpoint,
        /// Why.
        source: hyper_util::client::legacy::Error,
    },
    /// The answer did not come in time. Whether something was changed is unknown.
    #[error("the control plane at {endpoint} did not answer within {limit:?}")]
    TimedOut {
        /// Where.
        endpoint: Endpoint,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The answer broke off, or is larger than any should be.
    #[error("cannot read the answer of the control plane at {endpoint}")]
    Broken {
        /// Where.
        endpoint: Endpoint,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The control plane said no.
    #[error("{0}")]
    Refused(Refusal),
    /// The control plane has a credentials file, and answers nobody else.
    #[error(
        "the control plane answers signed requests only, and there are no credentials to sign with; set \
         AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE: {0}"
    )]
    Unsigned(Refusal),
    /// The control plane does not know the credentials, or knows another secret of them, or another time.
    #[error("the control plane does not accept {credentials}: {refusal}")]
    NotAccepted {
        /// Which access key, and where it was found.
        credentials: String,
        /// The control plane's own words.
        refusal: Refusal,
    },
    /// Something answers there that is no control plane, or of another version.
    #[error("{endpoint} answered {request} with something else than the App Mesh API: {reason}")]
    NotUnderstood {
        /// Where.
        endpoint: Endpoint,
        /// Method and path.
        request: String,
        /// What was expected.
        reason: String,
    },
    /// The API has no way to create a mesh for somebody else.
    #[error("the mesh {mesh} can be created only by its owner {owner}; requests here are those of {caller}")]
    ForeignMesh {
        /// Name of the mesh.
        mesh: String,
        /// Account that is to own it.
        owner: String,
        /// Account that asks.
        caller: String,
    },
}

/// What the control plane said instead of doing what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The exception's name, such as `ResourceInUseException`; empty when it has none.
    pub code: String,
    /// The control plane's own words.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code.as_str() {
            "" => write!(f, "refused with status {}: {}", self.status, self.message),
            code => write!(f, "{} ({code})", self.message),
        }
    }
}

impl ClientError {
    /// Whether the resource, or its mesh, does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == "NotFoundException")
    }
}
