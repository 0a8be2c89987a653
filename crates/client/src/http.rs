//! One request, signed or not, and its whole answer, with limits on time and size.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::error::{ClientError, Refusal};

/// The control plane itself gives up on an operation earlier.
const TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A page of 100 references has about 50 KiB; the diagnostics of a large mesh are what may be long.
const LARGEST_ANSWER: usize = 64 << 20;
/// Names the exception, perhaps with a colon and a URL after it.
const ERROR_TYPE: &str = "x-amzn-errortype";

/// The HTTP side of a control plane.
#[derive(Debug)]
pub(crate) struct Http {
    endpoint: Endpoint,
    credentials: Option<Credentials>,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Http {
    pub(crate) fn new(endpoint: Endpoint, credentials: Option<Credentials>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self {
            endpoint,
            credentials,
            client,
        }
    }

    /// What requests are signed with.
    pub(crate) fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Sends a request and answers with the body of a success; anything else is a refusal.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Bytes, ClientError> {
        let exchange = self.exchange(method, path, body);
        let late = |_| ClientError::TimedOut {
            endpoint: self.endpoint.clone(),
            limit: TIMEOUT,
        };
        let (status, headers, body) = tokio::time::timeout(TIMEOUT, exchange).await.map_err(late)??;
        if status.is_success() {
            return Ok(body);
        }
        Err(ClientError::Refused(refusal(status, &headers, &body)))
    }

    /// The error for an answer that is not what `method` and `path` ask for.
    pub(crate) fn not_understood(&self, path: &str, reason: impl Into<String>) -> ClientError {
        ClientError::NotUnderstood {
            endpoint: self.endpoint.clone(),
            request: path.to_owned(),
            reason: reason.into(),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), ClientError> {
        let request = self.request(method, path, body);
        let unreachable = |source| ClientError::Unreachable {
            endpoint: self.endpoint.clone(),
            source,
        };
        let response = self.client.request(request).await.map_err(unreachable)?;
        let (head, body) = response.into_parts();
        let broken = |source| ClientError::Broken {
            endpoint: self.endpoint.clone(),
            source,
        };
        let body = Limited::new(body, LARGEST_ANSWER)
            .collect()
            .await
            .map_err(broken)?;
        Ok((head.status, head.headers, body.to_bytes()))
    }

    fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Request<Full<Bytes>> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(self.endpoint.uri(path))
            .header(HOST, self.endpoint.host())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(())
            .expect("every part is valid");
        let (mut head, ()) = request.into_parts();
        if let Some(credentials) = &self.credentials {
            let signer = credentials.signer();
            signer.sign(&mut head, body.as_bytes(), service_of(path), SystemTime::now());
        }
        Request::from_parts(head, Full::from(body))
    }
}

/// The service that a request is signed for. The control plane's own views are no part of the App Mesh API.
fn service_of(path: &str) -> &'static str {
    if path.starts_with("/v20190125/") {
        "appmesh"
    } else if path.starts_with("/evermesh/") {
        "evermesh"
    } else {
        "sts"
    }
}

/// Of the rest-json form, with its code in a header, or of the Query form, in XML.
fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refusal {
    let text = String::from_utf8_lossy(body);
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let in_json = json.as_ref().and_then(|body| body.get("message")?.as_str());
    let code = headers.get(ERROR_TYPE).and_then(|value| value.to_str().ok());
    let code = code.and_then(|code| code.split(':').next()).map(str::to_owned);
    Refusal {
        status: status.as_u16(),
        code: code.or_else(|| element(&text, "Code")).unwrap_or_default(),
        message: in_json
            .map(str::to_owned)
            .or_else(|| element(&text, "Message"))
            .unwrap_or_else(|| excerpt(&text)),
    }
}

/// Text of an XML element that has no markup in it; of the first one of that name.
pub(crate) fn element(xml: &str, name: &str) -> Option<String> {
    let (_, after) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = after.split_once(&format!("</{name}>"))?;
    Some(text.to_owned())
}

/// The start of a body that is no refusal of AWS's form.
fn excerpt(body: &str) -> String {
    const LONGEST: usize = 300;
    let shown: String = body.trim().chars().take(LONGEST).collect();
    shown.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn refusals_are_read_from_header_and_body() {
        let mut headers = HeaderMap::new();
        headers.insert(
            ERROR_TYPE,
            HeaderValue::from_static("NotFoundException:http://internal.amazon.com/"),
        );
        let read = refusal(
            StatusCode::NOT_FOUND,
            &headers,
            br#"{"message":"mesh/m does not exist"}"#,
        );
        assert_eq!(read.to_string(), "mesh/m does not exist (NotFoundException)");
        assert!(ClientError::Refused(read).is_not_found());
        let xml =
            b"<ErrorResponse><Error><Code>InvalidAction</Code><Message>no</Message></Error></ErrorResponse>";
        let query = refusal(StatusCode::BAD_REQUEST, &HeaderMap::new(), xml);
        assert_eq!(query.to_string(), "no (InvalidAction)");
        let other = refusal(StatusCode::BAD_GATEWAY, &HeaderMap::new(), b"<html>\nno upstream");
        assert_eq!(other.to_string(), "refused with status 502: <html>\\nno upstream");
        assert!(!ClientError::Refused(other).is_not_found());
    }
}
