//! Virtual services as anyone who calls them sees them: on which ports, and which routes there.

use std::sync::Arc;

use evermesh_model::spec::{RouteSpec, VirtualRouterSpec, VirtualServiceProvider, VirtualServiceSpec};
use evermesh_model::{Diagnostic, Kind, MeshSnapshot, ResourceId};

use crate::defaults;
use crate::node::protocol;
use crate::policy;
use crate::report::{Place, Report, code};
use crate::routes::{self, Rank, RequestRoute};
use crate::shadow::{Contender, shadowed};
use crate::targets::Targets;
use crate::view::{
    HttpService, PathMatch, Protocol, RequestMatch, Route, Target, TargetKey, TcpService, WeightedTarget,
};

/// What follows when it is not known where a service is called: the egress filter decides.
pub(crate) fn as_outside(service: &str) -> String {
    format!("calls to {service} are treated like those to any host outside the mesh")
}

/// Hosts that a service is called by on a port, with the port and without; in lower case, as hosts are compared.
pub(crate) fn hosts(service: &str, port: u16) -> [String; 2] {
    let host = service.to_ascii_lowercase();
    [format!("{host}:{port}"), host]
}

/// A virtual service, the same for all its callers. Whether a caller reaches it on a port is for [`crate::ports`].
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) id: ResourceId,
    /// Member of the spec that says who provides the service.
    pub(crate) provider: &'static str,
    pub(crate) http: Vec<HttpOffer>,
    pub(crate) tcp: Vec<TcpOffer>,
    /// What is wrong on the way from the service to its targets.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// A port on which a service takes requests.
#[derive(Debug)]
pub(crate) struct HttpOffer {
    pub(crate) port: u16,
    pub(crate) service: Arc<HttpService>,
    /// See [`hosts`].
    pub(crate) hosts: [String; 2],
    pub(crate) targets: Vec<Arc<Target>>,
}

/// A port on which a service takes connections.
#[derive(Debug)]
pub(crate) struct TcpOffer {
    pub(crate) port: u16,
    pub(crate) service: Arc<TcpService>,
    pub(crate) targets: Vec<Arc<Target>>,
}

impl Service {
    pub(crate) fn resolve(mesh: &MeshSnapshot, name: &str, spec: &VirtualServiceSpec) -> Self {
        let id = ResourceId::in_mesh(mesh.id.clone(), Kind::VirtualService, name);
        let mut offers = Offers::new(mesh, name);
        let provider = offers.add_provider(spec, &Place::spec_of(&id));
        Self {
            id,
            provider,
            http: offers.http,
            tcp: offers.tcp,
            diagnostics: offers.report.into_diagnostics(),
        }
    }

    /// Where the service leads, on any of its ports.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &Arc<Target>> {
        let requests = self.http.iter().flat_map(|offer| &offer.targets);
        requests.chain(self.tcp.iter().flat_map(|offer| &offer.targets))
    }
}

/// Collects what a service offers, port by port.
struct Offers<'a> {
    mesh: &'a MeshSnapshot,
    service: &'a str,
    report: Report,
    targets: Targets,
    http: Vec<HttpOffer>,
    tcp: Vec<TcpOffer>,
}

impl<'a> Offers<'a> {
    fn new(mesh: &'a MeshSnapshot, service: &'a str) -> Self {
        Self {
            mesh,
            service,
            report: Report::default(),
            targets: Targets::default(),
            http: Vec::new(),
            tcp: Vec::new(),
        }
    }

    /// Answers the member that says who provides the service.
    fn add_provider(&mut self, spec: &VirtualServiceSpec, place: &Place<'_>) -> &'static str {
        match &spec.provider {
            None => {
                let message = format!(
                    "virtual service {0} has no provider; {1}",
                    self.service,
                    as_outside(self.service)
                );
                self.report
                    .warning(&place.at("provider"), code::NO_PROVIDER, message);
                "provider"
            }
            Some(VirtualServiceProvider::VirtualNode(provider)) => {
                let member = "provider.virtualNode";
                self.add_node(&provider.virtual_node_name, &place.at(member));
                member
            }
            Some(VirtualServiceProvider::VirtualRouter(provider)) => {
                let member = "provider.virtualRouter";
                self.add_router(&provider.virtual_router_name, &place.at(member));
                member
            }
        }
    }

    fn add_http(&mut self, port: u16, routes: Vec<Route>) {
        self.http.push(HttpOffer {
            port,
            targets: self.targets.of(routes.iter().flat_map(|route| &route.targets)),
            service: Arc::new(HttpService {
                name: self.service.to_owned(),
                routes,
            }),
            hosts: hosts(self.service, port),
        });
    }

    fn add_tcp(&mut self, port: u16, service: TcpService) {
        self.tcp.push(TcpOffer {
            port,
            targets: self.targets.of(&service.targets),
            service: Arc::new(service),
        });
    }

    /// A service that a virtual node provides: every listener of the node, under the default policies.
    fn add_node(&mut self, name: &str, place: &Place<'_>) {
        let Some(node) = self.mesh.virtual_nodes.get(name) else {
            let message = format!("there is no virtual node {name}");
            self.report
                .error(&place.at("virtualNodeName"), code::DANGLING_REFERENCE, message);
            return;
        };
        let listeners = node.listeners.as_deref().unwrap_or_default();
        if listeners.is_empty() {
            let message = format!(
                "virtual node {name} has no listener; {}",
                as_outside(self.service)
            );
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
                .target(self.mesh, name, node, listener, http, place, &mut self.report);
            let targets = target
                .into_iter()
                .map(|target| WeightedTarget { target, weight: 1 })
                .collect();
            let port = listener.port_mapping.port;
            if http {
                let route = Route {
                    name: self.service.to_owned(),
                    matches: RequestMatch::path(PathMatch::Prefix("/".to_owned())),
                    targets,
                    timeouts: defaults::TIMEOUTS,
                    retry: defaults::retry_policy(),
                };
                self.add_http(port, vec![route]);
            } else {
                let tcp = TcpService {
                    name: self.service.to_owned(),
                    route: self.service.to_owned(),
                    targets,
                    idle_timeout: defaults::TIMEOUTS.idle,
                };
                self.add_tcp(port, tcp);
            }
        }
    }

    fn add_router(&mut self, name: &str, place: &Place<'_>) {
        let Some(router) = self.mesh.virtual_routers.get(name) else {
            let message = format!("there is no virtual router {name}");
            self.report
                .error(&place.at("virtualRouterName"), code::DANGLING_REFERENCE, message);
            return;
        };
        let router_id = ResourceId::in_mesh(self.mesh.id.clone(), Kind::VirtualRouter, name);
        let own = Place::spec_of(&router_id);
        let listeners = router.listeners.as_deref().unwrap_or_default();
        if listeners.is_empty() {
            let message = format!(
                "virtual router {name} has no listener; {}",
                as_outside(self.service)
            );
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
                self.add_http(port, routes);
            } else {
                self.add_tcp_router(name, port);
            }
        }
        self.check_routes(name, router);
        self.check_shadows(name, router, &http_routes);
    }

