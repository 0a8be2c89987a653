//! Virtual services that a proxy may call: on which ports, and which routes there.

use std::collections::BTreeSet;

use evermesh_model::spec::{RouteSpec, VirtualRouterSpec, VirtualServiceProvider};
use evermesh_model::{Kind, MeshSnapshot, ResourceId};

use crate::defaults;
use crate::node::protocol;
use crate::policy;
use crate::ports::Ports;
use crate::report::{Place, Report, code};
use crate::routes::{self, Rank};
use crate::targets::Targets;
use crate::view::{Egress, PathMatch, Protocol, RequestMatch, Route, TcpService, Timeouts, WeightedTarget};

/// What follows when it is not known where a service is called: the egress filter decides.
pub(crate) fn as_outside(service: &str) -> String {
    format!("calls to {service} are treated like those to any host outside the mesh")
}

/// Collects the egress of a view, service by service.
pub(crate) struct Egresses<'a> {
    mesh: &'a MeshSnapshot,
    report: &'a mut Report,
    targets: Targets,
    added: BTreeSet<String>,
    ports: Ports,
}

impl<'a> Egresses<'a> {
    pub(crate) fn new(mesh: &'a MeshSnapshot, report: &'a mut Report) -> Self {
        Self {
            mesh,
            report,
            targets: Targets::default(),
            added: BTreeSet::new(),
            ports: Ports::default(),
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
        self.ports.of(name)
    }

    /// Makes a virtual service known and closes it: calls are answered with 503 or cut rather than let out of the mesh.
    pub(crate) fn refuse(&mut self, name: &str) {
        self.add(name);
        self.ports.close(name);
    }

    /// The longest timeouts of a service's routes on a port; the defaults when it has no route.
    pub(crate) fn longest_timeouts(&self, name: &str, port: u16) -> Timeouts {
        let timeouts = self.ports.routes(name, port).map(|route| route.timeouts);
        timeouts.reduce(policy::longest).unwrap_or(defaults::TIMEOUTS)
    }

    pub(crate) fn finish(self, allow_all: bool) -> Egress {
        let (http_ports, tcp_ports) = self.ports.finish(self.mesh, self.report);
        let routes = http_ports.values().flatten().flat_map(|service| &service.routes);
        let requests = routes.flat_map(|route| &route.targets);
        let connections = tcp_ports.values().flat_map(|service| &service.targets);
        let used = requests.chain(connections).map(|target| &target.target).collect();
        let targets = self.targets.into_used(&used);
        Egress {
            allow_all,
            http_ports,
            tcp_ports,
            targets,
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
                let message = format!("virtual service {name} has no provider; {}", as_outside(name));
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
            let message = format!("virtual node {name} has no listener; {}", as_outside(service));
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
                self.ports
                    .add_http(service, port, vec![route], place, self.report);
            } else {
                let tcp = TcpService {
                    name: service.to_owned(),
                    route: service.to_owned(),
                    targets,
                    idle_timeout: defaults::TIMEOUTS.idle,
                };
                self.ports.add_tcp(port, tcp, place, self.report);
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
            let message = format!("virtual router {name} has no listener; {}", as_outside(service));
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
                let routes = here.map(|route| route.route.clone()).collect();
                self.ports.add_http(service, port, routes, place, self.report);
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
        for (shadowed, _) in &routes[1..] {
            let message = format!("on port {port} route {name} comes first and takes all connections");
            let place = route_place(self.mesh, router, shadowed);
            self.report.warning(&place, code::ROUTE_SHADOWED, message);
        }
        let place_of_route = route_place(self.mesh, router, name).at("tcpRoute");
        let targets = self.targets.resolve(
            self.mesh,
            &route.action.weighted_targets,
            false,
            &place_of_route,
            self.report,
        );
        let tcp = TcpService {
            name: service.to_owned(),
            route: name.clone(),
            targets,
            idle_timeout: policy::tcp_idle_timeout(route.timeout.as_ref()),
        };
        self.ports.add_tcp(port, tcp, place, self.report);
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
            let Some((member, port)) = member(route) else {
                continue;
            };
            let place = route_place(self.mesh, router, name).at(member);
            let tcp = route.tcp_route.is_some();
            let mut named = listeners
                .iter()
                .filter(|(p, _)| port.is_none_or(|port| port == *p))
                .peekable();
            if let (Some(port), None) = (port, named.peek()) {
                let message = format!(
                    "virtual router {router} does not listen on port {port}; the route takes nothing"
                );
                self.report
                    .error(&place.at("match.port"), code::MATCH_PORT_UNKNOWN, message);
            } else if !listeners.is_empty() && !named.any(|(_, protocol)| protocol.is_http() != tcp) {
                let message = format!(
                    "virtual router {router} does not listen for the route's protocol; the route takes nothing"
                );
                self.report.error(&place, code::PROTOCOL_MISMATCH, message);
            }
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

/// The member that holds the route, and the one port of its router that it is for.
fn member(spec: &RouteSpec) -> Option<(&'static str, Option<u16>)> {
    match (
        &spec.http_route,
        &spec.http2_route,
        &spec.grpc_route,
        &spec.tcp_route,
    ) {
        (Some(route), ..) => Some(("httpRoute", route.r#match.port)),
        (_, Some(route), ..) => Some(("http2Route", route.r#match.port)),
        (_, _, Some(route), _) => Some(("grpcRoute", route.r#match.port)),
        (.., Some(route)) => Some(("tcpRoute", route.r#match.as_ref().and_then(|m| m.port))),
        (None, None, None, None) => None,
    }
}
