//! What routes and gateway routes match requests by: from their specs to the vocabulary of views.

use evermesh_model::spec::{
    GatewayRouteHostnameMatch, GrpcGatewayRouteMatch, GrpcRouteMatch, HeaderMatch as HeaderSpec,
    HeaderMatchMethod, HttpGatewayRouteMatch, HttpMethod, HttpPathMatch, HttpQueryParameter, HttpRouteMatch,
    HttpScheme,
};

use crate::report::{Place, Report, code};
use crate::view::{HeaderMatch, HeaderValueMatch, HostMatch, PathMatch, QueryParameterMatch, RequestMatch};

pub(crate) fn http(request: &HttpRouteMatch) -> RequestMatch {
    RequestMatch {
        path: path(request.prefix.as_ref(), request.path.as_ref()),
        method: request.method.map(method),
        scheme: request.scheme.map(scheme),
        host: None,
        headers: headers(request.headers.as_deref()),
        query_parameters: query_parameters(request.query_parameters.as_deref()),
    }
}

/// That a call says `application/grpc` of its content is not asked for: what is no gRPC and comes to such a route, like
/// gRPC-Web or a load balancer's health check, is the application's to answer.
pub(crate) fn grpc(request: &GrpcRouteMatch) -> RequestMatch {
    RequestMatch {
        headers: headers(request.metadata.as_deref()),
        ..RequestMatch::path(grpc_path(
            request.service_name.as_ref(),
            request.method_name.as_ref(),
        ))
    }
}

pub(crate) fn gateway_http(request: &HttpGatewayRouteMatch) -> RequestMatch {
    RequestMatch {
        path: path(request.prefix.as_ref(), request.path.as_ref()),
        method: request.method.map(method),
        scheme: None,
        host: request.hostname.as_ref().and_then(host),
        headers: headers(request.headers.as_deref()),
        query_parameters: query_parameters(request.query_parameters.as_deref()),
    }
}

pub(crate) fn gateway_grpc(request: &GrpcGatewayRouteMatch) -> RequestMatch {
    RequestMatch {
        host: request.hostname.as_ref().and_then(host),
        headers: headers(request.metadata.as_deref()),
        ..RequestMatch::path(grpc_path(request.service_name.as_ref(), None))
    }
}

/// The longest name of a query parameter that Envoy compares
/// (`envoy.config.route.v3.QueryParameterMatcher.name`).
const LONGEST_PARAMETER_NAME: usize = 1024;

/// Whether there can be a request that matches; says why not.
pub(crate) fn is_possible(request: &RequestMatch, place: &Place<'_>, report: &mut Report) -> bool {
    let mut possible = true;
    if request.method.as_deref() == Some("CONNECT") {
        let message = "a CONNECT request asks for a tunnel and has no path to match: the route is left out";
        report.warning(&place.at("method"), code::MATCH_IMPOSSIBLE, message);
        possible = false;
    }
    for (index, parameter) in request.query_parameters.iter().enumerate() {
        if parameter.name.len() > LONGEST_PARAMETER_NAME {
            let message = format!(
                "Envoy compares names of up to {LONGEST_PARAMETER_NAME} bytes: the route is left out"
            );
            let item = place.item("queryParameters", index);
            report.error(&item.at("name"), code::MATCH_IMPOSSIBLE, message);
            possible = false;
        }
    }
    possible
}

/// A match without a path takes all.
fn path(prefix: Option<&String>, path: Option<&HttpPathMatch>) -> PathMatch {
    let exact = path.and_then(|p| p.exact.clone()).map(PathMatch::Exact);
    let regex = || path.and_then(|p| p.regex.clone()).map(PathMatch::Regex);
    let prefix = || PathMatch::Prefix(prefix.cloned().unwrap_or_else(|| "/".to_owned()));
    exact.or_else(regex).unwrap_or_else(prefix)
}

/// A gRPC call is a request of `/<service>/<method>` (gRPC over HTTP/2, "Requests").
fn grpc_path(service: Option<&String>, method: Option<&String>) -> PathMatch {
    match (service, method) {
        (Some(service), Some(method)) => PathMatch::Exact(format!("/{service}/{method}")),
        (Some(service), None) => PathMatch::Prefix(format!("/{service}/")),
        (None, _) => PathMatch::Prefix("/".to_owned()),
    }
}

fn method(method: HttpMethod) -> String {
    let name = match method {
        HttpMethod::Get => "GET",
        HttpMethod::Head => "HEAD",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
        HttpMethod::Delete => "DELETE",
        HttpMethod::Connect => "CONNECT",
        HttpMethod::Options => "OPTIONS",
        HttpMethod::Trace => "TRACE",
        HttpMethod::Patch => "PATCH",
    };
    name.to_owned()
}

fn scheme(scheme: HttpScheme) -> String {
    let name = match scheme {
        HttpScheme::Http => "http",
        HttpScheme::Https => "https",
    };
    name.to_owned()
}

fn host(host: &GatewayRouteHostnameMatch) -> Option<HostMatch> {
    let exact = host
        .exact
        .as_ref()
        .map(|name| HostMatch::Exact(name.to_ascii_lowercase()));
    let suffix = host
        .suffix
        .as_ref()
        .map(|end| HostMatch::Suffix(end.to_ascii_lowercase()));
    exact.or(suffix)
}

fn headers(headers: Option<&[HeaderSpec]>) -> Vec<HeaderMatch> {
    let header = |spec: &HeaderSpec| HeaderMatch {
        name: spec.name.to_ascii_lowercase(),
        invert: spec.invert.unwrap_or(false),
        value: spec
            .r#match
            .as_ref()
            .map_or(HeaderValueMatch::Present, header_value),
    };
    headers.unwrap_or_default().iter().map(header).collect()
}

fn header_value(value: &HeaderMatchMethod) -> HeaderValueMatch {
    match value {
        HeaderMatchMethod::Exact(text) => HeaderValueMatch::Exact(text.clone()),
        HeaderMatchMethod::Prefix(text) => HeaderValueMatch::Prefix(text.clone()),
        HeaderMatchMethod::Suffix(text) => HeaderValueMatch::Suffix(text.clone()),
        HeaderMatchMethod::Regex(pattern) => HeaderValueMatch::Regex(pattern.clone()),
        HeaderMatchMethod::Range(range) => HeaderValueMatch::Range {
            start: range.start,
            end: range.end,
        },
    }
}

fn query_parameters(parameters: Option<&[HttpQueryParameter]>) -> Vec<QueryParameterMatch> {
    let parameter = |spec: &HttpQueryParameter| QueryParameterMatch {
        name: spec.name.clone(),
        value: spec.r#match.as_ref().and_then(|value| value.exact.clone()),
    };
    parameters.unwrap_or_default().iter().map(parameter).collect()
}
