//! A call and its answer, by HTTP/1.1, HTTP/2 or gRPC: what is asked, and what came back. Not how it is made.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use http_body_util::Full;

use crate::grpc;
use crate::seen::Seen;
use crate::tls::Tls;

/// No answer takes as long, unless a test says so.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A request, and how it is to be made.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    uri: Uri,
    via: Option<String>,
    headers: HeaderMap,
    body: Bytes,
    pub(crate) is_http2: bool,
    pub(crate) tls: Option<Tls>,
    pub(crate) limit: Duration,
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
    pub(crate) fn place(&self) -> String {
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

    pub(crate) fn request(&self) -> Request<Full<Bytes>> {
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