    /// Routes of requests, in the order in which they are tried.
    fn http_routes(&mut self, router: &str) -> Vec<PortRoute> {
        let mut ranked = Vec::new();
        for (name, spec) in self.mesh.routes_of(router) {
            let id = self.route_id(router, name);
            let place = Place::spec_of(&id);
            let Some(request) = routes::request_route(spec, &place, &mut self.report) else {
                continue;
            };
            let targets = self.targets.resolve(
                self.mesh,
                request.targets,
                true,
                &place.at(request.member),
                &mut self.report,
            );
            self.check_grpc(&request, &targets, &place);
            let rank = Rank::new(
                spec.priority.unwrap_or(defaults::PRIORITY),
                &request.matches,
                name,
            );
            let route = Route {
                name: name.clone(),
                matches: request.matches,
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

    /// gRPC is HTTP/2: to a target that speaks HTTP/1.1 calls are made, and fail.
    fn check_grpc(&mut self, request: &RequestRoute<'_>, targets: &[WeightedTarget], place: &Place<'_>) {
        let http1 = targets.iter().map(|target| &target.target);
        let http1 = http1.filter(|key| request.member == "grpcRoute" && key.protocol == Protocol::Http);
        for TargetKey {
            virtual_node, port, ..
        } in http1
        {
            let message = format!(
                "port {port} of virtual node {virtual_node} is http, by which no gRPC call succeeds: make it grpc or http2"
            );
            self.report
                .warning(&place.at("grpcRoute"), code::PROTOCOL_MISMATCH, message);
        }
    }

    /// The first TCP route of a router is the only one that can take a connection.
    fn add_tcp_router(&mut self, router: &str, port: u16) {
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
            let id = self.route_id(router, shadowed);
            self.report
                .warning(&Place::spec_of(&id), code::ROUTE_SHADOWED, message);
        }
        let id = self.route_id(router, name);
        let targets = self.targets.resolve(
            self.mesh,
            &route.action.weighted_targets,
            false,
            &Place::spec_of(&id).at("tcpRoute"),
            &mut self.report,
        );
        let tcp = TcpService {
            name: self.service.to_owned(),
            route: name.clone(),
            targets,
            idle_timeout: policy::tcp_idle_timeout(route.timeout.as_ref()),
        };
        self.add_tcp(port, tcp);
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
            let id = self.route_id(router, name);
            let spec = Place::spec_of(&id);
            let place = spec.at(member);
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

    /// Routes that no request gets to.
    fn check_shadows(&mut self, router: &str, spec: &VirtualRouterSpec, routes: &[PortRoute]) {
        let listeners = spec.listeners.iter().flatten();
        let http = listeners.filter(|listener| protocol(listener.port_mapping.protocol).is_http());
        let ports: Vec<u16> = http.map(|listener| listener.port_mapping.port).collect();
        let contenders: Vec<Contender<'_>> = routes
            .iter()
            .map(|PortRoute { port, route }| Contender {
                port: *port,
                matches: &route.matches,
            })
            .collect();
        for (hidden, first) in shadowed(&ports, &contenders) {
            let [hidden, first] = [hidden, first].map(|index| &routes[index].route.name);
            let id = self.route_id(router, hidden);
            let message = format!("route {first} comes first and takes all that this one matches");
            self.report
                .warning(&Place::spec_of(&id), code::ROUTE_SHADOWED, message);
        }
    }

    fn route_id(&self, router: &str, name: &str) -> ResourceId {
        ResourceId::route(self.mesh.id.clone(), router, name)
    }
}

/// A route, and the one port of its router that it is for.
struct PortRoute {
    port: Option<u16>,
    route: Route,
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
