//! A request that has arrived whole, within its limits.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http_body_util::BodyExt;

use crate::error::ApiError;
use crate::limits::Limits;
use crate::text;

/// A request with its body. Not `Debug`: its headers say who may call.
pub(crate) struct Request {
    /// Method, URI and headers.
    pub(crate) head: Parts,
    /// The body; never longer than [`Limits::body_bytes`].
    pub(crate) body: Bytes,
}

impl Request {
    /// The path, percent-encoded as it was sent.
    pub(crate) fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// The query string, percent-encoded as it was sent.
    pub(crate) fn query(&self) -> &str {
        self.head.uri.query().unwrap_or_default()
    }

    /// A header's value, when it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// A parameter of the Query protocol: from the form in the body, else from the query string.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let form = std::str::from_utf8(&self.body).unwrap_or_default();
        text::form_field(form, name).or_else(|| text::form_field(self.query(), name))
    }
}

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the body did not arrive within {0:?}")]
    TooSlow(Duration),
    #[error("the body ended early")]
    Broken,
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        Self::bad_request(error.to_string())
    }
}

/// Reads a body to its end.
///
/// Of a body that is too large, some more is read and dropped: a client that still sends does not read its answer,
/// and would lose it when the connection closes.
pub(crate) async fn read_body(body: Body, limits: &Limits) -> Result<Bytes, BodyError> {
    tokio::time::timeout(limits.body_time, collect(body, limits.body_bytes))
        .await
        .unwrap_or(Err(BodyError::TooSlow(limits.body_time)))
}

/// How many times its limit a body may be before the server stops listening to it.
const PATIENCE: usize = 8;

async fn collect(mut body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let mut collected = BytesMut::new();
    let mut length = 0;
    while length <= limit.saturating_mul(PATIENCE) {
        let Some(frame) = body.frame().await else {
            break;
        };
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            continue; // trailers
        };
        length += data.len();
        if length <= limit {
            collected.extend_from_slice(&data);
        }
    }
    if length > limit {
        return Err(BodyError::TooLarge(limit));
    }
    Ok(collected.freeze())
}
