//! A client of the App Mesh API, as far as the demonstration changes something through it.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::getting_started::Request;

const TIME_LIMIT: Duration = Duration::from_secs(30);
/// Far beyond any resource of the walkthrough.
const ANSWER_LIMIT: usize = 1 << 20;

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The control plane cannot be reached.
    #[error("cannot connect to {address}")]
    Connect {
        /// Where it listens.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The connection broke.
    #[error("the connection to the control plane broke")]
    Http(#[source] hyper::Error),
    /// The answer broke off or is too long.
    #[error("cannot read the answer")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No answer came.
    #[error("no answer within {} s", TIME_LIMIT.as_secs())]
    TimedOut,
    /// It refused.
    #[error("refused with status {status}: {body}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said.
        body: String,
    },
    /// It said something that is not JSON.
    #[error("the answer is not JSON")]
    NotJson(#[source] serde_json::Error),
}

/// Sends a request to the API at `address`, unsigned, and returns the answer.
///
/// # Errors
/// Everything but an answer of status 200 with JSON.
pub(crate) async fn put(address: SocketAddr, request: &Request) -> Result<Value, ApiError> {
    tokio::time::timeout(TIME_LIMIT, exchange(address, request))
        .await
        .unwrap_or(Err(ApiError::TimedOut))
}

async fn exchange(address: SocketAddr, request: &Request) -> Result<Value, ApiError> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|source| ApiError::Connect { address, source })?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(ApiError::Http)?;
    // Ends when the sender is dropped; what breaks it is told to the sender.
    tokio::spawn(connection);
    let message = http::Request::put(&request.path)
        .header(http::header::HOST, address.to_string())
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Full::<Bytes>::from(request.body.to_string()))
        .expect("paths of the walkthrough are valid");
    let answer = sender.send_request(message).await.map_err(ApiError::Http)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_LIMIT).collect().await;
    let body = body.map_err(ApiError::Body)?.to_bytes();
    if status == http::StatusCode::OK {
        serde_json::from_slice(&body).map_err(ApiError::NotJson)
    } else {
        Err(ApiError::Refused {
            status: status.as_u16(),
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}
