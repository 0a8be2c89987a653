//! App Mesh exceptions: names and status codes as in the service model.

use std::time::Duration;

use evermesh_model::Violations;
use evermesh_service::ServiceError;
use http::StatusCode;

use crate::error::ApiError;

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        let (status, code) = match error {
            ServiceError::BadRequest(_) => (StatusCode::BAD_REQUEST, "BadRequestException"),
            ServiceError::NotFound(_) => (StatusCode::NOT_FOUND, "NotFoundException"),
            ServiceError::Conflict(_) => (StatusCode::CONFLICT, "ConflictException"),
            ServiceError::ResourceInUse(_) => (StatusCode::CONFLICT, "ResourceInUseException"),
            ServiceError::LimitExceeded(_) => (StatusCode::BAD_REQUEST, "LimitExceededException"),
            ServiceError::TooManyTags(_) => (StatusCode::BAD_REQUEST, "TooManyTagsException"),
            ServiceError::Forbidden(_) => (StatusCode::FORBIDDEN, "ForbiddenException"),
            ServiceError::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailableException"),
            ServiceError::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerErrorException"),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<Violations> for ApiError {
    fn from(violations: Violations) -> Self {
        Self::bad_request(violations.to_string())
    }
}

pub(super) fn timed_out(limit: Duration) -> ApiError {
    let message = format!(
        "the operation did not end within {limit:?} and its outcome is unknown; describe the resource, or repeat the \
         request with the same clientToken"
    );
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "ServiceUnavailableException",
        message,
    )
}
