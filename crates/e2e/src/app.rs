//! An application that knows nothing of the mesh: answers every request with the name it was given.

use std::convert::Infallible;
use std::net::TcpListener;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;

/// Serves HTTP/1.1 and HTTP/2 without TLS on a socket made in the application's task.
pub(crate) fn serve(listener: TcpListener, name: &str) {
    listener
        .set_nonblocking(true)
        .expect("a socket can be made non-blocking");
    let listener = tokio::net::TcpListener::from_std(listener).expect("within a runtime");
    let name = Bytes::from(name.to_owned());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let name = name.clone();
            let answer = move |request: Request<Incoming>| {
                let name = name.clone();
                async move { Ok::<_, Infallible>(respond(&request, name)) }
            };
            tokio::spawn(async move {
                let http = auto::Builder::new(TokioExecutor::new());
                // A connection that ends early is the client's affair.
                let _ = http
                    .serve_connection(TokioIo::new(stream), service_fn(answer))
                    .await;
            });
        }
    });
}

/// The name, and in headers what the application was asked: the host and the path as they arrived.
fn respond(request: &Request<Incoming>, name: Bytes) -> Response<Full<Bytes>> {
    let host = request.uri().authority().map(|a| a.as_str().to_owned());
    let host = host.or_else(|| Some(request.headers().get("host")?.to_str().ok()?.to_owned()));
    Response::builder()
        .header("x-seen-host", host.unwrap_or_default())
        .header("x-seen-path", request.uri().path())
        .body(Full::new(name))
        .expect("what was parsed as a request can be written as headers")
}
