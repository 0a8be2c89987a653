//! An HTTP server that asks another one, as the front ends of users' walkthroughs do.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use evermesh_task::Task;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;

use super::Shared;
use crate::call::Call;
use crate::client::Connection;

/// Headers of a connection, not of a request.
const HOP_BY_HOP: [header::HeaderName; 5] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

pub(crate) async fn serve(stream: TcpStream, shared: Arc<Shared>, task: Arc<Task>, call: Call) {
    let service = service_fn(move |request| {
        shared.asked.fetch_add(1, Ordering::Relaxed);
        let (task, call) = (Arc::clone(&task), call.clone());
        async move { Ok::<_, Infallible>(respond(request, &task, call).await) }
    });
    let http = auto::Builder::new(TokioExecutor::new());
    // A connection that ends early is the client's affair.
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(request: Request<Incoming>, task: &Arc<Task>, call: Call) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes);
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut call = call
        .method(head.method.as_str())
        .path(path)
        .body(body.unwrap_or_default());
    for (name, value) in &head.headers {
        if !HOP_BY_HOP.contains(name) {
            call = call.header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
        }
    }
    let answer = async { Connection::open(task, &call).await?.send(&call).await };
    match answer.await {
        Ok(reply) => {
            let mut response = Response::new(Full::new(reply.body));
            *response.status_mut() = reply.status;
            response
        }
        Err(error) => {
            let mut response = Response::new(Full::from(error.to_string()));
            *response.status_mut() = http::StatusCode::BAD_GATEWAY;
            response
        }
    }
}
