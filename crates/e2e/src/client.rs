//! Calls from within a task, by its name server and its own network: HTTP/1.1, HTTP/2, gRPC, TCP.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use evermesh_task::Task;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader};

use crate::grpc;
use crate::names;
use crate::seen::Seen;
use crate::task::MeshTask;
use crate::tls::Tls;

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The control plane's DNS server, on the gateway of every world's network.
const NAMESERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 74, 0, 1)), 53);
/// How often a name is asked for that is not answered.
const LOOK_UPS: usize = 40;
/// No answer takes as long, unless a test says so.
const LIMIT: Duration = Duration::from_secs(30);

/// A request, and how it is to be made.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    uri: Uri,
    via: Option<String>,
    headers: HeaderMap,
    body: Bytes,
    is_http2: bool,
    tls: Option<Tls>,
    limit: Duration,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// The trailers; none where there were none.
    pub trailers: HeaderMap,
}

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

impl Call {
    /// A `GET` by HTTP/1.1 of `http://host[:port]/path?query`.
    ///
    /// # Panics
    /// When that is no URL with a host.
    #[track_caller]
    pub fn get(url: &str) -> Self {
        let uri: Uri = url.parse().unwrap_or_else(|error| panic!("{url}: {error}"));
        assert!(uri.host().is_some(), "{url} has no host");
        Self {
            method: Method::GET,
            uri,
            via: None,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            is_http2: false,
            tls: None,
            limit: LIMIT,
        }
    }

    /// A call of a gRPC method: `http://host[:port]/package.Service/Method`.
    #[track_caller]
    pub fn grpc(url: &str, message: &[u8]) -> Self {
        let call = Self::get(url)
            .http2()
            .method("POST")
            .header("te", "trailers")
            .header("content-type", grpc::CONTENT_TYPE);
        Self {
            body: grpc::frame(message),
            ..call
        }
    }

    /// With another method.
    #[track_caller]
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = method.parse().expect("a method");
        self
    }

    /// With one more header. `host` is what the application claims to call, wherever it connects to.
    #[track_caller]
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: header::HeaderName = name.parse().expect("a header's name");
        self.headers
            .append(name, value.parse().expect("a header's value"));
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// By HTTP/2, known beforehand.
    #[must_use]
    pub fn http2(mut self) -> Self {
        self.is_http2 = true;
        self
    }

    /// By TLS.
    #[must_use]
    pub fn tls(mut self, tls: &Tls) -> Self {
        self.tls = Some(tls.clone());
        self
    }

    /// Connects to `host:port` instead of the URL's.
    #[must_use]
    pub fn via(mut self, place: &str) -> Self {
        self.via = Some(place.to_owned());
        self
    }

    /// Waits for the whole answer no longer than this.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// With the path and query of another URL.
    ///
    /// # Panics
    /// When `path` is none.
    #[track_caller]
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        let mut parts = self.uri.into_parts();
        parts.path_and_query = Some(path.parse().expect("a path"));
        self.uri = Uri::from_parts(parts).expect("only the path is another");
        self
    }

    /// Where to connect.
    fn place(&self) -> String {
        let own = || {
            let default = if self.uri.scheme_str() == Some("https") {
                443
            } else {
                80
            };
            let port = self.uri.port_u16().unwrap_or(default);
            format!("{}:{port}", self.uri.host().unwrap_or_default())
        };
        self.via.clone().unwrap_or_else(own)
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.headers_mut() = self.headers.clone();
        *request.uri_mut() = self.uri.clone();
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        if self.is_http2 {
            // `:authority` says the host; hyper takes it from the URI.
            if let Some(host) = request.headers_mut().remove(header::HOST) {
                let mut parts = self.uri.clone().into_parts();
                parts.authority = Some(host.as_bytes().try_into().expect("a host"));
                *request.uri_mut() = Uri::from_parts(parts).expect("only the host is another");
            }
        } else {
            let host = authority.parse().expect("a URL's host is a header's value");
            request.headers_mut().entry(header::HOST).or_insert(host);
            let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
            *request.uri_mut() = path.parse().expect("part of a URL");
        }
        request
    }
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

impl Reply {
    /// What the application saw, which it has answered with.
    ///
    /// # Panics
    /// When this is no such answer.
    #[track_caller]
    pub fn seen(&self) -> Seen {
        let message = self.messages().into_iter().next();
        let text = message.unwrap_or_else(|| self.body.clone());
        let seen = serde_json::from_slice(&text);
        seen.unwrap_or_else(|_| panic!("not what an application answers with: {self:?}"))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The status of a gRPC call; `None` when this is no answer of gRPC.
    pub fn grpc_status(&self) -> Option<u32> {
        let found = self
            .trailers
            .get(grpc::STATUS)
            .or_else(|| self.headers.get(grpc::STATUS));
        found?.to_str().ok()?.parse().ok()
    }

    /// The messages of a gRPC answer.
    pub fn messages(&self) -> Vec<Bytes> {
        if grpc::is_grpc(&self.headers) {
            grpc::messages(self.body.clone())
        } else {
            Vec::new()
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
