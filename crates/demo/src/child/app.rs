//! An application: HTTP on port 80, with HTTP/2 by prior knowledge or HTTP/1.1, that answers with its name.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

const PORT: u16 = 80;

/// Serves until the process is killed.
pub(super) async fn serve(name: String) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    let answer = Bytes::from(format!("{name}\n"));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answer = answer.clone();
        let service = service_fn(move |_: Request<Incoming>| {
            let response = Response::new(Full::new(answer.clone()));
            async { Ok::<_, Infallible>(response) }
        });
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            // A connection that breaks concerns its client only.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
