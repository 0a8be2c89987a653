//! Rules of gateway routes (user guide, "Gateway routes").

use super::{Rules, matching};
use crate::id::is_reserved_service_name;
use crate::spec::{
    GatewayRouteHostnameMatch, GatewayRouteSpec, GrpcGatewayRoute, HttpGatewayRoute, HttpGatewayRouteMatch,
    HttpGatewayRouteRewrite,
};

/// Prefixes that App Mesh keeps to itself.
const RESERVED_PREFIXES: [&str; 2] = ["/aws-appmesh", "/aws-app-mesh"];

pub(super) fn check(rules: &mut Rules, spec: &GatewayRouteSpec) {
    rules.exactly_one(&[
        ("httpRoute", spec.http_route.is_some()),
        ("http2Route", spec.http2_route.is_some()),
        ("grpcRoute", spec.grpc_route.is_some()),
    ]);
    for (step, route) in [("httpRoute", &spec.http_route), ("http2Route", &spec.http2_route)] {
        if let Some(route) = route {
            rules.at(step, |rules| http_route(rules, route));
        }
    }
    if let Some(route) = &spec.grpc_route {
        rules.at("grpcRoute", |rules| grpc_route(rules, route));
    }
}

fn http_route(rules: &mut Rules, route: &HttpGatewayRoute) {
    let request = &route.r#match;
    rules.at("match", |rules| {
        matching::path(rules, request.prefix.as_ref(), request.path.as_ref());
        let whole_path = request.path.as_ref().and_then(|path| path.exact.as_ref());
        for (step, text) in [("prefix", request.prefix.as_ref()), ("path.exact", whole_path)] {
            if text.is_some_and(|text| {
                RESERVED_PREFIXES
                    .iter()
                    .any(|reserved| text.starts_with(reserved))
            }) {
                rules.fail_at(
                    step,
                    "paths that begin with /aws-appmesh or /aws-app-mesh are reserved",
                );
            }
        }
        matching::headers(rules, "headers", request.headers.as_ref());
        matching::query_parameters(rules, request.query_parameters.as_ref());
        hostname(rules, request.hostname.as_ref());
    });
    if let Some(rewrite) = &route.action.rewrite {
        rules.at("action.rewrite", |rules| http_rewrite(rules, rewrite, request));
    }
}

fn grpc_route(rules: &mut Rules, route: &GrpcGatewayRoute) {
    rules.at("match", |rules| {
        if route
            .r#match
            .service_name
            .as_deref()
            .is_some_and(is_reserved_service_name)
        {
            rules.fail_at(
                "serviceName",
                "names that begin with aws.app-mesh or aws.appmesh are reserved",
            );
        }
        matching::headers(rules, "metadata", route.r#match.metadata.as_ref());
        hostname(rules, route.r#match.hostname.as_ref());
    });
}

fn hostname(rules: &mut Rules, hostname: Option<&GatewayRouteHostnameMatch>) {
    if let Some(hostname) = hostname {
        rules.at("hostname", |rules| {
            rules.exactly_one(&[
                ("exact", hostname.exact.is_some()),
                ("suffix", hostname.suffix.is_some()),
            ]);
        });
    }
}

/// A rewrite replaces what was matched: the prefix when a prefix was, the path when the whole path was.
fn http_rewrite(rules: &mut Rules, rewrite: &HttpGatewayRouteRewrite, request: &HttpGatewayRouteMatch) {
    if let Some(prefix) = &rewrite.prefix {
        rules.at("prefix", |rules| {
            if request.path.is_some() {
                rules.fail("needs a match by prefix, the match is by path");
            }
            rules.exactly_one(&[
                ("defaultPrefix", prefix.default_prefix.is_some()),
                ("value", prefix.value.is_some()),
            ]);
            if prefix.value.as_ref().is_some_and(|value| !value.starts_with('/')) {
                rules.fail_at("value", "must start with a slash");
            }
        });
    }
    if let Some(path) = &rewrite.path {
        rules.at("path", |rules| {
            if request.path.is_none() {
                rules.fail("needs a match by path, the match is by prefix");
            }
            match &path.exact {
                None => rules.fail_at("exact", "is required"),
                Some(exact) if !exact.starts_with('/') => rules.fail_at("exact", "must start with a slash"),
                Some(_) => {}
            }
        });
    }
}
