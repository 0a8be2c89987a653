//! Gateway routes: what they match, in which order they are tried, and what becomes of a request on the way to its
//! virtual service.

use evermesh_model::spec::{
    DefaultGatewayRouteRewrite, GatewayRouteHostnameRewrite, GatewayRouteSpec, GatewayRouteTarget,
    GrpcGatewayRoute, HttpGatewayRoute, HttpGatewayRouteRewrite, VirtualGatewaySpec,
};
use evermesh_model::{MeshSnapshot, ResourceId};

use crate::egress::EgressBuilder;
use crate::report::{Place, Report, code};
use crate::routes::Rank;
use crate::shadow::{Contender, shadowed};
use crate::view::{Destination, GatewayRoute, PathMatch, PathRewrite, RequestMatch, Timeouts};
use crate::{defaults, matching};

/// The gateway routes of one virtual gateway, in the order in which they are tried.
#[derive(Default)]
pub(crate) struct GatewayRoutes(Vec<Candidate>);

impl GatewayRoutes {
    pub(crate) fn resolve(mesh: &MeshSnapshot, gateway: &str, egress: &mut EgressBuilder<'_>) -> Self {
        let mut candidates: Vec<Candidate> = mesh
            .gateway_routes_of(gateway)
            .filter_map(|(name, spec)| Candidate::resolve(mesh, gateway, name, spec, egress))
            .collect();
        candidates.sort_by(|a, b| a.rank.cmp(&b.rank));
        Self(candidates)
    }

    /// Those of one of the gateway's ports.
    pub(crate) fn of_port(&self, port: u16) -> Vec<GatewayRoute> {
        let here = self
            .0
            .iter()
            .filter(|route| route.port.is_none_or(|own| own == port));
        here.map(|candidate| candidate.route.clone()).collect()
    }

    /// Reports routes that no request gets to.
    pub(crate) fn check(
        &self,
        mesh: &MeshSnapshot,
        gateway: &str,
        spec: &VirtualGatewaySpec,
        report: &mut Report,
    ) {
        unknown_ports(mesh, gateway, spec, report);
        let ports: Vec<u16> = spec
            .listeners
            .iter()
            .map(|listener| listener.port_mapping.port)
            .collect();
        let contenders: Vec<Contender<'_>> = self
            .0
            .iter()
            .map(|Candidate { port, route, .. }| Contender {
                port: *port,
                matches: &route.matches,
            })
            .collect();
        for (hidden, first) in shadowed(&ports, &contenders) {
            let [hidden, first] = [hidden, first].map(|index| &self.0[index].route.name);
            let id = ResourceId::gateway_route(mesh.id.clone(), gateway, hidden);
            let message = format!("gateway route {first} comes first and takes all that this one matches");
            report.warning(&Place::spec_of(&id), code::ROUTE_SHADOWED, message);
        }
    }
}

/// A resolved gateway route with what decides its place.
struct Candidate {
    rank: Rank,
    port: Option<u16>,
    route: GatewayRoute,
}

impl Candidate {
    fn resolve(
        mesh: &MeshSnapshot,
        gateway: &str,
        name: &str,
        spec: &GatewayRouteSpec,
        egress: &mut EgressBuilder<'_>,
    ) -> Option<Self> {
        let id = ResourceId::gateway_route(mesh.id.clone(), gateway, name);
        let (member, port) = member(spec)?;
        let spec_place = Place::spec_of(&id);
        let place = spec_place.at(member);
        let http = spec.http_route.as_ref().or(spec.http2_route.as_ref());
        let request = match (http, &spec.grpc_route) {
            (Some(route), _) => http_route(route, &place, egress.report())?,
            (None, route) => grpc_route(route.as_ref()?),
        };
        if !matching::is_possible(&request.matches, &place.at("match"), egress.report()) {
            return None;
        }
        let reached = reach(request.target, &place, egress);
        let rank = Rank::new(
            spec.priority.unwrap_or(defaults::PRIORITY),
            &request.matches,
            name,
        );
        let route = GatewayRoute {
            name: name.to_owned(),
            matches: request.matches,
            destination: reached.map(|(host, timeouts)| Destination {
                virtual_service: request.target.virtual_service.virtual_service_name.clone(),
                host,
                keep_host: request.keep_host,
                path_rewrite: request.path_rewrite,
                timeouts,
            }),
        };
        Some(Self { rank, port, route })
    }
}

fn unknown_ports(mesh: &MeshSnapshot, gateway: &str, spec: &VirtualGatewaySpec, report: &mut Report) {
    for (name, route) in mesh.gateway_routes_of(gateway) {
        let Some((member, Some(port))) = member(route) else {
            continue;
        };
        let mut listeners = spec.listeners.iter();
        if !listeners.any(|listener| listener.port_mapping.port == port) {
            let id = ResourceId::gateway_route(mesh.id.clone(), gateway, name);
            let message =
                format!("virtual gateway {gateway} does not listen on port {port}; the route takes nothing");
            report.error(
                &Place::spec_of(&id).at(member).at("match.port"),
                code::MATCH_PORT_UNKNOWN,
                message,
            );
        }
    }
}

