//! Gateway routes: from a gateway's port into its own egress listener, and what is rewritten on the way.

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::config::route::v3::{Route, RouteAction, RouteMatch, route, route_action};
use envoy_types::pb::envoy::r#type::matcher::v3::RegexMatchAndSubstitute;
use evermesh_graph::view::{Destination, GatewayRoute, PathMatch, PathRewrite, SERVICE_HEADER};

use crate::{matching, route as routes};

/// What a gateway route becomes. A rewritten prefix needs two routes, or `/x` and `/x/y` would become `/` and `//y`: the
/// longer one takes its slash with it.
pub(crate) fn routes(route: &GatewayRoute, cluster: &str) -> Vec<Route> {
    let path = &route.matches.path;
    let Some(destination) = &route.destination else {
        return vec![one(route, path, routes::unavailable())];
    };
    let paths: Vec<(PathMatch, PathRewrite)> = match (path, &destination.path_rewrite) {
        (PathMatch::Prefix(prefix), PathRewrite::Prefix(value)) if !prefix.ends_with('/') => vec![
            (
                PathMatch::Prefix(format!("{prefix}/")),
                PathRewrite::Prefix(with_slash(value)),
            ),
            (path.clone(), PathRewrite::Prefix(value.clone())),
        ],
        (path, PathRewrite::Prefix(value)) => vec![(path.clone(), PathRewrite::Prefix(with_slash(value)))],
        (path, rewrite) => vec![(path.clone(), rewrite.clone())],
    };
    let into_mesh = |(path, rewrite)| {
        let action = RouteAction {
            host_rewrite_specifier: host_rewrite(destination),
            ..rewritten(
                &path,
                rewrite,
                routes::to_cluster(cluster.to_owned(), destination.timeouts),
            )
        };
        Route {
            request_headers_to_add: service_header(destination),
            ..one(route, &path, route::Action::Route(action))
        }
    };
    paths.into_iter().map(into_mesh).collect()
}

/// Nobody but the gateway itself says where a request goes.
fn one(route: &GatewayRoute, path: &PathMatch, action: route::Action) -> Route {
    let RouteMatch { path_specifier, .. } = matching::path(path);
    Route {
        name: route.name.clone(),
        r#match: Some(RouteMatch {
            path_specifier,
            ..matching::request(&route.matches)
        }),
        action: Some(action),
        request_headers_to_remove: vec![SERVICE_HEADER.to_owned()],
        ..Route::default()
    }
}

fn rewritten(path: &PathMatch, rewrite: PathRewrite, action: RouteAction) -> RouteAction {
    match (path, rewrite) {
        (_, PathRewrite::Keep) => action,
        // To Envoy a path that is matched as a whole is a prefix too.
        (
            PathMatch::Prefix(_) | PathMatch::Exact(_),
            PathRewrite::Prefix(value) | PathRewrite::Path(value),
        ) => RouteAction {
            prefix_rewrite: value,
            ..action
        },
        (PathMatch::Regex(_), PathRewrite::Prefix(value) | PathRewrite::Path(value)) => RouteAction {
            regex_rewrite: Some(RegexMatchAndSubstitute {
                pattern: Some(matching::regex("^.*$".to_owned())),
                // A backslash refers to a group of the pattern unless there are two.
                substitution: value.replace('\\', "\\\\"),
            }),
            ..action
        },
    }
}

fn host_rewrite(destination: &Destination) -> Option<route_action::HostRewriteSpecifier> {
    let host = (!destination.keep_host).then(|| destination.host.clone());
    host.map(route_action::HostRewriteSpecifier::HostRewriteLiteral)
}

/// Says where a request goes whose host does not.
fn service_header(destination: &Destination) -> Vec<HeaderValueOption> {
    if !destination.keep_host {
        return Vec::new();
    }
    vec![HeaderValueOption {
        header: Some(HeaderValue {
            key: SERVICE_HEADER.to_owned(),
            // A single percent sign would begin one of Envoy's operators.
            value: destination.host.replace('%', "%%"),
            ..HeaderValue::default()
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..HeaderValueOption::default()
    }]
}

fn with_slash(path: &str) -> String {
    if path.ends_with('/') {
        path.to_owned()
    } else {
        format!("{path}/")
    }
}
