//! Names of Envoy resources: those that App Mesh gave them, which users' dashboards and scripts know.

use evermesh_graph::view::{EGRESS_PORT, Protocol, TargetKey};

use crate::piece::Owner;

pub(crate) fn ingress_listener(port: u16) -> String {
    format!("lds_ingress_0.0.0.0_{port}")
}

pub(crate) fn egress_listener() -> String {
    format!("lds_egress_0.0.0.0_{EGRESS_PORT}")
}

/// What statistics of a listener begin with, whatever address it is bound to.
pub(crate) fn listener_stat_prefix(port: u16) -> String {
    format!("0.0.0.0_{port}")
}

pub(crate) fn ingress_routes(port: u16) -> String {
    format!("rds_ingress_http_{port}")
}

pub(crate) fn egress_routes(port: u16) -> String {
    format!("rds_egress_http_{port}")
}

pub(crate) fn local_application(owner: Owner<'_>, protocol: Protocol, port: u16) -> String {
    let Owner { mesh, name } = owner;
    format!("cds_ingress_{mesh}_{name}_{}_{port}", protocol.as_str())
}

pub(crate) fn target(mesh: &str, target: &TargetKey) -> String {
    let TargetKey {
        virtual_node,
        protocol,
        port,
    } = target;
    format!("cds_egress_{mesh}_{virtual_node}_{}_{port}", protocol.as_str())
}

pub(crate) fn amazonaws(mesh: &str) -> String {
    format!("cds_egress_{mesh}_amazonaws")
}

pub(crate) fn allow_all(mesh: &str) -> String {
    format!("cds_egress_{mesh}_mesh-allow-all")
}

/// A gateway's hop into its own egress listener. With several listeners the name says which one it is of.
pub(crate) fn self_redirect(owner: Owner<'_>, protocol: Protocol, port: u16, several: bool) -> String {
    let Owner { mesh, name } = owner;
    let protocol = protocol.as_str();
    if several {
        format!("cds_ingress_{mesh}_{name}_self_redirect_{port}_{protocol}_{EGRESS_PORT}")
    } else {
        format!("cds_ingress_{mesh}_{name}_self_redirect_{protocol}_{EGRESS_PORT}")
    }
}

/// Prefix of a connection manager's statistics. With several listeners it says which one it is of.
pub(crate) fn ingress_stat_prefix(protocol: Protocol, port: u16, several: bool) -> String {
    if several {
        format!("ingress.{}.{port}", protocol.as_str())
    } else {
        "ingress".to_owned()
    }
}

pub(crate) const EGRESS_STAT_PREFIX: &str = "egress";