/// The member that holds the route, and the one port of its gateway that it is for.
fn member(spec: &GatewayRouteSpec) -> Option<(&'static str, Option<u16>)> {
    match (&spec.http_route, &spec.http2_route, &spec.grpc_route) {
        (Some(route), _, _) => Some(("httpRoute", route.r#match.port)),
        (_, Some(route), _) => Some(("http2Route", route.r#match.port)),
        (_, _, Some(route)) => Some(("grpcRoute", route.r#match.port)),
        (None, None, None) => None,
    }
}

/// The host that leads to the target in the gateway's own egress, and the longest timeouts behind it.
fn reach(
    target: &GatewayRouteTarget,
    place: &Place<'_>,
    egress: &mut EgressBuilder<'_>,
) -> Option<(String, Timeouts)> {
    let service = &target.virtual_service.virtual_service_name;
    let place = place.at("action.target");
    let ports = egress.add_named(service);
    let Some(&first) = ports.first() else {
        let message = format!(
            "virtual service {service} has no port that is called by HTTP; the route answers with 503"
        );
        egress.report().error(&place, code::PROTOCOL_MISMATCH, message);
        return None;
    };
    let port = target.port.unwrap_or(first);
    if !ports.contains(&port) {
        let message =
            format!("virtual service {service} is not called on port {port}; the route answers with 503");
        egress
            .report()
            .error(&place.at("port"), code::TARGET_PORT_UNKNOWN, message);
        return None;
    }
    let host = if port == first {
        service.clone()
    } else {
        format!("{service}:{port}")
    };
    Some((host, egress.longest_timeouts(service, port)))
}

/// A gateway route of any of the three protocols, as its spec has it.
struct RequestRoute<'a> {
    matches: RequestMatch,
    path_rewrite: PathRewrite,
    keep_host: bool,
    target: &'a GatewayRouteTarget,
}

fn http_route<'a>(
    route: &'a HttpGatewayRoute,
    place: &Place<'_>,
    report: &mut Report,
) -> Option<RequestRoute<'a>> {
    let matches = matching::gateway_http(&route.r#match);
    let rewrite = route.action.rewrite.as_ref();
    Some(RequestRoute {
        path_rewrite: path_rewrite(rewrite, &matches.path, &place.at("action.rewrite"), report)?,
        keep_host: keeps_host(rewrite.and_then(|rewrite| rewrite.hostname.as_ref())),
        matches,
        target: &route.action.target,
    })
}

fn grpc_route(route: &GrpcGatewayRoute) -> RequestRoute<'_> {
    let rewrite = route.action.rewrite.as_ref();
    RequestRoute {
        matches: matching::gateway_grpc(&route.r#match),
        path_rewrite: PathRewrite::Keep,
        keep_host: keeps_host(rewrite.and_then(|rewrite| rewrite.hostname.as_ref())),
        target: &route.action.target,
    }
}

/// By default the host becomes the virtual service's name.
fn keeps_host(rewrite: Option<&GatewayRouteHostnameRewrite>) -> bool {
    rewrite.and_then(|hostname| hostname.default_target_hostname)
        == Some(DefaultGatewayRouteRewrite::Disabled)
}

/// By default a matched prefix becomes `/` and a path that is matched as a whole stays.
fn path_rewrite(
    rewrite: Option<&HttpGatewayRouteRewrite>,
    path: &PathMatch,
    place: &Place<'_>,
    report: &mut Report,
) -> Option<PathRewrite> {
    if !matches!(path, PathMatch::Prefix(_)) {
        let exact = rewrite.and_then(|rewrite| rewrite.path.as_ref()?.exact.as_ref());
        let path = exact.map(|path| sendable(path, &place.at("path.exact"), report));
        return match path {
            Some(path) => path.map(PathRewrite::Path),
            None => Some(PathRewrite::Keep),
        };
    }
    let prefix = rewrite.and_then(|rewrite| rewrite.prefix.as_ref());
    if prefix.and_then(|prefix| prefix.default_prefix) == Some(DefaultGatewayRouteRewrite::Disabled) {
        return Some(PathRewrite::Keep);
    }
    let value = prefix.and_then(|prefix| prefix.value.as_ref());
    match value {
        Some(value) => sendable(value, &place.at("prefix.value"), report).map(PathRewrite::Prefix),
        None => Some(PathRewrite::Prefix("/".to_owned())),
    }
}

/// A path that a request can have.
fn sendable(path: &str, place: &Place<'_>, report: &mut Report) -> Option<String> {
    if path.contains(char::is_control) {
        let message = "no request can have control characters in its path: the route is left out";
        report.error(place, code::UNSENDABLE_PATH, message);
        return None;
    }
    Some(path.to_owned())
}
