//! What a view depends on in its mesh: whose change may change it. Told by references, which are all that resolving
//! follows; `translate/tests/mesh/incremental.rs` holds it to that.
//!
//! Every view depends on the spec of its mesh too, which is not said: a mesh rarely changes, and then all of it is
//! resolved again.

use std::collections::BTreeSet;

use evermesh_model::spec::{Backend, VirtualServiceProvider, VirtualServiceSpec};
use evermesh_model::{Kind, MeshSnapshot, ResourceId};

use crate::node::service_name;

/// A resource, whether or not it exists, with all that is in it: a router with its routes, a gateway with its gateway
/// routes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dependency {
    kind: Kind,
    name: Box<str>,
}

impl Dependency {
    /// What a change of a resource is a change of.
    pub fn of(id: &ResourceId) -> Self {
        match (id.kind(), id.parent_name()) {
            (Kind::Route, Some(router)) => Self::new(Kind::VirtualRouter, router),
            (Kind::GatewayRoute, Some(gateway)) => Self::new(Kind::VirtualGateway, gateway),
            (kind, _) => Self::new(kind, id.name()),
        }
    }

    pub(crate) fn virtual_service(name: &str) -> Self {
        Self::new(Kind::VirtualService, name)
    }

    /// The name, if it is a virtual service.
    pub(crate) fn as_virtual_service(&self) -> Option<&str> {
        (self.kind == Kind::VirtualService).then_some(&self.name)
    }

    fn new(kind: Kind, name: &str) -> Self {
        Self {
            kind,
            name: name.into(),
        }
    }
}

/// What the view of a virtual node or gateway depends on: itself and the services that it names, each of which stands for
/// all that it depends on in turn.
pub(crate) fn of_proxy(mesh: &MeshSnapshot, kind: Kind, name: &str) -> BTreeSet<Dependency> {
    let mut all = BTreeSet::from([Dependency::new(kind, name)]);
    match kind {
        Kind::VirtualNode => {
            let node = mesh.virtual_nodes.get(name);
            let backends = node.into_iter().flat_map(|node| node.backends.iter().flatten());
            all.extend(backends.map(|Backend::VirtualService(backend)| {
                Dependency::virtual_service(&service_name(mesh, &backend.virtual_service_name))
            }));
        }
        Kind::VirtualGateway => {
            let routes = mesh.gateway_routes_of(name);
            let services = routes.flat_map(|(_, route)| route.virtual_services());
            all.extend(services.map(Dependency::virtual_service));
        }
        _ => {}
    }
    all
}

/// What a virtual service depends on besides itself: its provider, and what a router leads to.
pub(crate) fn of_service(mesh: &MeshSnapshot, spec: &VirtualServiceSpec) -> BTreeSet<Dependency> {
    match &spec.provider {
        None => BTreeSet::new(),
        Some(VirtualServiceProvider::VirtualNode(provider)) => {
            BTreeSet::from([Dependency::new(Kind::VirtualNode, &provider.virtual_node_name)])
        }
        Some(VirtualServiceProvider::VirtualRouter(provider)) => {
            let router = &provider.virtual_router_name;
            let nodes = mesh
                .routes_of(router)
                .flat_map(|(_, route)| route.virtual_nodes());
            let nodes = nodes.map(|node| Dependency::new(Kind::VirtualNode, node));
            nodes
                .chain([Dependency::new(Kind::VirtualRouter, router)])
                .collect()
        }
    }
}
