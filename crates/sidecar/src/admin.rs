//! A small client for Envoy's admin interface: readiness, draining, open connections.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

/// A local interface that takes longer than this is as good as dead.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer we read is the gauges of all listeners, about 100 bytes each.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Speaks to one admin interface.
#[derive(Debug, Clone, Copy)]
pub struct AdminClient {
    address: SocketAddr,
}

/// Envoy's state, as `/server_info` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServerState {
    /// Serving.
    Live,
    /// About to stop.
    Draining,
    /// Waiting for its clusters.
    PreInitializing,
    /// Waiting for its listeners.
    Initializing,
}

/// The admin interface did not give a usable answer.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nothing listens there.
    #[error("no connection to the admin interface on {0}")]
    Connect(SocketAddr, #[source] io::Error),
    /// It broke off, or speaks no HTTP.
    #[error("the admin interface broke off its answer to {0}")]
    Http(&'static str, #[source] hyper::Error),
    /// Its answer could not be read, or has more than a megabyte.
    #[error("the admin interface's answer to {0} cannot be read")]
    Body(&'static str, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// It does not answer.
    #[error("the admin interface did not answer {0} within 5 seconds")]
    Timeout(&'static str),
    /// It refused.
    #[error("the admin interface answered {0} with {1}")]
    Status(&'static str, StatusCode),
    /// Its answer is not the one of Envoy.
    #[error("the admin interface's answer to {0} is not Envoy's")]
    Content(&'static str, #[source] serde_json::Error),
}

impl AdminClient {
    /// A client for the interface that listens on `address`; "every address" is reached over loopback.
    #[must_use]
    pub fn new(mut address: SocketAddr) -> Self {
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        Self { address }
    }

    /// Where requests go.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether Envoy serves: `/ready` answers 200.
    ///
    /// # Errors
    /// When there is no answer at all; "not ready" is `Ok(false)`.
    pub async fn is_ready(&self) -> Result<bool, AdminError> {
        let (status, _) = self.request(Method::GET, "/ready").await?;
        Ok(status == StatusCode::OK)
    }

    /// Envoy's state from `/server_info`.
    ///
    /// # Errors
    /// When there is no answer, or not Envoy's.
    pub async fn state(&self) -> Result<ServerState, AdminError> {
        #[derive(Deserialize)]
        struct ServerInfo {
            state: ServerState,
        }
        const PATH: &str = "/server_info";
        let body = self.ok(Method::GET, PATH).await?;
        let info: ServerInfo =
            serde_json::from_slice(&body).map_err(|error| AdminError::Content(PATH, error))?;
        Ok(info.state)
    }

    /// Starts a graceful drain: HTTP answers carry `connection: close` (HTTP/2: GOAWAY) from now on, while
    /// listeners go on accepting, because peers learn only by and by that this proxy is leaving.
    ///
    /// # Errors
    /// When one of the two requests is not answered with 200.
    pub async fn drain(&self) -> Result<(), AdminError> {
        self.ok(Method::POST, "/healthcheck/fail").await?;
        self.ok(Method::POST, "/drain_listeners?graceful").await?;
        Ok(())
    }

    /// Connections open on the proxy's listeners; `None` when Envoy has no such gauge, because it has no listener
    /// or the user's stats configuration leaves the gauge out.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn open_connections(&self) -> Result<Option<u64>, AdminError> {
        let body = self
            .ok(
                Method::GET,
                "/stats?type=Gauges&filter=listener.*downstream_cx_active",
            )
            .await?;
        Ok(sum_connections(&String::from_utf8_lossy(&body)))
    }

    async fn ok(&self, method: Method, path: &'static str) -> Result<Bytes, AdminError> {
        match self.request(method, path).await? {
            (StatusCode::OK, body) => Ok(body),
            (status, _) => Err(AdminError::Status(path, status)),
        }
    }

    async fn request(&self, method: Method, path: &'static str) -> Result<(StatusCode, Bytes), AdminError> {
        tokio::time::timeout(REQUEST_TIMEOUT, self.exchange(method, path))
            .await
            .map_err(|_| AdminError::Timeout(path))?
    }

    async fn exchange(&self, method: Method, path: &'static str) -> Result<(StatusCode, Bytes), AdminError> {
        let stream = TcpStream::connect(self.address)
            .await
            .map_err(|error| AdminError::Connect(self.address, error))?;
        let http = |error| AdminError::Http(path, error);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(http)?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(hyper::header::HOST, self.address.to_string())
            .body(Empty::<Bytes>::new())
            .expect("a constant path and an address make a valid request");
        let answer = async {
            let answer = sender.send_request(request).await.map_err(http)?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
            Ok((
                status,
                body.map_err(|error| AdminError::Body(path, error))?.to_bytes(),
            ))
        };
        // The connection moves the answer's bytes; when it ends first, the answer above says why.
        let connection = async {
            let _ended = connection.await;
            std::future::pending().await
        };
        tokio::select! {
            answer = answer => answer,
            never = connection => never,
        }
    }
}

/// Adds up `listener.<address>.downstream_cx_active: <n>`, leaving out the admin interface (this very request) and
/// the per-worker parts of each sum.
fn sum_connections(stats: &str) -> Option<u64> {
    stats
        .lines()
        .filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let listener = name
                .strip_prefix("listener.")?
                .strip_suffix(".downstream_cx_active")?;
            let counts = !listener.starts_with("admin") && !listener.contains(".worker_");
            counts.then(|| value.trim().parse::<u64>().ok()).flatten()
        })
        .reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_those_of_the_proxys_listeners() {
        let stats = "listener.0.0.0.0_15000.downstream_cx_active: 3\n\
                     listener.0.0.0.0_15000.worker_0.downstream_cx_active: 3\n\
                     listener.127.0.0.1_15001.downstream_cx_active: 2\n\
                     listener.admin.downstream_cx_active: 1\n\
                     listener.admin.main_thread.downstream_cx_active: 1\n";
        assert_eq!(sum_connections(stats), Some(5));
        assert_eq!(sum_connections("listener.admin.downstream_cx_active: 1\n"), None);
        assert_eq!(sum_connections(""), None);
    }

    #[test]
    fn every_address_is_reached_over_loopback() {
        let reached = |text: &str| AdminClient::new(text.parse().unwrap()).address().to_string();
        assert_eq!(reached("0.0.0.0:9901"), "127.0.0.1:9901");
        assert_eq!(reached("[::]:9901"), "[::1]:9901");
        assert_eq!(reached("10.1.2.3:9901"), "10.1.2.3:9901");
    }
}
