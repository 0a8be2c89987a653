//! The least HTTP that the tests need: a request, and a server that answers from a closure and remembers.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    /// The `connection` header says `close`.
    pub closes: bool,
    pub body: String,
}

/// `GET path` on a connection of its own.
pub async fn get(address: SocketAddr, path: &str) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get(path)
        .header("host", address.to_string())
        .body(Empty::<Bytes>::new());
    let (head, body) = sender.send_request(request.unwrap()).await.unwrap().into_parts();
    Answer {
        status: head.status,
        closes: head
            .headers
            .get("connection")
            .is_some_and(|value| value == "close"),
        body: String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap(),
    }
}

/// A server on a free port of loopback that notes every request as `METHOD /path body-bytes`.
pub struct Server {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// `answer` maps the path and query of a request to its body.
    pub async fn start(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (requests.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, seen.clone(), answer.clone()));
            }
        });
        Self { address, requests }
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub fn count(&self, prefix: &str) -> usize {
        self.requests()
            .iter()
            .filter(|request| request.starts_with(prefix))
            .count()
    }
}

async fn serve<F>(stream: TcpStream, seen: Arc<Mutex<Vec<String>>>, answer: Arc<F>)
where
    F: Fn(&str) -> String + Send + Sync + 'static,
{
    let service = service_fn(|request: Request<Incoming>| {
        let (seen, answer) = (seen.clone(), answer.clone());
        async move {
            let (head, body) = request.into_parts();
            let bytes = body.collect().await?.to_bytes().len();
            let path = head.uri.to_string();
            seen.lock()
                .unwrap()
                .push(format!("{} {path} {bytes}", head.method));
            Ok::<_, hyper::Error>(Response::new(Full::new(Bytes::from(answer(&path)))))
        }
    });
    // A client that goes away ends its connection; the test looks at the requests.
    let _ended = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
