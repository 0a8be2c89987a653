//! Why an operation was refused or failed, in the App Mesh API's own terms.

use evermesh_model::Violations;
use evermesh_store::StoreError;

use crate::record::RecordError;

/// Why an operation was refused or failed. Each variant is one exception of the API; its text is for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// `BadRequestException`, 400: the request breaks a rule of shape or content.
    #[error("{0}")]
    BadRequest(Violations),
    /// `NotFoundException`, 404: the resource, its parent, or something it refers to does not exist.
    #[error("{0}")]
    NotFound(String),
    /// `ConflictException`, 409: the name is taken, or the client token was used for another request.
    #[error("{0}")]
    Conflict(String),
    /// `ResourceInUseException`, 409: something depends on the resource; the text names it.
    #[error("{0}")]
    ResourceInUse(String),
    /// `LimitExceededException`, 400: a quota would be exceeded.
    #[error("{0}")]
    LimitExceeded(String),
    /// `TooManyTagsException`, 400: a resource would have more than 50 tags.
    #[error("{0}")]
    TooManyTags(String),
    /// `ForbiddenException`, 403: the caller may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// `ServiceUnavailableException`, 503: try again; nothing was changed, or the outcome is unknown as the text says.
    #[error("{0}")]
    Unavailable(String),
    /// `InternalServerErrorException`, 500: our fault. The text is safe to show; details are in the log.
    #[error("{0}")]
    Internal(String),
}

impl ServiceError {
    /// A `BadRequest` with one violation.
    pub(crate) fn bad_request(path: &str, message: impl Into<String>) -> Self {
        let mut violations = Violations::default();
        violations.push(path, message);
        Self::BadRequest(violations)
    }
}

/// What callers learn of a failure of the store; the rest is logged here.
impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        if let StoreError::ValueTooLarge { bytes, limit, .. } = &error {
            let message = format!("is too large: stored it has {bytes} bytes, the limit is {limit}");
            return Self::bad_request("spec", message);
        }
        tracing::error!(%error, cause = ?std::error::Error::source(&error), "the store failed");
        match error {
            StoreError::Read { .. } => Self::Unavailable("the store cannot be read; try again".to_owned()),
            StoreError::Closed => {
                Self::Unavailable("the server is shutting down; nothing was changed".to_owned())
            }
            StoreError::Write { .. } => Self::Unavailable(
                "the change could not be stored; check the resource before trying again".to_owned(),
            ),
            StoreError::OutcomeUnknown => Self::Unavailable(
                "whether the change was stored is unknown; check the resource before trying again".to_owned(),
            ),
            StoreError::EmptyKey
            | StoreError::KeyTooLong { .. }
            | StoreError::ValueTooLarge { .. }
            | StoreError::TxnTooLarge { .. }
            | StoreError::OverlappingOps { .. }
            | StoreError::Compacted { .. }
            | StoreError::FutureRevision { .. }
            | StoreError::Locked { .. }
            | StoreError::NotAStore { .. }
            | StoreError::NewerSchema { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Open { .. } => Self::Internal("the store failed; the log says how".to_owned()),
        }
    }
}

impl From<RecordError> for ServiceError {
    fn from(error: RecordError) -> Self {
        tracing::error!(%error, cause = ?std::error::Error::source(&error), "a stored record cannot be read");
        Self::Internal("a stored record cannot be read; the log names it".to_owned())
    }
}
