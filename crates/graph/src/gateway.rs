//! The view of a virtual gateway's proxy: its ports, its gateway routes, and the services behind them.

use std::collections::{BTreeMap, BTreeSet};

use evermesh_model::spec::{VirtualGatewayListener, VirtualGatewaySpec};
use evermesh_model::{Kind, ResourceId};

use crate::egress::{ClientPolicy, EgressBuilder};
use crate::gateway_routes::GatewayRoutes;
use crate::ip_preference;
use crate::logging;
use crate::node::protocol;
use crate::policy;
use crate::report::{Place, Report, code};
use crate::resolver::Resolver;
use crate::supplied::NamedAddresses;
use crate::tls;
use crate::view::{EGRESS_PORT, Egress, EgressHost, GatewayListener, Ingress, ProxyView};

pub(crate) fn resolve(
    resolver: &Resolver<'_>,
    name: &str,
    spec: &VirtualGatewaySpec,
    known: &NamedAddresses,
    report: &mut Report,
) -> ProxyView {
    let mesh = resolver.mesh();
    let id = ResourceId::in_mesh(mesh.id.clone(), Kind::VirtualGateway, name);
    let place = Place::spec_of(&id);
    let tls = tls::of_defaults(spec.backend_defaults.as_ref());
    let of_defaults = place.at("backendDefaults.clientPolicy.tls");
    let policy = ClientPolicy {
        tls,
        place: if tls.is_some() { &of_defaults } else { &place },
    };

    let mut egress = EgressBuilder::new(resolver, report, policy);
    let routes = GatewayRoutes::resolve(mesh, name, &mut egress);
    let listeners = spec.listeners.iter().enumerate();
    let listeners: Vec<GatewayListener> = listeners
        .filter_map(|(index, listener)| {
            let place = place.item("listeners", index);
            gateway_listener(listener, &routes, &place, egress.report())
        })
        .collect();
    routes.check(mesh, name, spec, egress.report());
    let mut egress = egress.finish(known);
    egress.shared_hosts = shared_hosts(&listeners, &egress);
    ProxyView {
        mesh: mesh.id.name.clone(),
        name: name.to_owned(),
        ingress: Ingress::VirtualGateway(listeners),
        egress,
        network: ip_preference::gateway_network(mesh),
        access_log: logging::access_log(spec.logging.as_ref()),
    }
}

fn gateway_listener(
    listener: &VirtualGatewayListener,
    routes: &GatewayRoutes,
    place: &Place<'_>,
    report: &mut Report,
) -> Option<GatewayListener> {
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
        tls: tls::listener(listener.tls.as_ref()),
        routes: routes.of_port(port),
    })
}

/// Hosts of the egress that requests for other services may have kept.
fn shared_hosts(listeners: &[GatewayListener], egress: &Egress) -> BTreeMap<String, Vec<String>> {
    let mut shared: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let hosts = EgressHost::all(&egress.http_ports);
    for route in listeners.iter().flat_map(|listener| &listener.routes) {
        let keeping = route
            .destination
            .as_ref()
            .filter(|destination| destination.keep_host);
        let Some(destination) = keeping else { continue };
        let may_be_kept = |authority: &String| {
            let host = route.matches.host.as_ref();
            host.is_none_or(|host| host.takes(authority))
        };
        for EgressHost {
            name, authorities, ..
        } in &hosts
        {
            if *name != destination.host && authorities.iter().any(may_be_kept) {
                shared
                    .entry(name.clone())
                    .or_default()
                    .insert(destination.host.clone());
            }
        }
    }
    let ordered = |(host, others): (String, BTreeSet<String>)| (host, others.into_iter().collect());
    shared.into_iter().map(ordered).collect()
}
