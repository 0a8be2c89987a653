//! Routes: virtual hosts, matches, destinations, rewrites.

use std::collections::BTreeMap;
use std::sync::Arc;

use envoy_types::pb::envoy::config::route::v3::{
    DirectResponseAction, Route, RouteAction, RouteConfiguration, RouteMatch, VirtualHost, WeightedCluster,
    route, route_action, route_match, weighted_cluster,
};
use envoy_types::pb::envoy::r#type::matcher::v3::RegexMatcher;
use evermesh_graph::view::{
    AppListener, Destination, EGRESS_PORT, GatewayListener, GatewayRoute, HttpService, PathMatch,
    PathRewrite, Timeouts, WeightedTarget,
};

use crate::common::{duration, number};
use crate::piece::{EgressRoutes, Owner};
use crate::{names, retry};

/// Everything that comes to a port of the local application.
pub(crate) fn ingress(owner: Owner<'_>, listener: &AppListener) -> RouteConfiguration {
    let cluster = names::local_application(owner, listener.protocol, listener.port);
    let all = to_all(route::Action::Route(to_cluster(cluster, listener.timeouts)));
    configuration(
        names::ingress_routes(listener.port),
        vec![virtual_host("ingress", vec!["*".to_owned()], vec![all])],
    )
}

/// The routes of a gateway's port, which lead to its own egress listener.
pub(crate) fn gateway(owner: Owner<'_>, listener: &GatewayListener, several: bool) -> RouteConfiguration {
    let cluster = names::self_redirect(owner, listener.protocol, listener.port, several);
    let routes = listener
        .routes
        .iter()
        .flat_map(|route| gateway_routes(route, &cluster))
        .collect();
    configuration(
        names::ingress_routes(listener.port),
        vec![virtual_host("self_redirect", vec!["*".to_owned()], routes)],
    )
}

/// The services called on a port. Where other hosts may be called, what is asked of them goes where the caller wanted.
pub(crate) fn egress(inputs: &EgressRoutes<'_>) -> RouteConfiguration {
    let EgressRoutes { mesh, port, .. } = inputs;
    let service = |service: &Arc<HttpService>| {
        let domains = vec![service.name.clone(), format!("{}:{port}", service.name)];
        virtual_host(&service.name, domains, service_routes(mesh, service))
    };
    let mut hosts: Vec<_> = inputs.services.iter().map(service).collect();
    if let Some(first) = inputs.refused_hosts.first() {
        let domains = inputs.refused_hosts.iter().map(ToString::to_string).collect();
        hosts.push(virtual_host(first, domains, vec![to_all(unavailable())]));
    }
    if inputs.allow_all {
        let elsewhere = route::Action::Route(to_cluster(names::allow_all(mesh), NO_TIMEOUTS));
        let everything = vec!["*".to_owned()];
        hosts.push(virtual_host(
            "mesh-allow-all",
            everything,
            vec![to_all(elsewhere)],
        ));
    }
    configuration(names::egress_routes(*port), hosts)
}

/// All services by host alone, for those who talk to the egress port itself. A host without a port means the first
/// port that the service is called on.
pub(crate) fn direct_egress(mesh: &str, ports: &BTreeMap<u16, Vec<Arc<HttpService>>>) -> RouteConfiguration {
    let mut hosts: Vec<VirtualHost> = Vec::new();
    for (port, services) in ports {
        for service in services {
            let first = !hosts.iter().any(|host| host.domains.contains(&service.name));
            let mut domains = vec![format!("{}:{port}", service.name)];
            if first {
                domains.insert(0, service.name.clone());
            }
            let name = if first {
                service.name.clone()
            } else {
                format!("{}:{port}", service.name)
            };
            hosts.push(virtual_host(&name, domains, service_routes(mesh, service)));
        }
    }
    configuration(names::egress_routes(EGRESS_PORT), hosts)
}

/// The destination of a route: one cluster, or several by weight.
pub(crate) fn cluster_weights(mesh: &str, targets: &[WeightedTarget]) -> Vec<(String, u32)> {
    targets
        .iter()
        .map(|target| (names::target(mesh, &target.target), target.weight))
        .collect()
}

const NO_TIMEOUTS: Timeouts = Timeouts { request: 0, idle: 0 };

fn configuration(name: String, virtual_hosts: Vec<VirtualHost>) -> RouteConfiguration {
    RouteConfiguration {
        name,
        virtual_hosts,
        ..RouteConfiguration::default()
    }
}

fn virtual_host(name: &str, domains: Vec<String>, routes: Vec<Route>) -> VirtualHost {
    VirtualHost {
        name: name.to_owned(),
        domains,
        routes,
        ..VirtualHost::default()
    }
}

