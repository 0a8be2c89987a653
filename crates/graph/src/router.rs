//! What a virtual router offers for a service that it provides: its routes, port by port. Reports routes that take
//! nothing.

use evermesh_model::spec::{RouteSpec, TcpRoute, VirtualRouterSpec};
use evermesh_model::{Kind, MeshSnapshot, ResourceId};

use crate::defaults;
use crate::node::protocol;
use crate::policy;
use crate::report::{Place, Report, code};
use crate::routes::{self, Rank, RequestRoute};
use crate::service::{Offers, as_outside};
use crate::shadow::{Contender, shadowed};
use crate::targets::Traffic;
use crate::view::{Protocol, Route, TargetKey, TcpService, WeightedTarget};

/// Adds what a router has to offer; `place` is where the service names it.
pub(crate) fn add_to(offers: &mut Offers<'_>, name: &str, place: &Place<'_>) {
    let mesh = offers.mesh;
    let Some(spec) = mesh.virtual_routers.get(name) else {
        let message = format!("there is no virtual router {name}");
        let place = place.at("virtualRouterName");
        offers.report.error(&place, code::DANGLING_REFERENCE, message);
        return;
    };
    let router = Router::new(mesh, name, spec);
    router.check_listeners(offers);
    let routes = router.request_routes(offers);
    for &(port, protocol) in &router.ports {
        if protocol.is_http() {
            let here = routes.iter().filter(|route| is_for(route.port, port));
            offers.add_http(port, here.map(|route| route.route.clone()).collect());
        } else if let Some(service) = router.tcp_service(port, offers) {
            offers.add_tcp(port, service);
        }
    }
    router.check_routes(&mut offers.report);
    router.check_shadows(&routes, &mut offers.report);
}

/// A virtual router with its ports.
struct Router<'a> {
    mesh: &'a MeshSnapshot,
    name: &'a str,
    ports: Vec<(u16, Protocol)>,
}

/// A route of requests, and the one port of its router that it is for.
struct PortRoute {
    port: Option<u16>,
    route: Route,
}

impl<'a> Router<'a> {
    fn new(mesh: &'a MeshSnapshot, name: &'a str, spec: &VirtualRouterSpec) -> Self {
        let mappings = spec
            .listeners
            .iter()
            .flatten()
            .map(|listener| &listener.port_mapping);
        Self {
            mesh,
            name,
            ports: mappings
                .map(|mapping| (mapping.port, protocol(mapping.protocol)))
                .collect(),
        }
    }

    fn check_listeners(&self, offers: &mut Offers<'_>) {
        if self.ports.is_empty() {
            let message = format!(
                "virtual router {} has no listener; {}",
                self.name,
                as_outside(offers.service)
            );
            let id = ResourceId::in_mesh(self.mesh.id.clone(), Kind::VirtualRouter, self.name);
            let spec = Place::spec_of(&id);
            offers
                .report
                .error(&spec.at("listeners"), code::ROUTER_WITHOUT_LISTENER, message);
        }
    }

    /// Routes of requests on any port, in the order in which they are tried.
    fn request_routes(&self, offers: &mut Offers<'_>) -> Vec<PortRoute> {
        let routes = self.mesh.routes_of(self.name);
        let mut ranked: Vec<(Rank, PortRoute)> = routes
            .filter_map(|(name, spec)| self.request_route(name, spec, offers))
            .collect();
        ranked.sort_by(|(a, _), (b, _)| a.cmp(b));
        ranked.into_iter().map(|(_, route)| route).collect()
    }

    fn request_route(
        &self,
        name: &str,
        spec: &RouteSpec,
        offers: &mut Offers<'_>,
    ) -> Option<(Rank, PortRoute)> {
        let id = self.route_id(name);
        let place = Place::spec_of(&id);
        let request = routes::request_route(spec, &place, &mut offers.report)?;
        let targets = offers.targets.resolve(
            request.targets,
            Traffic::Requests,
            &place.at(request.member),
            &mut offers.report,
        );
        check_grpc(&request, &targets, &place, &mut offers.report);
        let rank = Rank::new(
            spec.priority.unwrap_or(defaults::PRIORITY),
            &request.matches,
            name,
        );
        let route = Route {
            name: name.to_owned(),
            matches: request.matches,
            targets,
            timeouts: request.timeouts,
            retry: request.retry,
        };
        let port = request.port;
        Some((rank, PortRoute { port, route }))
    }

