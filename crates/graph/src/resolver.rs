//! The proxies of one mesh, resolved with what they have in common worked out once.

use std::collections::BTreeSet;

use evermesh_model::{Diagnostic, Kind, MeshSnapshot};

use crate::dependency::{self, Dependency};
use crate::memo::Memo;
use crate::report::Report;
use crate::service::Service;
use crate::supplied::NamedAddresses;
use crate::view::ProxyView;
use crate::{gateway, node, unreached};

/// A proxy's view, and what was found wrong on the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// What the proxy is to do.
    pub view: ProxyView,
    /// Mistakes in what the view is made of, ordered.
    pub diagnostics: Vec<Diagnostic>,
}

/// Resolves the proxies of a mesh as it is at one moment.
///
/// A virtual service is resolved when the first proxy calls it, and shared by the views of all that do. The answers are
/// those of [`resolve`](crate::resolve), in whatever order proxies are asked for.
#[derive(Debug)]
pub struct Resolver<'m> {
    mesh: &'m MeshSnapshot,
    memo: Lent<'m>,
}

/// A memo for one resolver or for many.
#[derive(Debug)]
enum Lent<'m> {
    Own(Memo),
    Others(&'m Memo),
}

impl<'m> Resolver<'m> {
    /// A resolver that has not resolved anything yet.
    pub fn new(mesh: &'m MeshSnapshot) -> Self {
        Self {
            mesh,
            memo: Lent::Own(Memo::new(mesh)),
        }
    }

    /// A resolver that resolves only what no resolver with this memo has resolved yet. The memo must have learned of
    /// every change that made the mesh what it is.
    pub fn with_memo(mesh: &'m MeshSnapshot, memo: &'m Memo) -> Self {
        Self {
            mesh,
            memo: Lent::Others(memo),
        }
    }

    /// Everything that is wrong in the mesh, ordered and each once: with what its proxies have, with services that nobody
    /// calls, and with the mesh as a whole. `known` as for [`resolve_with`](Self::resolve_with).
    pub fn lint(&self, known: &NamedAddresses) -> Vec<Diagnostic> {
        let nodes = self.mesh.virtual_nodes.keys();
        let gateways = self.mesh.virtual_gateways.keys();
        let nodes = nodes.map(|name| (Kind::VirtualNode, name));
        let gateways = gateways.map(|name| (Kind::VirtualGateway, name));
        let proxies = nodes
            .chain(gateways)
            .filter_map(|(kind, name)| self.resolve_with(kind, name, known))
            .flat_map(|resolved| resolved.diagnostics);
        let services = self
            .mesh
            .virtual_services
            .keys()
            .filter_map(|name| self.service(name));
        let mut report = Report::default();
        unreached::nodes(self.mesh, &mut report);
        services.for_each(|service| report.repeat(&service.diagnostics));
        report.repeat(&proxies.collect::<Vec<_>>());
        report.into_diagnostics()
    }

    /// What the proxy of a virtual node or gateway is to do, where nobody looks names up; `None` while the mesh has no
    /// such resource.
    pub fn resolve(&self, kind: Kind, name: &str) -> Option<Resolved> {
        self.resolve_with(kind, name, &NamedAddresses::new())
    }

    /// [`resolve`](Self::resolve) with the addresses of names as far as they are `known`: TCP services that share a port
    /// are told apart by them, and [`Egress::names`](crate::view::Egress::names) says by which. A name that is known to
    /// have none does not resolve.
    pub fn resolve_with(&self, kind: Kind, name: &str, known: &NamedAddresses) -> Option<Resolved> {
        let mut report = Report::default();
        let view = match kind {
            Kind::VirtualNode => {
                let spec = self.mesh.virtual_nodes.get(name)?;
                node::resolve(self, name, spec, known, &mut report)
            }
            Kind::VirtualGateway => {
                let spec = self.mesh.virtual_gateways.get(name)?;
                gateway::resolve(self, name, spec, known, &mut report)
            }
            _ => return None,
        };
        Some(Resolved {
            view,
            diagnostics: report.into_diagnostics(),
        })
    }

    /// What the view of a virtual node or gateway depends on besides the spec of its mesh, whether or not there is such a
    /// resource: until one of these changes, [`resolve`](Self::resolve) answers the same. See [`Memo::update`].
    pub fn dependencies(&self, kind: Kind, name: &str) -> BTreeSet<Dependency> {
        dependency::of_proxy(self.mesh, kind, name)
    }

    /// The mesh whose proxies are resolved.
    pub(crate) fn mesh(&self) -> &'m MeshSnapshot {
        self.mesh
    }

    /// A virtual service of the mesh.
    pub(crate) fn service(&self, name: &str) -> Option<&Service> {
        let memo = match &self.memo {
            Lent::Own(memo) => memo,
            Lent::Others(memo) => memo,
        };
        memo.service(self.mesh, name)
    }
}