fn service_routes(mesh: &str, service: &HttpService) -> Vec<Route> {
    let route = |route: &evermesh_graph::view::Route| Route {
        name: route.name.clone(),
        r#match: Some(path_match(&route.matches.path)),
        action: Some(match route.targets.as_slice() {
            [] => unavailable(),
            targets => route::Action::Route(RouteAction {
                retry_policy: Some(retry::policy(&route.retry)),
                ..to_targets(mesh, targets, route.timeouts)
            }),
        }),
        ..Route::default()
    };
    service.routes.iter().map(route).collect()
}

fn to_targets(mesh: &str, targets: &[WeightedTarget], timeouts: Timeouts) -> RouteAction {
    let mut weights = cluster_weights(mesh, targets);
    let specifier = if weights.len() == 1 {
        route_action::ClusterSpecifier::Cluster(weights.remove(0).0)
    } else {
        let cluster = |(name, weight)| weighted_cluster::ClusterWeight {
            name,
            weight: Some(number(weight)),
            ..weighted_cluster::ClusterWeight::default()
        };
        route_action::ClusterSpecifier::WeightedClusters(WeightedCluster {
            clusters: weights.into_iter().map(cluster).collect(),
            ..WeightedCluster::default()
        })
    };
    RouteAction {
        cluster_specifier: Some(specifier),
        ..with_timeouts(timeouts)
    }
}

fn to_cluster(name: String, timeouts: Timeouts) -> RouteAction {
    RouteAction {
        cluster_specifier: Some(route_action::ClusterSpecifier::Cluster(name)),
        ..with_timeouts(timeouts)
    }
}

fn with_timeouts(timeouts: Timeouts) -> RouteAction {
    RouteAction {
        timeout: Some(duration(timeouts.request)),
        idle_timeout: Some(duration(timeouts.idle)),
        ..RouteAction::default()
    }
}

fn path_match(path: &PathMatch) -> RouteMatch {
    let specifier = match path {
        PathMatch::Exact(path) => route_match::PathSpecifier::Path(path.clone()),
        PathMatch::Prefix(prefix) => route_match::PathSpecifier::Prefix(prefix.clone()),
        PathMatch::Regex(pattern) => route_match::PathSpecifier::SafeRegex(RegexMatcher {
            regex: pattern.clone(),
            ..RegexMatcher::default()
        }),
    };
    RouteMatch {
        path_specifier: Some(specifier),
        ..RouteMatch::default()
    }
}

fn to_all(action: route::Action) -> Route {
    Route {
        r#match: Some(path_match(&PathMatch::Prefix("/".to_owned()))),
        action: Some(action),
        ..Route::default()
    }
}

fn unavailable() -> route::Action {
    route::Action::DirectResponse(DirectResponseAction {
        status: 503,
        ..DirectResponseAction::default()
    })
}

/// A rewritten prefix needs two routes, or `/x` and `/x/y` would become `/` and `//y`: the longer one takes its
/// slash with it.
fn gateway_routes(route: &GatewayRoute, cluster: &str) -> Vec<Route> {
    let path = &route.matches.path;
    let Some(destination) = &route.destination else {
        return vec![gateway_route(route, path, unavailable())];
    };
    let rewrites: Vec<(PathMatch, String)> = match (path, &destination.path_rewrite) {
        (PathMatch::Prefix(prefix), PathRewrite::Prefix(value)) if !prefix.ends_with('/') => vec![
            (PathMatch::Prefix(format!("{prefix}/")), with_slash(value)),
            (PathMatch::Prefix(prefix.clone()), value.clone()),
        ],
        (path, PathRewrite::Prefix(value)) => vec![(path.clone(), with_slash(value))],
        (path, PathRewrite::Keep) => vec![(path.clone(), String::new())],
    };
    rewrites
        .into_iter()
        .map(|(path, rewrite)| gateway_route(route, &path, into_mesh(destination, rewrite, cluster)))
        .collect()
}

fn gateway_route(route: &GatewayRoute, path: &PathMatch, action: route::Action) -> Route {
    Route {
        name: route.name.clone(),
        r#match: Some(path_match(path)),
        action: Some(action),
        ..Route::default()
    }
}

fn into_mesh(destination: &Destination, prefix_rewrite: String, cluster: &str) -> route::Action {
    let host = destination
        .host_rewrite
        .clone()
        .map(route_action::HostRewriteSpecifier::HostRewriteLiteral);
    route::Action::Route(RouteAction {
        prefix_rewrite,
        host_rewrite_specifier: host,
        ..to_cluster(cluster.to_owned(), destination.timeouts)
    })
}

fn with_slash(path: &str) -> String {
    if path.ends_with('/') {
        path.to_owned()
    } else {
        format!("{path}/")
    }
}
