//! A mesh as its user wrote it, resolved into what each proxy is to do. The first of two pure hops.
//!
//! [`resolve`] takes a [`MeshSnapshot`] and the name of a proxy's virtual node or gateway, and gives its
//! [`view`]: references followed, defaults filled in, order settled. A mistake in the mesh becomes a diagnostic and
//! drops only the part that is broken. No I/O, no clock, and the same output for any order of input.

mod defaults;
mod gateway;
mod node;
mod policy;
mod ports;
mod report;
mod routes;
mod service;
mod targets;
pub mod view;

use evermesh_model::{Diagnostic, Kind, MeshSnapshot, ResourceId};

use report::Report;
use view::ProxyView;

/// A proxy's view, and what was found wrong on the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// What the proxy is to do.
    pub view: ProxyView,
    /// Mistakes in what the view is made of, ordered.
    pub diagnostics: Vec<Diagnostic>,
}

/// What the proxy of a virtual node or gateway is to do; `None` while the mesh has no such resource.
pub fn resolve(mesh: &MeshSnapshot, kind: Kind, name: &str) -> Option<Resolved> {
    let mut report = Report::default();
    let view = match kind {
        Kind::VirtualNode => node::resolve(mesh, name, mesh.virtual_nodes.get(name)?, &mut report),
        Kind::VirtualGateway => gateway::resolve(mesh, name, mesh.virtual_gateways.get(name)?, &mut report),
        _ => return None,
    };
    Some(Resolved {
        view,
        diagnostics: report.into_diagnostics(),
    })
}

/// Everything that is wrong in a mesh, ordered and each once.
pub fn lint(mesh: &MeshSnapshot) -> Vec<Diagnostic> {
    let nodes = mesh.virtual_nodes.keys().map(|name| (Kind::VirtualNode, name));
    let gateways = mesh
        .virtual_gateways
        .keys()
        .map(|name| (Kind::VirtualGateway, name));
    let mut found: Vec<Diagnostic> = nodes
        .chain(gateways)
        .filter_map(|(kind, name)| resolve(mesh, kind, name))
        .flat_map(|resolved| resolved.diagnostics)
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Whether a proxy can be of this resource.
pub fn is_proxy(id: &ResourceId) -> bool {
    matches!(id.kind(), Kind::VirtualNode | Kind::VirtualGateway)
}
