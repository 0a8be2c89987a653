//! Calls from within a task, by its name server and its own network: HTTP/1.1, HTTP/2, gRPC, TCP.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use evermesh_task::Task;
use http::Response;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader};

use crate::call::{Call, LIMIT, Reply};
use crate::names;
use crate::task::MeshTask;

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The control plane's DNS server, on the gateway of every world's network.
const NAMESERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 74, 0, 1)), 53);
/// How often a name is asked for that is not answered.
const LOOK_UPS: usize = 40;

/// Why there is no whole answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// There is no connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// The connection or stream ended before the answer was there.
    #[error("cut: {0}")]
    Cut(String),
    /// Nothing came in time.
    #[error("no answer in time")]
    Late,
}

/// A connection of an application, for one request after another.
pub struct Connection {
    sender: Sender,
}

/// A connection, with TLS or without.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl MeshTask {
    /// Makes a call on a connection of its own.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn call(&self, call: &Call) -> Result<Reply, CallError> {
        Connection::open(self.task(), call).await?.send(call).await
    }

    /// The name of the application that answers with 200.
    ///
    /// # Panics
    /// When there is another answer or none.
    pub async fn get(&self, url: &str) -> String {
        let reply = self.call(&Call::get(url)).await;
        reply.unwrap_or_else(|error| panic!("{url}: {error}")).seen().app
    }

    /// The status that a `GET` is answered with.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn status(&self, url: &str) -> u16 {
        let reply = self.call(&Call::get(url)).await;
        reply
            .unwrap_or_else(|error| panic!("{url}: {error}"))
            .status
            .as_u16()
    }

    /// A connection for calls like this one, which is not made yet.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn connect(&self, like: &Call) -> Result<Connection, CallError> {
        Connection::open(self.task(), like).await
    }

    /// What a server says first on a new TCP connection to `host:port`, up to the end of the line; nothing when there
    /// is no connection or it ends before.
    pub async fn says(&self, place: &str) -> String {
        let mut line = String::new();
        if let Ok(stream) = self.tcp(place).await {
            let mut stream = BufReader::new(stream);
            // A connection that ends has said nothing.
            let _ = tokio::time::timeout(LIMIT, stream.read_line(&mut line)).await;
        }
        line
    }

    /// A TCP connection to `host:port`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn tcp(&self, place: &str) -> Result<tokio::net::TcpStream, CallError> {
        connect(self.task(), place.to_owned()).await
    }
}

impl Connection {
    pub(crate) async fn open(task: &Arc<Task>, call: &Call) -> Result<Self, CallError> {
        let stream = connect(task, call.place()).await?;
        let stream: Box<dyn Stream> = match &call.tls {
            Some(tls) => Box::new(tls.connect(stream, call.is_http2).await?),
            None => Box::new(stream),
        };
        let stream = TokioIo::new(stream);
        let fault = |error: hyper::Error| CallError::Connect(describe(&error));
        let sender = if call.is_http2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), stream)
                .await
                .map_err(fault)?;
            tokio::spawn(connection);
            Sender::Http2(sender)
        } else {
            let (sender, connection) = http1::handshake(stream).await.map_err(fault)?;
            tokio::spawn(connection.with_upgrades());
            Sender::Http1(sender)
        };
        Ok(Self { sender })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When there is none.
    pub async fn send(&mut self, call: &Call) -> Result<Reply, CallError> {
        let answer = async {
            let response = self.start(call).await?;
            let (head, body) = response.into_parts();
            let body = body
                .collect()
                .await
                .map_err(|error| CallError::Cut(describe(&error)))?;
            Ok(Reply {
                status: head.status,
                headers: head.headers,
                trailers: body.trailers().cloned().unwrap_or_default(),
                body: body.to_bytes(),
            })
        };
        tokio::time::timeout(call.limit, answer)
            .await
            .unwrap_or(Err(CallError::Late))
    }

    /// Sends a request and reads the head of the answer, for bodies that are streamed and for upgrades.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start(&mut self, call: &Call) -> Result<Response<Incoming>, CallError> {
        let request = call.request();
        let sent = match &mut self.sender {
            Sender::Http1(sender) => match sender.ready().await {
                Ok(()) => sender.send_request(request).await,
                Err(error) => Err(error),
            },
            Sender::Http2(sender) => match sender.ready().await {
                Ok(()) => sender.send_request(request).await,
                Err(error) => Err(error),
            },
        };
        sent.map_err(|error| CallError::Cut(describe(&error)))
    }

    /// Whether the other side has not ended it, or asked for its end.
    pub async fn is_open(&mut self) -> bool {
        match &mut self.sender {
            Sender::Http1(sender) => sender.ready().await.is_ok(),
            Sender::Http2(sender) => sender.ready().await.is_ok(),
        }
    }
}

/// Connects on a thread that is in the task.
async fn connect(task: &Arc<Task>, place: String) -> Result<tokio::net::TcpStream, CallError> {
    let task = Arc::clone(task);
    let connecting = tokio::task::spawn_blocking(move || task.run_in(|| connect_here(&place, NAMESERVER)));
    let stream = connecting
        .await
        .expect("connecting does not panic")
        .expect("the task is there");
    let stream = stream.map_err(|error| CallError::Connect(error.to_string()))?;
    Ok(tokio::net::TcpStream::from_std(stream).expect("within a runtime"))
}

fn connect_here(place: &str, nameserver: SocketAddr) -> std::io::Result<TcpStream> {
    let mut outcome = Err(std::io::ErrorKind::AddrNotAvailable.into());
    for address in resolve(place, nameserver)? {
        outcome = TcpStream::connect_timeout(&address, CONNECT_LIMIT);
        if let Ok(stream) = &outcome {
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            break;
        }
    }
    outcome
}

/// The addresses of `host:port`, IPv4 first.
fn resolve(place: &str, nameserver: SocketAddr) -> std::io::Result<Vec<SocketAddr>> {
    if let Ok(address) = place.parse() {
        return Ok(vec![address]);
    }
    let (host, port) = place
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse().ok()?)))
        .ok_or(std::io::ErrorKind::InvalidInput)?;
    // A question or its answer may be lost on a machine that is busy.
    let mut tries = (0..LOOK_UPS).filter_map(|_| names::addresses(nameserver, host));
    let found = tries.next().ok_or(std::io::ErrorKind::TimedOut)?;
    Ok(found
        .into_iter()
        .map(|address| SocketAddr::new(address, port))
        .collect())
}

/// An error with what is behind it.
fn describe(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
