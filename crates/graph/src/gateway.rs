//! The view of a virtual gateway's proxy: its ports, its gateway routes, and the services behind them.

use evermesh_model::spec::{
    DefaultGatewayRouteRewrite, GatewayRouteSpec, GatewayRouteTarget, GrpcGatewayRoute, HttpGatewayRoute,
    HttpGatewayRouteRewrite, ListenerTlsMode, VirtualGatewayListener, VirtualGatewaySpec,
};
use evermesh_model::{Kind, MeshSnapshot, ResourceId};

use crate::defaults;
use crate::egress::Egresses;
use crate::node::{access_log, allow_all, ip_preference, may_be_plain_by_default, protocol};
use crate::policy;
use crate::report::{Place, Report, code};
use crate::resolver::Resolver;
use crate::routes::{self, Rank};
use crate::supplied::NamedAddresses;
use crate::view::{
    Destination, EGRESS_PORT, GatewayListener, GatewayRoute, Ingress, PathMatch, PathRewrite, ProxyView,
    RequestMatch, Timeouts,
};

pub(crate) fn resolve(
    resolver: &Resolver<'_>,
    name: &str,
    spec: &VirtualGatewaySpec,
    known: Option<&NamedAddresses>,
    report: &mut Report,
) -> ProxyView {
    let mesh = resolver.mesh();
    let id = ResourceId::in_mesh(mesh.id.clone(), Kind::VirtualGateway, name);
    let place = Place::spec_of(&id);
    let access_log = access_log(spec.logging.as_ref(), &place, report);
    ip_preference(mesh, report);
    let plain = may_be_plain_by_default(spec.backend_defaults.as_ref(), &place, report);

    let mut egresses = Egresses::new(resolver, report);
    let mut resolved: Vec<Candidate> = mesh
        .gateway_routes_of(name)
        .filter(|_| plain)
        .filter_map(|(route, spec)| Candidate::resolve(mesh, name, route, spec, &mut egresses))
        .collect();
    resolved.sort_by(|a, b| a.rank.cmp(&b.rank));
    let listeners = spec.listeners.iter().enumerate();
    let listeners = listeners
        .filter_map(|(index, listener)| {
            gateway_listener(
                listener,
                &resolved,
                &place.item("listeners", index),
                egresses.report(),
            )
        })
        .collect();
    unknown_ports(mesh, name, spec, egresses.report());
    ProxyView {
        mesh: mesh.id.name.clone(),
        name: name.to_owned(),
        ingress: Ingress::VirtualGateway(listeners),
        egress: egresses.finish(allow_all(mesh), known),
        access_log,
    }
}

fn gateway_listener(
    listener: &VirtualGatewayListener,
    routes: &[Candidate],
    place: &Place<'_>,
    report: &mut Report,
) -> Option<GatewayListener> {
    if listener
        .tls
        .as_ref()
        .is_some_and(|tls| tls.mode != ListenerTlsMode::Disabled)
    {
        report.not_translated(
            &place.at("tls"),
            Some(&()),
            "the listener is closed rather than served in plain text",
        );
        return None;
    }
    report.not_translated(
        &place.at("healthCheck"),
        listener.health_check.as_ref(),
        "nothing is checked",
    );
    let port = listener.port_mapping.port;
    if port == EGRESS_PORT {
        let message = format!("port {port} is the proxy's own; the listener is left out");
        report.error(&place.at("portMapping.port"), code::PORT_CONFLICT, message);
        return None;
    }
    Some(GatewayListener {
        port,
        protocol: protocol(listener.port_mapping.protocol),
        limits: policy::gateway_limits(listener.connection_pool.as_ref()),
        routes: routes
            .iter()
            .filter(|candidate| candidate.port.is_none_or(|p| p == port))
            .map(|candidate| candidate.route.clone())
            .collect(),
    })
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
        egresses: &mut Egresses<'_>,
    ) -> Option<Self> {
        let id = ResourceId::gateway_route(mesh.id.clone(), gateway, name);
        let (member, port) = member(spec)?;
        let spec_place = Place::spec_of(&id);
        let place = spec_place.at(member);
        let http = spec.http_route.as_ref().or(spec.http2_route.as_ref());
        let (path, path_rewrite, target) = match (http, &spec.grpc_route) {
            (Some(route), _) => http_route(route, &place, egresses.report())?,
            (None, route) => grpc_route(route.as_ref()?, &place, egresses.report())?,
        };
        let reached = reach(target, &place, egresses);
        let rank = Rank::new(spec.priority.unwrap_or(defaults::PRIORITY), &path, name);
        let route = GatewayRoute {
            name: name.to_owned(),
            matches: RequestMatch { path },
            destination: reached.map(|(host, timeouts)| Destination {
                virtual_service: target.virtual_service.virtual_service_name.clone(),
                path_rewrite,
                host_rewrite: Some(host),
                timeouts,
            }),
        };
        Some(Self { rank, port, route })
    }
}

