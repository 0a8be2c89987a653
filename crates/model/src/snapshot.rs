//! Everything the user has said, at one moment: what the graph is computed from.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::id::{Kind, MeshId, ResourceId};
use crate::spec::{
    GatewayRouteSpec, MeshSpec, RouteSpec, Spec, VirtualGatewaySpec, VirtualNodeSpec, VirtualRouterSpec,
    VirtualServiceSpec,
};

/// All meshes. Cheap to clone: meshes and specs are shared.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    meshes: BTreeMap<MeshId, Arc<MeshSnapshot>>,
}

/// One mesh with all that is in it, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct MeshSnapshot {
    /// The mesh.
    pub id: MeshId,
    /// Its spec.
    pub spec: Arc<MeshSpec>,
    /// Virtual nodes.
    pub virtual_nodes: BTreeMap<String, Arc<VirtualNodeSpec>>,
    /// Virtual services.
    pub virtual_services: BTreeMap<String, Arc<VirtualServiceSpec>>,
    /// Virtual routers.
    pub virtual_routers: BTreeMap<String, Arc<VirtualRouterSpec>>,
    /// Routes, by router and name.
    pub routes: BTreeMap<String, BTreeMap<String, Arc<RouteSpec>>>,
    /// Virtual gateways.
    pub virtual_gateways: BTreeMap<String, Arc<VirtualGatewaySpec>>,
    /// Gateway routes, by gateway and name.
    pub gateway_routes: BTreeMap<String, BTreeMap<String, Arc<GatewayRouteSpec>>>,
}

impl Snapshot {
    /// The mesh, if there is one.
    pub fn mesh(&self, id: &MeshId) -> Option<&Arc<MeshSnapshot>> {
        self.meshes.get(id)
    }

    /// All meshes, ordered.
    pub fn meshes(&self) -> impl Iterator<Item = &Arc<MeshSnapshot>> {
        self.meshes.values()
    }

    /// Adds or replaces a resource. What is in a mesh comes after the mesh; until then it is not seen.
    ///
    /// # Panics
    /// When the spec is not of the id's kind.
    pub fn put(&mut self, id: &ResourceId, spec: Spec) {
        assert_eq!(id.kind(), spec.kind(), "spec of another kind for {id}");
        if let Spec::Mesh(spec) = spec {
            match self.meshes.get_mut(id.mesh()) {
                Some(mesh) => Arc::make_mut(mesh).spec = Arc::new(spec),
                None => {
                    self.meshes.insert(
                        id.mesh().clone(),
                        Arc::new(MeshSnapshot::new(id.mesh().clone(), spec)),
                    );
                }
            }
        } else if let Some(mesh) = self.meshes.get_mut(id.mesh()) {
            Arc::make_mut(mesh).put(id, spec);
        }
    }

    /// Removes a resource, if it is there.
    pub fn remove(&mut self, id: &ResourceId) {
        if id.kind() == Kind::Mesh {
            self.meshes.remove(id.mesh());
        } else if let Some(mesh) = self.meshes.get_mut(id.mesh()) {
            Arc::make_mut(mesh).remove(id);
        }
    }
}

impl MeshSnapshot {
    /// A mesh with nothing in it.
    pub fn new(id: MeshId, spec: MeshSpec) -> Self {
        Self {
            id,
            spec: Arc::new(spec),
            virtual_nodes: BTreeMap::new(),
            virtual_services: BTreeMap::new(),
            virtual_routers: BTreeMap::new(),
            routes: BTreeMap::new(),
            virtual_gateways: BTreeMap::new(),
            gateway_routes: BTreeMap::new(),
        }
    }

    /// Routes of a router, by name.
    pub fn routes_of(&self, router: &str) -> impl Iterator<Item = (&String, &Arc<RouteSpec>)> {
        self.routes.get(router).into_iter().flatten()
    }

    /// Gateway routes of a gateway, by name.
    pub fn gateway_routes_of(
        &self,
        gateway: &str,
    ) -> impl Iterator<Item = (&String, &Arc<GatewayRouteSpec>)> {
        self.gateway_routes.get(gateway).into_iter().flatten()
    }

    fn put(&mut self, id: &ResourceId, spec: Spec) {
        let name = id.name().to_owned();
        let parent = || id.parent_name().unwrap_or_default().to_owned();
        match spec {
            Spec::Mesh(spec) => self.spec = Arc::new(spec),
            Spec::VirtualNode(spec) => drop(self.virtual_nodes.insert(name, Arc::new(spec))),
            Spec::VirtualService(spec) => drop(self.virtual_services.insert(name, Arc::new(spec))),
            Spec::VirtualRouter(spec) => drop(self.virtual_routers.insert(name, Arc::new(spec))),
            Spec::VirtualGateway(spec) => drop(self.virtual_gateways.insert(name, Arc::new(spec))),
            Spec::Route(spec) => drop(
                self.routes
                    .entry(parent())
                    .or_default()
                    .insert(name, Arc::new(spec)),
            ),
            Spec::GatewayRoute(spec) => {
                drop(
                    self.gateway_routes
                        .entry(parent())
                        .or_default()
                        .insert(name, Arc::new(spec)),
                );
            }
        }
    }

    fn remove(&mut self, id: &ResourceId) {
        let name = id.name();
        match id.kind() {
            Kind::Mesh => {}
            Kind::VirtualNode => drop(self.virtual_nodes.remove(name)),
            Kind::VirtualService => drop(self.virtual_services.remove(name)),
            Kind::VirtualRouter => drop(self.virtual_routers.remove(name)),
            Kind::VirtualGateway => drop(self.virtual_gateways.remove(name)),
            Kind::Route => remove_child(&mut self.routes, id),
            Kind::GatewayRoute => remove_child(&mut self.gateway_routes, id),
        }
    }
}

fn remove_child<T>(children: &mut BTreeMap<String, BTreeMap<String, T>>, id: &ResourceId) {
    let parent = id.parent_name().unwrap_or_default();
    if let Some(siblings) = children.get_mut(parent) {
        siblings.remove(id.name());
        if siblings.is_empty() {
            children.remove(parent);
        }
    }
}
