//! Calls of the App Mesh API on connections that stay open, with the moments of request and answer. Unsigned, and
//! with nothing between the clock and the socket that a figure could be blamed on.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures::future::try_join_all;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// A request that writes, not yet sent.
#[derive(Debug)]
pub(crate) struct Call {
    /// Path from the root.
    pub(crate) path: String,
    /// Its JSON.
    pub(crate) body: Value,
}

/// A call that succeeded.
#[derive(Debug)]
pub(crate) struct Answer {
    /// When the request was handed to the socket.
    pub(crate) sent: Instant,
    /// When the answer was there as a whole.
    pub(crate) acknowledged: Instant,
    /// The answer's JSON.
    pub(crate) body: Bytes,
}

/// One HTTP/1.1 connection, used for one call at a time.
#[derive(Debug)]
pub(crate) struct Api {
    address: SocketAddr,
    connection: SendRequest<Full<Bytes>>,
}

impl Answer {
    /// From the request to the answer.
    pub(crate) fn duration(&self) -> Duration {
        self.acknowledged - self.sent
    }
}

impl Api {
    /// Opens a connection.
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let refused = || format!("cannot connect to {address}");
        let stream = TcpStream::connect(address).await.with_context(refused)?;
        stream.set_nodelay(true).with_context(refused)?;
        let (connection, driver) = handshake(TokioIo::new(stream)).await.with_context(refused)?;
        // However it ends, the next call on the connection tells.
        tokio::spawn(driver);
        Ok(Self { address, connection })
    }

    /// Opens several connections.
    pub(crate) async fn connect_many(address: SocketAddr, count: usize) -> Result<Vec<Self>> {
        try_join_all((0..count).map(|_| Self::connect(address))).await
    }

    /// Makes a call. Anything but success is an error with what the server says.
    pub(crate) async fn put(&mut self, call: &Call) -> Result<Answer> {
        let body = Bytes::from(call.body.to_string());
        self.connection
            .ready()
            .await
            .context("the connection is closed")?;
        let sent = Instant::now();
        let (status, body) = self.exchange(&call.path, body).await?;
        let acknowledged = Instant::now();
        ensure!(
            status.is_success(),
            "PUT {} was answered with {status}: {}",
            call.path,
            String::from_utf8_lossy(&body)
        );
        Ok(Answer {
            sent,
            acknowledged,
            body,
        })
    }

    async fn exchange(&mut self, path: &str, body: Bytes) -> Result<(StatusCode, Bytes)> {
        let failed = || format!("{path} at {} was not answered", self.address);
        let request = Request::put(path)
            .header(HOST, self.address.to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .with_context(failed)?;
        let response = self.connection.send_request(request).await.with_context(failed)?;
        let status = response.status();
        let body = response.into_body().collect().await.with_context(failed)?;
        Ok((status, body.to_bytes()))
    }
}

/// Makes calls in any order, on all connections at once.
pub(crate) async fn put_all(connections: &mut [Api], calls: Vec<Call>) -> Result<()> {
    let count = connections.len();
    let writers = connections.iter_mut().enumerate().map(async |(first, api)| {
        for call in calls.iter().skip(first).step_by(count) {
            api.put(call).await?;
        }
        Ok(())
    });
    try_join_all(writers).await.map(drop)
}