    /// What takes the connections of a port: its first TCP route, for no other can be told apart from it.
    fn tcp_service(&self, port: u16, offers: &mut Offers<'_>) -> Option<TcpService> {
        let mut routes = self.tcp_routes(port).into_iter();
        let (name, route) = routes.next()?;
        for (hidden, _) in routes {
            let message = format!("on port {port} route {name} comes first and takes all connections");
            let id = self.route_id(hidden);
            offers
                .report
                .warning(&Place::spec_of(&id), code::ROUTE_SHADOWED, message);
        }
        let id = self.route_id(name);
        Some(TcpService {
            name: offers.service.to_owned(),
            route: name.to_owned(),
            targets: offers.targets.resolve(
                &route.action.weighted_targets,
                Traffic::Connections,
                &Place::spec_of(&id).at("tcpRoute"),
                &mut offers.report,
            ),
            idle_timeout: policy::tcp_idle_timeout(route.timeout.as_ref()),
        })
    }

    /// TCP routes of a port, in the order in which they are tried.
    fn tcp_routes(&self, port: u16) -> Vec<(&'a str, &'a TcpRoute)> {
        let routes = self.mesh.routes_of(self.name);
        let mut routes: Vec<_> = routes
            .filter_map(|(name, spec)| {
                let priority = spec.priority.unwrap_or(defaults::PRIORITY);
                Some((priority, name.as_str(), spec.tcp_route.as_ref()?))
            })
            .filter(|(.., route)| is_for(route.r#match.as_ref().and_then(|m| m.port), port))
            .collect();
        routes.sort_by_key(|(priority, name, _)| (*priority, *name));
        routes.into_iter().map(|(_, name, route)| (name, route)).collect()
    }

    /// Reports routes that no listener leads to.
    fn check_routes(&self, report: &mut Report) {
        for (name, route) in self.mesh.routes_of(self.name) {
            let Some((member, port)) = member(route) else {
                continue;
            };
            let id = self.route_id(name);
            let spec = Place::spec_of(&id);
            let place = spec.at(member);
            let wants_http = route.tcp_route.is_none();
            let mut named = self
                .ports
                .iter()
                .filter(|(number, _)| is_for(port, *number))
                .peekable();
            if let (Some(port), None) = (port, named.peek()) {
                let message = format!(
                    "virtual router {} does not listen on port {port}; the route takes nothing",
                    self.name
                );
                report.error(&place.at("match.port"), code::MATCH_PORT_UNKNOWN, message);
            } else if !self.ports.is_empty() && !named.any(|(_, own)| own.is_http() == wants_http) {
                let message = format!(
                    "virtual router {} does not listen for the route's protocol; the route takes nothing",
                    self.name
                );
                report.error(&place, code::PROTOCOL_MISMATCH, message);
            }
        }
    }

    /// Reports routes that no request gets to.
    fn check_shadows(&self, routes: &[PortRoute], report: &mut Report) {
        let http = self.ports.iter().filter(|(_, protocol)| protocol.is_http());
        let ports: Vec<u16> = http.map(|(port, _)| *port).collect();
        let contenders: Vec<Contender<'_>> = routes
            .iter()
            .map(|PortRoute { port, route }| Contender {
                port: *port,
                matches: &route.matches,
            })
            .collect();
        for (hidden, first) in shadowed(&ports, &contenders) {
            let [hidden, first] = [hidden, first].map(|index| &routes[index].route.name);
            let id = self.route_id(hidden);
            let message = format!("route {first} comes first and takes all that this one matches");
            report.warning(&Place::spec_of(&id), code::ROUTE_SHADOWED, message);
        }
    }

    fn route_id(&self, name: &str) -> ResourceId {
        ResourceId::route(self.mesh.id.clone(), self.name, name)
    }
}

/// A route that names no port is for all.
fn is_for(named: Option<u16>, port: u16) -> bool {
    named.is_none_or(|named| named == port)
}

/// gRPC is HTTP/2: to a target that speaks HTTP/1.1 calls are made, and fail.
fn check_grpc(
    request: &RequestRoute<'_>,
    targets: &[WeightedTarget],
    place: &Place<'_>,
    report: &mut Report,
) {
    let keys = targets.iter().map(|target| &target.target);
    let http1 = keys.filter(|key| request.member == "grpcRoute" && key.protocol == Protocol::Http);
    for TargetKey {
        virtual_node, port, ..
    } in http1
    {
        let message = format!(
            "port {port} of virtual node {virtual_node} is http, by which no gRPC call succeeds: make it grpc or http2"
        );
        report.warning(&place.at("grpcRoute"), code::PROTOCOL_MISMATCH, message);
    }
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
