//! The AWS protocols: how answers and refusals look on the wire.

use axum::body::Body;
use axum::response::Response;
use http::header::{ALLOW, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::text::xml_escape;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// One of the forms that AWS services speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Paths and methods, JSON bodies: App Mesh.
    RestJson,
    /// `X-Amz-Target` and JSON bodies: Cloud Map, SSM, ECS.
    AwsJson,
    /// Forms in, XML out: STS, CloudFormation, IAM.
    Query,
    /// The Query protocol with EC2's own errors.
    Ec2,
    /// Paths and methods, XML bodies: S3, Route 53.
    RestXml,
}

/// What an operation answers when it succeeds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// A JSON body.
    Json(Value),
    /// An XML body.
    Xml(String),
}

/// The response to an operation that succeeded.
pub(crate) fn success(answer: &Answer, request_id: &str) -> Response {
    match answer {
        Answer::Json(value) => response(StatusCode::OK, "application/json", value.to_string(), request_id),
        Answer::Xml(text) => response(StatusCode::OK, "text/xml", text.clone(), request_id),
    }
}

/// The response to a request that was refused.
pub(crate) fn refusal(protocol: Protocol, error: &ApiError, request_id: &str) -> Response {
    let (content_type, body) = match protocol {
        Protocol::RestJson => (
            "application/json",
            json!({ "message": error.message }).to_string(),
        ),
        Protocol::AwsJson => (
            "application/x-amz-json-1.1",
            json!({ "__type": error.code, "message": error.message }).to_string(),
        ),
        Protocol::Query => ("text/xml", query_error(error, request_id)),
        Protocol::Ec2 => ("text/xml", ec2_error(error, request_id)),
        Protocol::RestXml => ("application/xml", rest_xml_error(error, request_id)),
    };
    let mut response = response(error.status, content_type, body, request_id);
    let headers = response.headers_mut();
    if matches!(protocol, Protocol::RestJson | Protocol::AwsJson) {
        headers.insert(ERROR_TYPE, HeaderValue::from_static(error.code));
    }
    if let Some(allow) = error.allow.as_deref().and_then(|allow| allow.parse().ok()) {
        headers.insert(ALLOW, allow);
    }
    response
}

fn response(status: StatusCode, content_type: &'static str, body: String, request_id: &str) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// `Type` says who is to blame, and so whether a retry can help.
fn query_error(error: &ApiError, request_id: &str) -> String {
    let blame = if error.status.is_server_error() {
        "Receiver"
    } else {
        "Sender"
    };
    format!(
        "<ErrorResponse xmlns=\"{}\"><Error><Type>{blame}</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>{request_id}</RequestId></ErrorResponse>",
        crate::sts::NAMESPACE,
        error.code,
        xml_escape(&error.message)
    )
}

fn ec2_error(error: &ApiError, request_id: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Errors><Error><Code>{}</Code><Message>{}</Message>\
         </Error></Errors><RequestID>{request_id}</RequestID></Response>",
        error.code,
        xml_escape(&error.message)
    )
}

fn rest_xml_error(error: &ApiError, request_id: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{}</Code><Message>{}</Message>\
         <RequestId>{request_id}</RequestId></Error>",
        error.code,
        xml_escape(&error.message)
    )
}
