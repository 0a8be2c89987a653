//! An HTTP server that answers as its script says: HTTP/1.1, HTTP/2, gRPC, websockets.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;

use super::Shared;
use super::script::{Answer, Asked};
use crate::grpc;
use crate::seen::Seen;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Makes hyper end the connection or stream without an answer.
#[derive(Debug)]
struct Cut;

pub(crate) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { respond(request, &shared).await }
    });
    let http = auto::Builder::new(TokioExecutor::new());
    // A connection that ends early is the client's affair.
    let _ = http
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .await;
}

async fn respond(mut request: Request<Incoming>, shared: &Shared) -> Result<Response<Body>, Cut> {
    if request.uri().path() == grpc::HEALTH_CHECK {
        return Ok(grpc_response([grpc::SERVING], Duration::ZERO));
    }
    let asked = Asked {
        number: 0,
        method: request.method().clone(),
        path: request
            .uri()
            .path_and_query()
            .map_or_else(String::new, ToString::to_string),
        headers: request.headers().clone(),
    };
    let mut answer = shared.next(asked);
    while let Answer::After(delay, later) = answer {
        tokio::time::sleep(delay).await;
        answer = *later;
    }
    if request.headers().contains_key(header::UPGRADE) {
        return Ok(upgrade(&mut request));
    }
    let is_grpc = grpc::is_grpc(request.headers());
    let seen = Bytes::from(Seen::of(&request, &shared.name, shared.port).to_json());
    match answer {
        Answer::Reset => Err(Cut),
        Answer::Never => std::future::pending().await,
        Answer::Stream { count, pause } if is_grpc => {
            Ok(grpc_response(std::iter::repeat_n(seen, count), pause))
        }
        Answer::Grpc(status) => Ok(grpc_failure(status)),
        Answer::Stream { count, pause } => Ok(events(count, pause)),
        Answer::Status(status) => Ok(plain(status, seen)),
        // A request is answered when it is complete, as ordinary applications do.
        Answer::Echo | Answer::After(..) => {
            let _ = request.body_mut().collect().await;
            Ok(if is_grpc {
                grpc_response([seen], Duration::ZERO)
            } else {
                plain(200, seen)
            })
        }
    }
}

fn plain(status: u16, text: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(text).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(status).expect("a script says a status of HTTP");
    response
}

fn events(count: usize, pause: Duration) -> Response<Body> {
    let pieces = (0..count).map(|number| Bytes::from(format!("data: {number}\n\n")));
    let body = paced(pieces, pause).map(|piece| Ok(Frame::data(piece)));
    let mut response = Response::new(StreamBody::new(body).boxed_unsync());
    let kind = header::HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Messages, one each time the pause has passed, and then that all is well, in trailers.
fn grpc_response(
    messages: impl IntoIterator<Item = Bytes, IntoIter: Send + 'static>,
    pause: Duration,
) -> Response<Body> {
    let messages = messages.into_iter().map(|message| grpc::frame(&message));
    let mut trailers = HeaderMap::new();
    trailers.insert(grpc::STATUS, 0.into());
    let data = paced(messages, pause).map(|message| Ok(Frame::data(message)));
    let body = data.chain(stream::iter([Ok(Frame::trailers(trailers))]));
    let mut response = Response::new(StreamBody::new(body).boxed_unsync());
    let kind = header::HeaderValue::from_static(grpc::CONTENT_TYPE);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// A status and nothing else.
fn grpc_failure(status: u32) -> Response<Body> {
    let mut response = plain(200, Bytes::new());
    let kind = header::HeaderValue::from_static(grpc::CONTENT_TYPE);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.headers_mut().insert(grpc::STATUS, status.into());
    response
}

fn paced<T: Send + 'static>(
    items: impl Iterator<Item = T> + Send + 'static,
    pause: Duration,
) -> impl futures::Stream<Item = T> + Send {
    stream::iter(items).then(move |item| async move {
        tokio::time::sleep(pause).await;
        item
    })
}

/// Switches protocols, and sends back what comes then.
fn upgrade(request: &mut Request<Incoming>) -> Response<Body> {
    let protocol = request.headers()[header::UPGRADE].clone();
    let upgraded = hyper::upgrade::on(request);
    tokio::spawn(async move {
        if let Ok(upgraded) = upgraded.await {
            let (mut from, mut to) = tokio::io::split(TokioIo::new(upgraded));
            let _ = tokio::io::copy(&mut from, &mut to).await;
        }
    });
    let mut response = plain(101, Bytes::new());
    response.headers_mut().insert(header::UPGRADE, protocol);
    let connection = header::HeaderValue::from_static("upgrade");
    response.headers_mut().insert(header::CONNECTION, connection);
    response
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the script says not to answer")
    }
}

impl std::error::Error for Cut {}
