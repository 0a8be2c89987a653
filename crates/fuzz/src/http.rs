//! Requests as text, in the format of `.http` files, and their way through a router.

use std::cell::RefCell;

use axum::Router;
use axum::body::Body;
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

/// Between two requests.
pub(crate) const SEPARATOR: &str = "\n###\n";

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Runs something to its end on a runtime of this thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: RefCell<Runtime> =
            RefCell::new(Builder::new_current_thread().enable_time().build().expect("a runtime needs nothing but memory"));
    }
    RUNTIME.with_borrow(|runtime| runtime.block_on(future))
}

/// The requests of a text, at most so many.
pub(crate) fn requests(data: &[u8], most: usize) -> Vec<(Parts, Vec<u8>)> {
    let mut rest = data;
    let mut found = Vec::new();
    while !rest.is_empty() && found.len() < most {
        let (request, after) = split(rest, SEPARATOR.as_bytes());
        found.extend(parse(request));
        rest = after;
    }
    found
}

/// A method, a target, headers and a body; `None` for what an HTTP server would not take as a request.
fn parse(request: &[u8]) -> Option<(Parts, Vec<u8>)> {
    let (head, body) = split(request, b"\n\n");
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let mut builder = Request::builder().method(method).uri(target);
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        builder = builder.header(name, value);
    }
    let (parts, ()) = builder.body(()).ok()?.into_parts();
    Some((parts, body.to_vec()))
}

/// Asks a router.
pub(crate) fn ask(router: &Router, head: Parts, body: Vec<u8>) -> Answer {
    let request = Request::from_parts(head, Body::from(body));
    block_on(async {
        let response = router.clone().oneshot(request).await;
        let (head, body) = response.unwrap_or_else(|never| match never {}).into_parts();
        let body = body.collect().await.expect("the body is in memory").to_bytes();
        let body = String::from_utf8(body.into()).expect("answers are text");
        Answer {
            status: head.status,
            headers: head.headers,
            body,
        }
    })
}

fn split<'d>(data: &'d [u8], separator: &[u8]) -> (&'d [u8], &'d [u8]) {
    let found = data
        .windows(separator.len())
        .position(|window| window == separator);
    found.map_or((data, &[]), |at| (&data[..at], &data[at + separator.len()..]))
}

impl Answer {
    /// The name of the error, where JSON services have it.
    pub(crate) fn error_type(&self) -> &str {
        let value = self.headers.get("x-amzn-errortype");
        value.and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
