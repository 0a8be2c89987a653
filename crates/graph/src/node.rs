//! The view of a virtual node's proxy: its application's listeners, and the services it may call.

use std::borrow::Cow;
use std::collections::BTreeMap;

use evermesh_model::spec::{
    Backend, ClientPolicyTls, Listener, PortProtocol, VirtualNodeSpec, VirtualServiceBackend,
};
use evermesh_model::{Arn, Kind, MeshSnapshot, ResourceId};

use crate::egress::{ClientPolicy, EgressBuilder};
use crate::ip_preference;
use crate::logging;
use crate::policy;
use crate::report::{Place, Report, code};
use crate::resolver::Resolver;
use crate::service::as_outside;
use crate::supplied::NamedAddresses;
use crate::tls;
use crate::tls_agreement;
use crate::view::{AppListener, EGRESS_PORT, INGRESS_PORT, Ingress, Protocol, ProxyView};

pub(crate) fn resolve(
    resolver: &Resolver<'_>,
    name: &str,
    spec: &VirtualNodeSpec,
    known: &NamedAddresses,
    report: &mut Report,
) -> ProxyView {
    let mesh = resolver.mesh();
    let id = ResourceId::in_mesh(mesh.id.clone(), Kind::VirtualNode, name);
    let place = Place::spec_of(&id);
    let listeners = app_listeners(spec, &place, report);
    let of_defaults = place.at("backendDefaults.clientPolicy.tls");
    let defaults = ClientPolicy {
        tls: tls::of_defaults(spec.backend_defaults.as_ref()),
        place: &of_defaults,
    };

    let mut egress = EgressBuilder::new(resolver, report, defaults);
    add_backends(spec, &place, defaults, &mut egress);
    ProxyView {
        mesh: mesh.id.name.clone(),
        name: name.to_owned(),
        ingress: Ingress::VirtualNode(listeners),
        egress: egress.finish(known),
        network: ip_preference::node_network(mesh, spec),
        access_log: logging::access_log(spec.logging.as_ref()),
    }
}

fn add_backends<'a>(
    spec: &'a VirtualNodeSpec,
    place: &Place<'_>,
    defaults: ClientPolicy<'a, '_>,
    egress: &mut EgressBuilder<'a>,
) {
    let mesh = egress.resolver().mesh();
    let in_force = in_force(mesh, spec);
    for (index, Backend::VirtualService(backend)) in spec.backends.iter().flatten().enumerate() {
        let item = place.item("backends", index);
        let place = item.at("virtualService");
        match in_force.get(&service_name(mesh, &backend.virtual_service_name)) {
            Some(other) if other.index != index => {
                if other.policy != policy_of(backend, spec) {
                    let index = other.index;
                    let message = format!(
                        "backends[{index}] is the same virtual service; its client policy is in force"
                    );
                    egress.report().warning(&place, code::DUPLICATE_BACKEND, message);
                }
            }
            _ => add_backend(backend, &place, defaults, egress),
        }
    }
}

/// The backend that counts of those that are the same virtual service.
struct InForce<'a> {
    index: usize,
    policy: Option<&'a ClientPolicyTls>,
}

/// Backends by their virtual services. Of several the one with the strictest policy counts, or what one of them forbids
/// would happen because of another; among equals the first.
fn in_force<'a>(mesh: &MeshSnapshot, spec: &'a VirtualNodeSpec) -> BTreeMap<Cow<'a, str>, InForce<'a>> {
    let mut in_force: BTreeMap<_, InForce<'_>> = BTreeMap::new();
    for (index, Backend::VirtualService(backend)) in spec.backends.iter().flatten().enumerate() {
        let name = service_name(mesh, &backend.virtual_service_name);
        let policy = policy_of(backend, spec);
        let known = in_force.get(&name);
        if known.is_none_or(|known| tls::strictness(policy) > tls::strictness(known.policy)) {
            in_force.insert(name, InForce { index, policy });
        }
    }
    in_force
}

/// What a backend's calls are under: its own client policy, or if it has none the node's.
fn policy_of<'a>(
    backend: &'a VirtualServiceBackend,
    spec: &'a VirtualNodeSpec,
) -> Option<&'a ClientPolicyTls> {
    match &backend.client_policy {
        Some(own) => tls::of_policy(Some(own)),
        None => tls::of_defaults(spec.backend_defaults.as_ref()),
    }
}

fn add_backend<'a>(
    backend: &'a VirtualServiceBackend,
    place: &Place<'_>,
    defaults: ClientPolicy<'a, '_>,
    egress: &mut EgressBuilder<'a>,
) {
    let resolver = egress.resolver();
    let name = service_name(resolver.mesh(), &backend.virtual_service_name);
    let Some(service) = resolver.service(&name) else {
        let message = format!("there is no virtual service {name}; {}", as_outside(&name));
        let place = place.at("virtualServiceName");
        egress.report().warning(&place, code::DANGLING_BACKEND, message);
        return;
    };
    let of_policy = place.at("clientPolicy.tls");
    let own = tls::of_policy(backend.client_policy.as_deref());
    if let Some(own) = own {
        tls_agreement::check_ports(service, own, &of_policy, egress.report());
    }
    egress.add(
        service,
        match (own, &backend.client_policy) {
            (Some(_), _) => ClientPolicy {
                tls: own,
                place: &of_policy,
            },
            (None, None) if defaults.tls.is_some() => defaults,
            (None, _) => ClientPolicy { tls: None, place },
        },
    );
}

/// A backend may be given by the name of the virtual service or by its ARN (user guide, "Virtual nodes").
pub(crate) fn service_name<'a>(mesh: &MeshSnapshot, text: &'a str) -> Cow<'a, str> {
    let arn = text.starts_with("arn:").then(|| Arn::parse(text).ok()).flatten();
    let here =
        arn.filter(|arn| arn.resource.mesh() == &mesh.id && arn.resource.kind() == Kind::VirtualService);
    here.map_or(Cow::Borrowed(text), |arn| {
        Cow::Owned(arn.resource.name().to_owned())
    })
}

fn app_listeners(spec: &VirtualNodeSpec, place: &Place<'_>, report: &mut Report) -> Vec<AppListener> {
    let listeners = spec.listeners.iter().flatten().enumerate();
    listeners
        .filter_map(|(index, listener)| app_listener(listener, &place.item("listeners", index), report))
        .collect()
}

fn app_listener(listener: &Listener, place: &Place<'_>, report: &mut Report) -> Option<AppListener> {
    let port = listener.port_mapping.port;
    if [INGRESS_PORT, EGRESS_PORT].contains(&port) {
        let message = format!(
            "port {port} is the proxy's own, no application can listen there; the listener is left out"
        );
        report.error(&place.at("portMapping.port"), code::PORT_CONFLICT, message);
        return None;
    }
    Some(AppListener {
        port,
        protocol: protocol(listener.port_mapping.protocol),
        timeouts: policy::listener_timeouts(listener.timeout.as_ref()),
        limits: policy::node_limits(listener.connection_pool.as_ref()),
        tls: tls::listener(listener.tls.as_ref()),
    })
}

pub(crate) fn protocol(protocol: PortProtocol) -> Protocol {
    match protocol {
        PortProtocol::Http => Protocol::Http,
        PortProtocol::Http2 => Protocol::Http2,
        PortProtocol::Grpc => Protocol::Grpc,
        PortProtocol::Tcp => Protocol::Tcp,
    }
}
