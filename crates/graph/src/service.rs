//! Virtual services that a proxy may call: on which ports, and which routes there.

use std::collections::{BTreeMap, BTreeSet};

use evermesh_model::spec::{RouteSpec, VirtualRouterSpec, VirtualServiceProvider};
use evermesh_model::{Kind, MeshSnapshot, ResourceId};

use crate::defaults;
use crate::node::protocol;
use crate::policy;
use crate::report::{Place, Report, code};
use crate::routes::{self, Rank};
use crate::targets::Targets;
use crate::view::{
    Egress, HttpService, PathMatch, Protocol, RequestMatch, Route, TcpService, Timeouts, WeightedTarget,
};

/// Collects the egress of a view, service by service.
pub(crate) struct Egresses<'a> {
    mesh: &'a MeshSnapshot,
    report: &'a mut Report,
    targets: Targets,
    added: BTreeSet<String>,
    http_ports: BTreeMap<u16, Vec<HttpService>>,
    tcp_ports: BTreeMap<u16, TcpService>,
}

impl<'a> Egresses<'a> {
    pub(crate) fn new(mesh: &'a MeshSnapshot, report: &'a mut Report) -> Self {
        Self {
            mesh,
            report,
            targets: Targets::default(),
            added: BTreeSet::new(),
            http_ports: BTreeMap::new(),
            tcp_ports: BTreeMap::new(),
        }
    }

    /// Where diagnostics go while the egress is collected.
    pub(crate) fn report(&mut self) -> &mut Report {
        self.report
    }

    /// Makes a virtual service reachable, once; answers the ports on which it takes requests, ordered.
    pub(crate) fn add(&mut self, name: &str) -> Vec<u16> {
        if self.added.insert(name.to_owned()) {
            self.add_new(name);
        }
        let serves = |services: &[HttpService]| services.iter().any(|service| service.name == name);
        self.http_ports
            .iter()
            .filter(|(_, services)| serves(services))
            .map(|(port, _)| *port)
            .collect()
    }

    /// The longest timeouts of a service's routes on a port; the defaults when it has no route.
    pub(crate) fn longest_timeouts(&self, name: &str, port: u16) -> Timeouts {
        let service = self
            .http_ports
            .get(&port)
            .into_iter()
            .flatten()
            .find(|service| service.name == name);
        let timeouts = service
            .into_iter()
            .flat_map(|service| &service.routes)
            .map(|route| route.timeouts);
        timeouts.reduce(policy::longest).unwrap_or(defaults::TIMEOUTS)
    }

