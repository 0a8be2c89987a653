//! Client policies and listeners that can never agree on TLS, as far as a mesh tells. What is in certificates it does
//! not tell.

use std::collections::BTreeMap;

use evermesh_model::MeshSnapshot;
use evermesh_model::spec::{ClientPolicyTls, Listener, ListenerTls, ListenerTlsMode};

use crate::egress::ClientPolicy;
use crate::report::{Place, Report, code};
use crate::service::Service;
use crate::tls;
use crate::view::TargetKey;

/// Reports targets of a service that are not reached the way the service is called.
pub(crate) fn check(
    mesh: &MeshSnapshot,
    service: &Service,
    calls: ClientPolicy<'_, '_>,
    report: &mut Report,
) {
    let place = calls.place;
    for (key, server) in servers(mesh, service) {
        let policy = calls.tls.filter(|policy| tls::is_for(policy, key.port));
        match server {
            None if policy.is_some_and(tls::is_enforced) => not_offered(key, place, report),
            Some(server) if asks_for_certificate(server) && shows_none(policy) => {
                certificate_missing(key, place, report);
            }
            _ => {}
        }
    }
}

/// Reports a policy of one backend that is for none of the backend's ports.
pub(crate) fn check_ports(
    service: &Service,
    policy: &ClientPolicyTls,
    place: &Place<'_>,
    report: &mut Report,
) {
    let mut targets = service.targets().peekable();
    if targets.peek().is_some() && !targets.any(|target| tls::is_for(policy, target.key.port)) {
        let name = service.id.name();
        let message = format!(
            "no target of virtual service {name} listens on any of these ports; it is called as if there were no policy"
        );
        report.warning(&place.at("ports"), code::TLS_PORTS_UNUSED, message);
    }
}

/// What the listeners that a service leads to say of TLS; a mode of `DISABLED` is as good as none.
fn servers<'a>(
    mesh: &'a MeshSnapshot,
    service: &'a Service,
) -> BTreeMap<&'a TargetKey, Option<&'a ListenerTls>> {
    let server = |key: &TargetKey| {
        let node = mesh.virtual_nodes.get(&key.virtual_node)?;
        let mut listeners = node.listeners.iter().flatten();
        let listener: &Listener = listeners.find(|listener| listener.port_mapping.port == key.port)?;
        let tls = listener.tls.as_ref();
        tls.filter(|tls| tls.mode != ListenerTlsMode::Disabled)
    };
    let keys = service.targets().map(|target| &target.key);
    keys.map(|key| (key, server(key))).collect()
}

/// A permissive listener takes callers without a certificate, see [`tls::listener`].
fn asks_for_certificate(server: &ListenerTls) -> bool {
    server.mode == ListenerTlsMode::Strict && server.validation.is_some()
}

fn shows_none(policy: Option<&ClientPolicyTls>) -> bool {
    policy.is_none_or(|policy| policy.certificate.is_none())
}

fn not_offered(key: &TargetKey, place: &Place<'_>, report: &mut Report) {
    let TargetKey {
        virtual_node, port, ..
    } = key;
    let message = format!(
        "TLS is enforced, and virtual node {virtual_node} has none on port {port}: calls fail unless it is a service \
         outside the mesh that has TLS of its own"
    );
    report.warning(place, code::TLS_NOT_OFFERED, message);
}

fn certificate_missing(key: &TargetKey, place: &Place<'_>, report: &mut Report) {
    let TargetKey {
        virtual_node, port, ..
    } = key;
    let message = format!(
        "virtual node {virtual_node} asks callers of port {port} for a certificate, and none is given here: calls fail"
    );
    report.error(place, code::TLS_CLIENT_CERTIFICATE_MISSING, message);
}
