//! Which virtual nodes and gateways need certificates that there are no usable files of.

use std::collections::{BTreeMap, BTreeSet};

use evermesh_graph::Resolver;
use evermesh_graph::supplied::SupplyKey;
use evermesh_model::{Diagnostic, Kind, MeshSnapshot, ResourceId, Severity};

use super::CertificateDirectory;

/// Code of the diagnostics.
const UNAVAILABLE: &str = "certificate-unavailable";

/// A diagnostic for each proxy of a mesh and each certificate or authority that it needs and that cannot be used. What
/// was good before is in force all the same.
pub(crate) fn unavailable(mesh: &MeshSnapshot, directory: Option<&CertificateDirectory>) -> Vec<Diagnostic> {
    let faults = needed(mesh).into_iter().filter_map(|(name, users)| {
        let fault = match directory {
            Some(directory) => directory.fault(&name)?,
            None => format!("{name} is needed: say where certificates are, with --certificates-dir"),
        };
        Some((fault, users))
    });
    let diagnostic = |resource, fault: &str| Diagnostic {
        resource,
        path: "spec".to_owned(),
        severity: Severity::Error,
        code: UNAVAILABLE,
        message: format!("{fault}; connections that need it fail, unless there was a usable one before"),
    };
    faults
        .flat_map(|(fault, users)| users.into_iter().map(move |user| diagnostic(user, &fault)))
        .collect()
}

/// Names of secrets, and who needs them.
fn needed(mesh: &MeshSnapshot) -> BTreeMap<String, BTreeSet<ResourceId>> {
    let resolver = Resolver::new(mesh);
    let nodes = mesh.virtual_nodes.keys().map(|name| (Kind::VirtualNode, name));
    let gateways = mesh
        .virtual_gateways
        .keys()
        .map(|name| (Kind::VirtualGateway, name));
    let mut needed: BTreeMap<String, BTreeSet<ResourceId>> = BTreeMap::new();
    for (kind, name) in nodes.chain(gateways) {
        let view = resolver.resolve(kind, name).map(|resolved| resolved.view);
        for key in view.into_iter().flat_map(|view| view.needs()) {
            if let SupplyKey::Secret(secret) = key {
                let user = ResourceId::in_mesh(mesh.id.clone(), kind, name);
                needed.entry(secret).or_default().insert(user);
            }
        }
    }
    needed
}
