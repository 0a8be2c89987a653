//! Calls by HTTP/2 with prior knowledge, as an application makes them: by name, through the task's own resolver.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::error::Chain;

/// Longer than any route's or connection's own limit by default.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// An application's name with room to spare.
const ANSWER_LIMIT: usize = 256;
const DEFAULT_PORT: u16 = 80;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the URL names no host")]
    NoHost,
    #[error("cannot resolve the name or connect")]
    Connect(#[source] io::Error),
    #[error("the connection ended without an answer")]
    Connection(#[source] hyper::Error),
    #[error("status {}", .0.as_u16())]
    Status(StatusCode),
    #[error("the answer broke off")]
    Body(#[source] Box<dyn StdError + Send + Sync>),
    #[error("no answer within {} s", TIME_LIMIT.as_secs())]
    TimedOut,
}

/// A connection to a service, made when it is needed and made anew when it has ended.
pub(super) struct Client {
    url: Uri,
    connection: Mutex<Option<SendRequest<Empty<Bytes>>>>,
}

impl Client {
    pub(super) fn new(url: Uri) -> Self {
        Self {
            url,
            connection: Mutex::new(None),
        }
    }

    /// Sends one request and returns the first line of the answer.
    pub(super) async fn get(&self) -> Result<String, Failure> {
        tokio::time::timeout(TIME_LIMIT, self.exchange())
            .await
            .unwrap_or(Err(Failure::TimedOut))
    }

    async fn exchange(&self) -> Result<String, Failure> {
        let mut connection = self.connection().await?;
        connection.ready().await.map_err(Failure::Connection)?;
        let request = Request::get(self.url.clone())
            .body(Empty::new())
            .expect("a URL makes a valid request");
        let answer = connection
            .send_request(request)
            .await
            .map_err(Failure::Connection)?;
        if answer.status() != StatusCode::OK {
            return Err(Failure::Status(answer.status()));
        }
        let body = Limited::new(answer.into_body(), ANSWER_LIMIT).collect().await;
        let body = body.map_err(Failure::Body)?.to_bytes();
        let text = String::from_utf8_lossy(&body);
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }

    async fn connection(&self) -> Result<SendRequest<Empty<Bytes>>, Failure> {
        let mut connection = self.connection.lock().await;
        if let Some(open) = connection.as_ref().filter(|open| !open.is_closed()) {
            return Ok(open.clone());
        }
        let host = self.url.host().ok_or(Failure::NoHost)?;
        let port = self.url.port_u16().unwrap_or(DEFAULT_PORT);
        let stream = TcpStream::connect((host, port)).await.map_err(Failure::Connect)?;
        stream.set_nodelay(true).map_err(Failure::Connect)?;
        let (sender, driver) = handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .map_err(Failure::Connection)?;
        // What breaks it is told to the sender.
        tokio::spawn(driver);
        *connection = Some(sender.clone());
        Ok(sender)
    }
}

/// What one call found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Finding {
    /// An application answered, with this name.
    Answered(String),
    /// Somebody answered with this status instead of 200.
    Status(u16),
    /// The connection was accepted and then closed without an answer.
    Closed,
    /// Nobody was there, or did not answer in time; with the reason.
    Unreachable(String),
}

impl From<Result<String, Failure>> for Finding {
    fn from(result: Result<String, Failure>) -> Self {
        match result {
            Ok(name) => Self::Answered(name),
            Err(Failure::Status(status)) => Self::Status(status.as_u16()),
            Err(Failure::Connection(_)) => Self::Closed,
            Err(failure) => Self::Unreachable(Chain(&failure).to_string()),
        }
    }
}

/// Calls once and prints the [`Finding`] as a line of JSON.
pub(super) async fn once(url: Uri) -> io::Result<()> {
    let finding = Finding::from(Client::new(url).get().await);
    println!("{}", serde_json::to_string(&finding)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;

    async fn find(url: String) -> Finding {
        Client::new(url.parse().unwrap()).get().await.into()
    }

    #[tokio::test]
    async fn a_closed_connection_is_told_from_nobody_there() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let closer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // As Envoy does where no filter chain matches.
            let _ = stream.read(&mut [0; 1]).unwrap();
        });
        assert_eq!(find(url.clone()).await, Finding::Closed);
        closer.join().unwrap();
        let nobody = find(url).await;
        let Finding::Unreachable(reason) = nobody else {
            panic!("{nobody:?}");
        };
        assert!(reason.contains("refused"), "{reason}");
    }
}
