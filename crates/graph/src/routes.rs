//! Routes of virtual routers: what they match, in which order they are tried, what they do.

use std::cmp::Reverse;

use evermesh_model::spec::{GrpcRoute, HttpPathMatch, HttpRoute, RouteSpec, WeightedTarget as TargetSpec};

use crate::policy;
use crate::report::{Place, Report, code};
use crate::view::{PathMatch, RetryPolicy, Timeouts};

/// The place of a route among its siblings: priority, then how specific its path is, then its name, so that the
/// order is the same whoever computes it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    priority: u32,
    path_kind: u8,
    longer_path_first: Reverse<usize>,
    path: String,
    name: String,
}

impl Rank {
    pub(crate) fn new(priority: u32, path: &PathMatch, name: &str) -> Self {
        let (path_kind, path) = match path {
            PathMatch::Exact(path) => (0, path),
            PathMatch::Regex(pattern) => (1, pattern),
            PathMatch::Prefix(prefix) => (2, prefix),
        };
        Self {
            priority,
            path_kind,
            longer_path_first: Reverse(path.len()),
            path: path.clone(),
            name: name.to_owned(),
        }
    }
}

/// A route of requests, of any of the three protocols, without its destination.
pub(crate) struct RequestRoute<'a> {
    pub(crate) path: PathMatch,
    pub(crate) port: Option<u16>,
    pub(crate) timeouts: Timeouts,
    pub(crate) retry: RetryPolicy,
    pub(crate) targets: &'a [TargetSpec],
    /// Member of the spec that holds the route, for diagnostics.
    pub(crate) member: &'static str,
}

/// The request route of a spec; `None` for a TCP route, or when it asks for what this version does not do.
pub(crate) fn request_route<'a>(
    spec: &'a RouteSpec,
    place: &Place<'_>,
    report: &mut Report,
) -> Option<RequestRoute<'a>> {
    match (&spec.http_route, &spec.http2_route, &spec.grpc_route) {
        (Some(route), _, _) => http_route(route, "httpRoute", place, report),
        (_, Some(route), _) => http_route(route, "http2Route", place, report),
        (_, _, Some(route)) => grpc_route(route, "grpcRoute", place, report),
        (None, None, None) => None,
    }
}

fn http_route<'a>(
    route: &'a HttpRoute,
    member: &'static str,
    place: &Place<'_>,
    report: &mut Report,
) -> Option<RequestRoute<'a>> {
    let request = &route.r#match;
    let left_out_members = [
        ("queryParameters", request.query_parameters.is_some()),
        ("method", request.method.is_some()),
        ("scheme", request.scheme.is_some()),
        ("headers", request.headers.is_some()),
    ];
    if left_out(&left_out_members, &place.at(member).at("match"), report) {
        return None;
    }
    Some(RequestRoute {
        path: path_match(request.prefix.as_ref(), request.path.as_ref()),
        port: request.port,
        timeouts: policy::http_timeouts(route.timeout.as_ref()),
        retry: policy::http_retry(route.retry_policy.as_ref()),
        targets: &route.action.weighted_targets,
        member,
    })
}

fn grpc_route<'a>(
    route: &'a GrpcRoute,
    member: &'static str,
    place: &Place<'_>,
    report: &mut Report,
) -> Option<RequestRoute<'a>> {
    let request = &route.r#match;
    if left_out(
        &[("metadata", request.metadata.is_some())],
        &place.at(member).at("match"),
        report,
    ) {
        return None;
    }
    Some(RequestRoute {
        path: grpc_path(request.service_name.as_ref(), request.method_name.as_ref()),
        port: request.port,
        timeouts: policy::http_timeouts(route.timeout.as_ref()),
        retry: policy::grpc_retry(route.retry_policy.as_ref()),
        targets: &route.action.weighted_targets,
        member,
    })
}

/// Reports each member that is set; a route with one is left out, because without it the route would take requests
/// that are not meant for it.
pub(crate) fn left_out(members: &[(&str, bool)], place: &Place<'_>, report: &mut Report) -> bool {
    let mut any = false;
    for (member, _) in members.iter().filter(|(_, set)| *set) {
        let message = "this version does not do this yet: the route is left out";
        report.error(&place.at(member), code::NOT_TRANSLATED, message);
        any = true;
    }
    any
}

/// A match without a path takes all.
pub(crate) fn path_match(prefix: Option<&String>, path: Option<&HttpPathMatch>) -> PathMatch {
    let exact = path.and_then(|p| p.exact.clone()).map(PathMatch::Exact);
    let regex = || path.and_then(|p| p.regex.clone()).map(PathMatch::Regex);
    let prefix = || PathMatch::Prefix(prefix.cloned().unwrap_or_else(|| "/".to_owned()));
    exact.or_else(regex).unwrap_or_else(prefix)
}

/// A gRPC call is a request of `/<service>/<method>` (gRPC over HTTP/2, "Requests").
pub(crate) fn grpc_path(service: Option<&String>, method: Option<&String>) -> PathMatch {
    match (service, method) {
        (Some(service), Some(method)) => PathMatch::Exact(format!("/{service}/{method}")),
        (Some(service), None) => PathMatch::Prefix(format!("/{service}/")),
        (None, _) => PathMatch::Prefix("/".to_owned()),
    }
}