    pub(crate) fn finish(mut self, allow_all: bool) -> Egress {
        self.drop_conflicting_tcp_ports();
        for services in self.http_ports.values_mut() {
            services.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Egress {
            allow_all,
            http_ports: self.http_ports,
            tcp_ports: self.tcp_ports,
            targets: self.targets.into_vec(),
        }
    }

    fn add_new(&mut self, name: &str) {
        let place = Place::spec_of(ResourceId::in_mesh(
            self.mesh.id.clone(),
            Kind::VirtualService,
            name,
        ));
        let Some(service) = self.mesh.virtual_services.get(name) else {
            self.report.error(
                &place,
                code::DANGLING_REFERENCE,
                format!("there is no virtual service {name}"),
            );
            return;
        };
        match &service.provider {
            None => {
                let message =
                    format!("virtual service {name} has no provider; calls to it are refused until it has");
                self.report
                    .warning(&place.at("provider"), code::NO_PROVIDER, message);
            }
            Some(VirtualServiceProvider::VirtualNode(provider)) => {
                self.add_node_provider(
                    name,
                    &provider.virtual_node_name,
                    &place.at("provider.virtualNode"),
                );
            }
            Some(VirtualServiceProvider::VirtualRouter(provider)) => {
                self.add_router_provider(
                    name,
                    &provider.virtual_router_name,
                    &place.at("provider.virtualRouter"),
                );
            }
        }
    }

    /// A service that a virtual node provides: every listener of the node, under the default policies.
    fn add_node_provider(&mut self, service: &str, name: &str, place: &Place) {
        let Some(node) = self.mesh.virtual_nodes.get(name) else {
            let message = format!("there is no virtual node {name}");
            self.report
                .error(&place.at("virtualNodeName"), code::DANGLING_REFERENCE, message);
            return;
        };
        let listeners = node.listeners.as_deref().unwrap_or_default();
        if listeners.is_empty() {
            let message = format!("virtual node {name} has no listener; calls to the service are refused");
            self.report.error(
                &place.at("virtualNodeName"),
                code::TARGET_WITHOUT_LISTENER,
                message,
            );
        }
        for listener in listeners {
            let http = protocol(listener.port_mapping.protocol).is_http();
            let target = self
                .targets
                .target(self.mesh, name, node, listener, http, place, self.report);
            let targets = target
                .into_iter()
                .map(|target| WeightedTarget { target, weight: 1 })
                .collect();
            let port = listener.port_mapping.port;
            if http {
                let route = Route {
                    name: service.to_owned(),
                    matches: RequestMatch {
                        path: PathMatch::Prefix("/".to_owned()),
                    },
                    targets,
                    timeouts: defaults::TIMEOUTS,
                    retry: defaults::retry_policy(),
                };
                self.add_http(service, port, vec![route]);
            } else {
                self.add_tcp(service, port, service, targets, defaults::TIMEOUTS.idle, place);
            }
        }
    }

    fn add_router_provider(&mut self, service: &str, name: &str, place: &Place) {
        let Some(router) = self.mesh.virtual_routers.get(name) else {
            let message = format!("there is no virtual router {name}");
            self.report
                .error(&place.at("virtualRouterName"), code::DANGLING_REFERENCE, message);
            return;
        };
        let own = Place::spec_of(ResourceId::in_mesh(
            self.mesh.id.clone(),
            Kind::VirtualRouter,
            name,
        ));
        let listeners = router.listeners.as_deref().unwrap_or_default();
        if listeners.is_empty() {
            let message = format!("virtual router {name} has no listener; calls to {service} are refused");
            self.report
                .error(&own.at("listeners"), code::ROUTER_WITHOUT_LISTENER, message);
        }
        let http_routes = self.http_routes(name);
        for listener in listeners {
            let port = listener.port_mapping.port;
            if protocol(listener.port_mapping.protocol).is_http() {
                let here = http_routes
                    .iter()
                    .filter(|route| route.port.is_none_or(|p| p == port));
                self.add_http(service, port, here.map(|route| route.route.clone()).collect());
            } else {
                self.add_tcp_router(service, name, port, place);
            }
        }
        self.check_routes(name, router);
    }

    /// Routes of requests, in the order in which they are tried.
    fn http_routes(&mut self, router: &str) -> Vec<PortRoute> {
        let mut ranked = Vec::new();
        for (name, spec) in self.mesh.routes_of(router) {
            let place = route_place(self.mesh, router, name);
            let Some(request) = routes::request_route(spec, &place, self.report) else {
                continue;
            };
            let targets = self
                .targets
                .resolve(self.mesh, request.targets, true, &request.place, self.report);
            let rank = Rank::new(spec.priority.unwrap_or(defaults::PRIORITY), &request.path, name);
            let route = Route {
                name: name.clone(),
                matches: RequestMatch { path: request.path },
                targets,
                timeouts: request.timeouts,
                retry: request.retry,
            };
            ranked.push((
                rank,
                PortRoute {
                    port: request.port,
                    route,
                },
            ));
        }
        ranked.sort_by(|(a, _), (b, _)| a.cmp(b));
        ranked.into_iter().map(|(_, route)| route).collect()
    }

    /// The first TCP route of a router is the only one that can take a connection.
    fn add_tcp_router(&mut self, service: &str, router: &str, port: u16, place: &Place) {
        let fits = |spec: &RouteSpec| {
            let tcp = spec.tcp_route.as_ref();
            tcp.is_some_and(|route| {
                route
                    .r#match
                    .as_ref()
                    .and_then(|m| m.port)
                    .is_none_or(|p| p == port)
            })
        };
        let mut routes: Vec<_> = self
            .mesh
            .routes_of(router)
            .filter(|(_, spec)| fits(spec))
            .collect();
        routes.sort_by_key(|(name, spec)| (spec.priority.unwrap_or(defaults::PRIORITY), (*name).clone()));
        let Some((name, route)) = routes
            .first()
            .and_then(|(name, spec)| Some((*name, spec.tcp_route.as_ref()?)))
        else {
            return;
        };
        let place_of_route = route_place(self.mesh, router, name).at("tcpRoute");
        let targets = self.targets.resolve(
            self.mesh,
            &route.action.weighted_targets,
            false,
            &place_of_route,
            self.report,
        );
        let idle = policy::tcp_idle_timeout(route.timeout.as_ref());
        self.add_tcp(service, port, name, targets, idle, place);
    }

    /// Routes that no listener of their router leads to.
    fn check_routes(&mut self, router: &str, spec: &VirtualRouterSpec) {
        let listeners: Vec<(u16, Protocol)> = spec
            .listeners
            .iter()
            .flatten()
            .map(|listener| {
                (
                    listener.port_mapping.port,
                    protocol(listener.port_mapping.protocol),
                )
            })
            .collect();
        for (name, route) in self.mesh.routes_of(router) {
            let tcp = route.tcp_route.is_some();
            let place = route_place(self.mesh, router, name);
            if !listeners.is_empty() && !listeners.iter().any(|(_, protocol)| protocol.is_http() != tcp) {
                let message = format!("virtual router {router} has no listener of the route's protocol");
                self.report.error(&place, code::PROTOCOL_MISMATCH, message);
            } else if let Some(port) =
                match_port(route).filter(|port| !listeners.iter().any(|(p, _)| p == port))
            {
                let message = format!(
                    "virtual router {router} does not listen on port {port}; the route takes nothing"
                );
                self.report.error(&place, code::MATCH_PORT_UNKNOWN, message);
            }
        }
    }

    fn add_http(&mut self, service: &str, port: u16, routes: Vec<Route>) {
        let services = self.http_ports.entry(port).or_default();
        services.push(HttpService {
            name: service.to_owned(),
            routes,
        });
    }

    /// Connections tell nothing but their destination, so a port has one TCP service.
    fn add_tcp(
        &mut self,
        service: &str,
        port: u16,
        route: &str,
        targets: Vec<WeightedTarget>,
        idle_timeout: u64,
        place: &Place,
    ) {
        if let Some(first) = self.tcp_ports.get(&port) {
            let message = format!(
                "port {port} already leads to virtual service {}; {service} is not reached there",
                first.name
            );
            self.report.error(place, code::PORT_CONFLICT, message);
            return;
        }
        let tcp = TcpService {
            name: service.to_owned(),
            route: route.to_owned(),
            targets,
            idle_timeout,
        };
        self.tcp_ports.insert(port, tcp);
    }

    fn drop_conflicting_tcp_ports(&mut self) {
        for port in self.http_ports.keys() {
            let Some(tcp) = self.tcp_ports.remove(port) else {
                continue;
            };
            let id = ResourceId::in_mesh(self.mesh.id.clone(), Kind::VirtualService, &tcp.name);
            let message = format!(
                "port {port} is called by HTTP for other services; {} is not reached there",
                tcp.name
            );
            self.report
                .error(&Place::spec_of(id), code::PORT_CONFLICT, message);
        }
    }
}

/// A route, and the one port of its router that it is for.
struct PortRoute {
    port: Option<u16>,
    route: Route,
}

fn route_place(mesh: &MeshSnapshot, router: &str, name: &str) -> Place {
    Place::spec_of(ResourceId::route(mesh.id.clone(), router, name))
}

fn match_port(spec: &RouteSpec) -> Option<u16> {
    let http = spec
        .http_route
        .as_ref()
        .or(spec.http2_route.as_ref())
        .and_then(|route| route.r#match.port);
    let grpc = spec.grpc_route.as_ref().and_then(|route| route.r#match.port);
    let tcp = spec
        .tcp_route
        .as_ref()
        .and_then(|route| route.r#match.as_ref())
        .and_then(|m| m.port);
    http.or(grpc).or(tcp)
}
