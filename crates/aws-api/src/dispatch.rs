//! Which service a request is for.

use http::StatusCode;

use crate::error::ApiError;
use crate::protocol::Protocol;
use crate::request::Request;
use crate::text::excerpt;

/// The services that are here, for whoever asked for another one.
const SERVICES: &str = "appmesh, sts";
/// First step of every path of the App Mesh API.
const APP_MESH_PATH: &str = "/v20190125";
/// Version parameter of the STS API.
const STS_VERSION: &str = "2011-06-15";

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// The App Mesh API.
    AppMesh,
    /// The Security Token Service.
    Sts,
    /// A service that is not here.
    Elsewhere {
        /// What the request calls it.
        service: String,
        /// How it wants to be answered.
        protocol: Protocol,
    },
    /// Nothing in the request says that it is for an AWS service.
    Nowhere,
}

impl Destination {
    /// Finds the destination by the service of the credential scope, else by `X-Amz-Target`, else by `Action`, else
    /// by path. The scope goes first because it is what the client signed.
    pub(crate) fn of(request: &Request, scope_service: Option<&str>) -> Self {
        match scope_service {
            Some("appmesh") => Self::AppMesh,
            Some("sts") => Self::Sts,
            Some(service) => Self::Elsewhere {
                service: service.to_owned(),
                protocol: protocol_of(request, service),
            },
            None => unsigned(request),
        }
    }

    /// How answers look there.
    pub(crate) fn protocol(&self) -> Protocol {
        match self {
            Self::AppMesh | Self::Nowhere => Protocol::RestJson,
            Self::Sts => Protocol::Query,
            Self::Elsewhere { protocol, .. } => *protocol,
        }
    }

    /// The label for counters and spans.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::AppMesh => "appmesh",
            Self::Sts => "sts",
            Self::Elsewhere { .. } | Self::Nowhere => "Unknown",
        }
    }
}

/// What a client of a service that is not here gets to know.
pub(crate) fn no_such_service(service: &str, protocol: Protocol) -> ApiError {
    let (status, code) = match protocol {
        Protocol::RestJson => (StatusCode::NOT_FOUND, "UnknownOperationException"),
        Protocol::AwsJson => (StatusCode::BAD_REQUEST, "UnknownOperationException"),
        Protocol::Query | Protocol::Ec2 => (StatusCode::BAD_REQUEST, "InvalidAction"),
        Protocol::RestXml => (StatusCode::NOT_IMPLEMENTED, "NotImplemented"),
    };
    let message = format!(
        "this endpoint has no service \"{}\"; it serves {SERVICES}",
        excerpt(service)
    );
    ApiError::new(status, code, message)
}

/// What somebody gets to know who is no AWS client.
pub(crate) fn nothing_here(request: &Request) -> ApiError {
    let message = format!(
        "there is nothing at {} {}; AWS clients find {SERVICES} here",
        request.head.method,
        excerpt(request.path())
    );
    ApiError::new(StatusCode::NOT_FOUND, "UnknownOperationException", message)
}

fn unsigned(request: &Request) -> Destination {
    if let Some(target) = request.header("x-amz-target") {
        let service = target.split(['.', '_']).next().unwrap_or(target);
        return Destination::Elsewhere {
            service: service.to_owned(),
            protocol: Protocol::AwsJson,
        };
    }
    let path = request.path();
    if path == APP_MESH_PATH || path.starts_with("/v20190125/") {
        return Destination::AppMesh;
    }
    let Some(action) = request.parameter("Action") else {
        return Destination::Nowhere;
    };
    if request.parameter("Version").as_deref() == Some(STS_VERSION) || action == "GetCallerIdentity" {
        return Destination::Sts;
    }
    Destination::Elsewhere {
        service: format!("with the action {action}"),
        protocol: Protocol::Query,
    }
}

/// The protocol of a service that is not here, so that its client can read the refusal.
fn protocol_of(request: &Request, service: &str) -> Protocol {
    match service {
        "ec2" => Protocol::Ec2,
        "s3" | "route53" | "cloudfront" => Protocol::RestXml,
        _ if request.header("x-amz-target").is_some() => Protocol::AwsJson,
        _ if request.parameter("Action").is_some() => Protocol::Query,
        _ => Protocol::RestJson,
    }
}
