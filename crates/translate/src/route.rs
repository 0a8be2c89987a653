//! Routes: virtual hosts, matches, destinations, rewrites.

use std::collections::BTreeMap;
use std::sync::Arc;

use envoy_types::pb::envoy::config::route::v3::{
    DirectResponseAction, Route, RouteAction, RouteConfiguration, VirtualHost, WeightedCluster, route,
    route_action, weighted_cluster,
};
use evermesh_graph::view::{
    self, AppListener, EGRESS_PORT, EgressHost, HttpService, PathMatch, SERVICE_HEADER, Timeouts,
    WeightedTarget,
};

use crate::common::{duration, number};
use crate::piece::{EgressRoutes, GatewayPort, Owner};
use crate::{gateway_route, matching, names, retry};

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
pub(crate) fn gateway(port: GatewayPort<'_>) -> RouteConfiguration {
    let listener = port.listener;
    let cluster = names::self_redirect(port);
    let routes = listener
        .routes
        .iter()
        .flat_map(|route| gateway_route::routes(route, &cluster))
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

/// All services by host alone, for those who talk to the egress port itself.
pub(crate) fn direct_egress(mesh: &str, ports: &BTreeMap<u16, Vec<Arc<HttpService>>>) -> RouteConfiguration {
    let hosts = EgressHost::all(ports);
    let hosts = hosts.iter().map(|host| {
        virtual_host(
            &host.name,
            host.authorities.clone(),
            service_routes(mesh, host.service),
        )
    });
    configuration(names::egress_routes(EGRESS_PORT), hosts.collect())
}

/// All services of a gateway: by host, and for requests that kept another host by what the gateway says in
/// [`SERVICE_HEADER`], which ends here. That is there for every service, whether or not a gateway route lets requests
/// keep their host at the moment, so that none is lost between two configurations. `shared` has the hosts that requests
/// for other services may have kept, with those services' hosts.
pub(crate) fn gateway_egress(
    mesh: &str,
    ports: &BTreeMap<u16, Vec<Arc<HttpService>>>,
    shared: &BTreeMap<String, Vec<String>>,
) -> RouteConfiguration {
    let hosts = EgressHost::all(ports);
    let by_header: BTreeMap<&str, Vec<Route>> = hosts
        .iter()
        .map(|EgressHost { name, service, .. }| (name.as_str(), guarded(service_routes(mesh, service), name)))
        .collect();
    let host = |EgressHost {
                    name,
                    authorities,
                    service,
                }: &EgressHost<'_>| {
        let others = shared.get(name).into_iter().flatten();
        let others = others.filter_map(|other| by_header.get(other.as_str()));
        let mut routes: Vec<Route> = others.flatten().cloned().collect();
        routes.extend(service_routes(mesh, service));
        virtual_host(name, authorities.clone(), routes)
    };
    let mut virtual_hosts: Vec<VirtualHost> = hosts.iter().map(host).collect();
    let by_header: Vec<Route> = by_header.into_values().flatten().collect();
    if !hosts.is_empty() {
        virtual_hosts.push(virtual_host("default_backend", vec!["*".to_owned()], by_header));
    }
    for host in &mut virtual_hosts {
        host.request_headers_to_remove = vec![SERVICE_HEADER.to_owned()];
    }
    configuration(names::egress_routes(EGRESS_PORT), virtual_hosts)
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

/// Routes for those requests only that a gateway says are for a host.
fn guarded(mut routes: Vec<Route>, host: &str) -> Vec<Route> {
    for matches in routes.iter_mut().filter_map(|route| route.r#match.as_mut()) {
        matches.headers.push(matching::exact_header(SERVICE_HEADER, host));
    }
    routes
}

fn service_routes(mesh: &str, service: &HttpService) -> Vec<Route> {
    let route = |route: &view::Route| Route {
        name: route.name.clone(),
        r#match: Some(matching::request(&route.matches)),
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

pub(crate) fn to_cluster(name: String, timeouts: Timeouts) -> RouteAction {
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

fn to_all(action: route::Action) -> Route {
    Route {
        r#match: Some(matching::path(&PathMatch::Prefix("/".to_owned()))),
        action: Some(action),
        ..Route::default()
    }
}

pub(crate) fn unavailable() -> route::Action {
    route::Action::DirectResponse(DirectResponseAction {
        status: 503,
        ..DirectResponseAction::default()
    })
}
