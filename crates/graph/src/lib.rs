//! A mesh as its user wrote it, resolved into what each proxy is to do. The first of two pure hops.
//!
//! [`resolve`] takes a [`MeshSnapshot`] and the name of a proxy's virtual node or gateway, and gives its
//! [`view`]: references followed, defaults filled in, order settled. A mistake in the mesh becomes a diagnostic and
//! drops only the part that is broken. No I/O, no clock, and the same output for any order of input.

mod connections;
mod defaults;
mod dependency;
mod egress;
mod gateway;
mod gateway_routes;
mod ip_preference;
mod logging;
mod matching;
mod memo;
mod node;
mod policy;
mod ports;
mod report;
mod resilience;
mod resolver;
mod router;
mod routes;
mod service;
mod shadow;
pub mod supplied;
mod targets;
mod tls;
mod tls_agreement;
mod unreached;
mod upstreams;
pub mod view;

use evermesh_model::{Diagnostic, Kind, MeshSnapshot, ResourceId};

use crate::supplied::NamedAddresses;

pub use dependency::Dependency;
pub use memo::Memo;
pub use resolver::{Resolved, Resolver};

/// What the proxy of a virtual node or gateway is to do; `None` while the mesh has no such resource. For several proxies
/// of a mesh take one [`Resolver`].
pub fn resolve(mesh: &MeshSnapshot, kind: Kind, name: &str) -> Option<Resolved> {
    Resolver::new(mesh).resolve(kind, name)
}

/// Everything that is wrong in a mesh, ordered and each once, where nobody looks names up.
pub fn lint(mesh: &MeshSnapshot) -> Vec<Diagnostic> {
    Resolver::new(mesh).lint(&NamedAddresses::new())
}

/// Whether a proxy can be of this resource.
pub fn is_proxy(id: &ResourceId) -> bool {
    matches!(id.kind(), Kind::VirtualNode | Kind::VirtualGateway)
}
