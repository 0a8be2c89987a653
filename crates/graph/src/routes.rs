//! Routes of virtual routers: what they match, in which order they are tried, what they do.

use std::cmp::Reverse;

use evermesh_model::spec::{GrpcRoute, HttpRoute, RouteSpec, WeightedTarget as TargetSpec};

use crate::report::{Place, Report};
use crate::view::{HostMatch, PathMatch, RequestMatch, RetryPolicy, Timeouts};
use crate::{matching, policy};

/// The place of a route among its siblings: priority, then how specific its path is, its host, the number of its other
/// conditions, and its name at last, so that the order is the same whoever computes it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    priority: u32,
    path_kind: u8,
    longer_path_first: Reverse<usize>,
    host_kind: u8,
    longer_host_first: Reverse<usize>,
    more_conditions_first: Reverse<usize>,
    name: String,
}

impl Rank {
    pub(crate) fn new(priority: u32, request: &RequestMatch, name: &str) -> Self {
        let (path_kind, path) = match &request.path {
            PathMatch::Exact(path) => (0, path),
            PathMatch::Regex(pattern) => (1, pattern),
            PathMatch::Prefix(prefix) => (2, prefix),
        };
        let (host_kind, host) = match &request.host {
            Some(HostMatch::Exact(name)) => (0, name.len()),
            Some(HostMatch::Suffix(end)) => (1, end.len()),
            None => (2, 0),
        };
        let alone = usize::from(request.method.is_some()) + usize::from(request.scheme.is_some());
        let conditions = alone + request.headers.len() + request.query_parameters.len();
        Self {
            priority,
            path_kind,
            longer_path_first: Reverse(path.len()),
            host_kind,
            longer_host_first: Reverse(host),
            more_conditions_first: Reverse(conditions),
            name: name.to_owned(),
        }
    }
}

/// A route of requests, of any of the three protocols, without its destination.
pub(crate) struct RequestRoute<'a> {
    pub(crate) matches: RequestMatch,
    pub(crate) port: Option<u16>,
    pub(crate) timeouts: Timeouts,
    pub(crate) retry: RetryPolicy,
    pub(crate) targets: &'a [TargetSpec],
    /// Member of the spec that holds the route, for diagnostics.
    pub(crate) member: &'static str,
}

/// The request route of a spec; `None` for a TCP route, or when no request can match.
pub(crate) fn request_route<'a>(
    spec: &'a RouteSpec,
    place: &Place<'_>,
    report: &mut Report,
) -> Option<RequestRoute<'a>> {
    let route = match (&spec.http_route, &spec.http2_route, &spec.grpc_route) {
        (Some(route), _, _) => http_route(route, "httpRoute"),
        (_, Some(route), _) => http_route(route, "http2Route"),
        (_, _, Some(route)) => grpc_route(route, "grpcRoute"),
        (None, None, None) => return None,
    };
    let member = place.at(route.member);
    matching::is_possible(&route.matches, &member.at("match"), report).then_some(route)
}

fn http_route<'a>(route: &'a HttpRoute, member: &'static str) -> RequestRoute<'a> {
    RequestRoute {
        matches: matching::http(&route.r#match),
        port: route.r#match.port,
        timeouts: policy::http_timeouts(route.timeout.as_ref()),
        retry: policy::http_retry(route.retry_policy.as_ref()),
        targets: &route.action.weighted_targets,
        member,
    }
}

fn grpc_route<'a>(route: &'a GrpcRoute, member: &'static str) -> RequestRoute<'a> {
    RequestRoute {
        matches: matching::grpc(&route.r#match),
        port: route.r#match.port,
        timeouts: policy::http_timeouts(route.timeout.as_ref()),
        retry: policy::grpc_retry(route.retry_policy.as_ref()),
        targets: &route.action.weighted_targets,
        member,
    }
}
