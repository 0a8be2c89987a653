//! Rules of routes.

use super::listener::http_timeout;
use super::{Rules, matching};
use crate::spec::{Duration, GrpcRoute, HttpRoute, RouteAction, RouteSpec, TcpRoute};

pub(super) fn check(rules: &mut Rules, spec: &RouteSpec) {
    rules.exactly_one(&[
        ("httpRoute", spec.http_route.is_some()),
        ("http2Route", spec.http2_route.is_some()),
        ("grpcRoute", spec.grpc_route.is_some()),
        ("tcpRoute", spec.tcp_route.is_some()),
    ]);
    for (step, route) in [("httpRoute", &spec.http_route), ("http2Route", &spec.http2_route)] {
        if let Some(route) = route {
            rules.at(step, |rules| http_route(rules, route));
        }
    }
    if let Some(route) = &spec.grpc_route {
        rules.at("grpcRoute", |rules| grpc_route(rules, route));
    }
    if let Some(route) = &spec.tcp_route {
        rules.at("tcpRoute", |rules| tcp_route(rules, route));
    }
}

fn http_route(rules: &mut Rules, route: &HttpRoute) {
    rules.at("match", |rules| {
        matching::path(rules, route.r#match.prefix.as_ref(), route.r#match.path.as_ref());
        matching::headers(rules, "headers", route.r#match.headers.as_ref());
        matching::query_parameters(rules, route.r#match.query_parameters.as_ref());
    });
    action(rules, &route.action);
    if let Some(policy) = &route.retry_policy {
        let events = policy.http_retry_events.is_some() || policy.tcp_retry_events.is_some();
        retry_policy(rules, events, policy.per_retry_timeout);
    }
    if let Some(timeout) = &route.timeout {
        rules.at("timeout", |rules| http_timeout(rules, timeout));
    }
}

fn grpc_route(rules: &mut Rules, route: &GrpcRoute) {
    rules.at("match", |rules| {
        if route.r#match.method_name.is_some() && route.r#match.service_name.is_none() {
            rules.fail_at("serviceName", "is required when methodName is set");
        }
        matching::headers(rules, "metadata", route.r#match.metadata.as_ref());
    });
    action(rules, &route.action);
    if let Some(policy) = &route.retry_policy {
        let events = policy.grpc_retry_events.is_some()
            || policy.http_retry_events.is_some()
            || policy.tcp_retry_events.is_some();
        retry_policy(rules, events, policy.per_retry_timeout);
    }
    if let Some(timeout) = &route.timeout {
        rules.at("timeout", |rules| http_timeout(rules, timeout));
    }
}

fn tcp_route(rules: &mut Rules, route: &TcpRoute) {
    action(rules, &route.action);
    if let Some(timeout) = &route.timeout {
        rules.at("timeout", |rules| rules.duration("idle", timeout.idle));
    }
}

fn action(rules: &mut Rules, action: &RouteAction) {
    if action.weighted_targets.iter().all(|target| target.weight == 0) {
        rules.fail_at("action.weightedTargets", "at least one weight must be above 0");
    }
}

fn retry_policy(rules: &mut Rules, has_events: bool, per_retry_timeout: Duration) {
    rules.at("retryPolicy", |rules| {
        if !has_events {
            rules.fail("must name at least one event to retry");
        }
        rules.duration("perRetryTimeout", Some(per_retry_timeout));
    });
}
