//! [`ApiError`]: a refusal in the API's terms, before it takes a protocol's form.

use http::StatusCode;

/// Why a request was refused: what its answer says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    /// HTTP status of the answer.
    pub(crate) status: StatusCode,
    /// Name that SDKs turn into an exception.
    pub(crate) code: &'static str,
    /// For the caller.
    pub(crate) message: String,
    /// Methods the path would accept, when the method was the fault.
    pub(crate) allow: Option<String>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            allow: None,
        }
    }

    /// The request itself is wrong: `BadRequestException`, as App Mesh calls it.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequestException", message)
    }
}
