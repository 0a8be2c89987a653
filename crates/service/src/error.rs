//! Why an operation was refused or failed, in the App Mesh API's own terms.

use evermesh_model::Violations;

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
