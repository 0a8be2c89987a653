//! Names of Envoy resources: those that App Mesh gave them, which users' dashboards and scripts know.

use evermesh_graph::view::{Certificate, EGRESS_PORT, ISSUER_OF, Protocol, TargetKey, Trust};
use sha2::{Digest, Sha256};

use crate::piece::{GatewayPort, Owner};

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

/// Where a proxy calls one listener in several ways, they say which by a digest of the service's name: a dot in a
/// cluster's name would cut the names of its statistics short.
pub(crate) fn target(mesh: &str, target: &TargetKey) -> String {
    let TargetKey {
        virtual_node,
        protocol,
        port,
        called_as,
    } = target;
    let listener = format!("cds_egress_{mesh}_{virtual_node}_{}_{port}", protocol.as_str());
    match called_as {
        None => listener,
        Some(service) => format!("{listener}_{}", digest(service)),
    }
}

pub(crate) fn amazonaws(mesh: &str) -> String {
    format!("cds_egress_{mesh}_amazonaws")
}

pub(crate) fn allow_all(mesh: &str) -> String {
    format!("cds_egress_{mesh}_mesh-allow-all")
}

/// A gateway's hop into its own egress listener. With several listeners the name says which one it is of.
pub(crate) fn self_redirect(gateway: GatewayPort<'_>) -> String {
    let Owner { mesh, name } = gateway.owner;
    let (protocol, port) = (gateway.listener.protocol.as_str(), gateway.listener.port);
    if gateway.is_one_of_several {
        format!("cds_ingress_{mesh}_{name}_self_redirect_{port}_{protocol}_{EGRESS_PORT}")
    } else {
        format!("cds_ingress_{mesh}_{name}_self_redirect_{protocol}_{EGRESS_PORT}")
    }
}

/// Prefix of the statistics of whatever goes out.
pub(crate) const EGRESS_STAT_PREFIX: &str = "egress";

/// Prefix of a connection manager's statistics. With several listeners it says which one it is of.
pub(crate) fn ingress_stat_prefix(protocol: Protocol, port: u16, several: bool) -> String {
    if several {
        format!("ingress.{}.{port}", protocol.as_str())
    } else {
        "ingress".to_owned()
    }
}

/// The cluster of the local secret discovery service, which is in the sidecar's bootstrap.
pub(crate) const SDS_CLUSTER: &str = "static_cluster_sds_unix_socket";

/// Longest name of a secret that comes by the stream: xDS servers bound what may be asked for.
const LONGEST_SECRET: usize = 1024;

/// The secret that a certificate and its key are in. Paths are quoted, so that no two pairs have one name.
pub(crate) fn certificate(certificate: &Certificate) -> String {
    bounded(match certificate {
        Certificate::File {
            certificate_chain,
            private_key,
        } => format!("file_certificate {certificate_chain:?} {private_key:?}"),
        Certificate::Sds(name) => name.clone(),
        Certificate::Acm(arn) => arn.clone(),
    })
}

/// The secret that trusted authorities are in.
pub(crate) fn trust(trust: &Trust) -> String {
    bounded(match trust {
        Trust::File(path) => format!("file_trust {path:?}"),
        Trust::Sds(name) => name.clone(),
        Trust::Acm(arns) => match arns.as_slice() {
            [arn] => arn.clone(),
            arns => format!("{arns:?}"),
        },
        Trust::AcmIssuer(arn) => format!("{ISSUER_OF}{arn}"),
    })
}

fn bounded(name: String) -> String {
    if name.len() <= LONGEST_SECRET {
        name
    } else {
        hex::encode(Sha256::digest(name.as_bytes()))
    }
}

/// Enough of a hash to tell the services of a mesh apart. Longer than a port's number, with which other names end.
fn digest(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hex::encode(&hash[..8])
}