/// The host that leads to the target in the gateway's own egress, and the longest timeouts behind it.
fn reach(
    target: &GatewayRouteTarget,
    place: &Place<'_>,
    egresses: &mut Egresses<'_>,
) -> Option<(String, Timeouts)> {
    let service = &target.virtual_service.virtual_service_name;
    let place = place.at("action.target");
    let ports = egresses.add_named(service);
    let Some(&first) = ports.first() else {
        let message = format!(
            "virtual service {service} has no port that is called by HTTP; the route answers with 503"
        );
        egresses.report().error(&place, code::PROTOCOL_MISMATCH, message);
        return None;
    };
    let port = target.port.unwrap_or(first);
    if !ports.contains(&port) {
        let message =
            format!("virtual service {service} is not called on port {port}; the route answers with 503");
        egresses
            .report()
            .error(&place.at("port"), code::TARGET_PORT_UNKNOWN, message);
        return None;
    }
    let host = if port == first {
        service.clone()
    } else {
        format!("{service}:{port}")
    };
    Some((host, egresses.longest_timeouts(service, port)))
}

type Leads<'a> = (PathMatch, PathRewrite, &'a GatewayRouteTarget);

fn http_route<'a>(route: &'a HttpGatewayRoute, place: &Place<'_>, report: &mut Report) -> Option<Leads<'a>> {
    let request = &route.r#match;
    let place_of_match = place.at("match");
    let left_out = [
        ("queryParameters", request.query_parameters.is_some()),
        ("method", request.method.is_some()),
        ("hostname", request.hostname.is_some()),
        ("headers", request.headers.is_some()),
    ];
    let whole = routes::left_out(&left_out, &place_of_match, report);
    let path = routes::path_match(request.prefix.as_ref(), request.path.as_ref());
    let rewrite = http_rewrite(
        route.action.rewrite.as_ref(),
        &path,
        &place.at("action.rewrite"),
        report,
    );
    (!whole).then_some(())?;
    Some((path, rewrite?, &route.action.target))
}

/// By default a matched prefix becomes `/` and a matched path stays.
fn http_rewrite(
    rewrite: Option<&HttpGatewayRouteRewrite>,
    path: &PathMatch,
    place: &Place<'_>,
    report: &mut Report,
) -> Option<PathRewrite> {
    let hostname = rewrite
        .and_then(|r| r.hostname.as_ref())
        .and_then(|h| h.default_target_hostname);
    let whole_path = rewrite.and_then(|r| r.path.as_ref());
    let left_out = [
        ("hostname", hostname == Some(DefaultGatewayRouteRewrite::Disabled)),
        ("path", whole_path.is_some()),
    ];
    if routes::left_out(&left_out, place, report) {
        return None;
    }
    if !matches!(path, PathMatch::Prefix(_)) {
        return Some(PathRewrite::Keep);
    }
    let prefix = rewrite.and_then(|r| r.prefix.as_ref());
    let value = prefix.and_then(|prefix| prefix.value.as_ref());
    if value.is_some_and(|value| value.contains(char::is_control)) {
        let message = "no request can have control characters in its path: the route is left out";
        report.error(&place.at("prefix.value"), code::UNSENDABLE_PATH, message);
        return None;
    }
    Some(match prefix {
        Some(prefix) if prefix.default_prefix == Some(DefaultGatewayRouteRewrite::Disabled) => {
            PathRewrite::Keep
        }
        Some(prefix) => PathRewrite::Prefix(prefix.value.clone().unwrap_or_else(|| "/".to_owned())),
        None => PathRewrite::Prefix("/".to_owned()),
    })
}

fn grpc_route<'a>(route: &'a GrpcGatewayRoute, place: &Place<'_>, report: &mut Report) -> Option<Leads<'a>> {
    let request = &route.r#match;
    let hostname = route.action.rewrite.as_ref().and_then(|r| r.hostname.as_ref());
    let keeps_host =
        hostname.and_then(|h| h.default_target_hostname) == Some(DefaultGatewayRouteRewrite::Disabled);
    let left_out = [
        ("match.hostname", request.hostname.is_some()),
        ("match.metadata", request.metadata.is_some()),
        ("action.rewrite.hostname", keeps_host),
    ];
    if routes::left_out(&left_out, place, report) {
        return None;
    }
    let path = routes::grpc_path(request.service_name.as_ref(), None);
    Some((path, PathRewrite::Keep, &route.action.target))
}
