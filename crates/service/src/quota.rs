//! How many resources there may be: the numbers, and where a resource counts. No storage.

use evermesh_model::{Kind, ResourceId, Spec};
use serde::Deserialize;

use crate::ServiceError;

/// The most resources of each kind in one parent. The default is ten times what App Mesh published as its default
/// (AWS General Reference, "AWS App Mesh endpoints and quotas").
///
/// App Mesh's limit of 10 weighted targets per route is no quota here: the API's shapes forbid more.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Meshes that an account owns; published: 15.
    pub meshes_per_account: u32,
    /// Published: 200.
    pub virtual_nodes_per_mesh: u32,
    /// Published: 200.
    pub virtual_services_per_mesh: u32,
    /// Published: 200.
    pub virtual_routers_per_mesh: u32,
    /// Published: 3.
    pub virtual_gateways_per_mesh: u32,
    /// Published: 50.
    pub routes_per_virtual_router: u32,
    /// Published: 10.
    pub gateway_routes_per_virtual_gateway: u32,
    /// Published: 50.
    pub backends_per_virtual_node: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            meshes_per_account: 150,
            virtual_nodes_per_mesh: 2000,
            virtual_services_per_mesh: 2000,
            virtual_routers_per_mesh: 2000,
            virtual_gateways_per_mesh: 30,
            routes_per_virtual_router: 500,
            gateway_routes_per_virtual_gateway: 100,
            backends_per_virtual_node: 500,
        }
    }
}

impl Quotas {
    /// The most resources of a kind in one parent (for meshes: in one account), and the quota's name.
    pub(crate) fn of(&self, kind: Kind) -> (u32, &'static str) {
        match kind {
            Kind::Mesh => (self.meshes_per_account, "meshes_per_account"),
            Kind::VirtualNode => (self.virtual_nodes_per_mesh, "virtual_nodes_per_mesh"),
            Kind::VirtualService => (self.virtual_services_per_mesh, "virtual_services_per_mesh"),
            Kind::VirtualRouter => (self.virtual_routers_per_mesh, "virtual_routers_per_mesh"),
            Kind::VirtualGateway => (self.virtual_gateways_per_mesh, "virtual_gateways_per_mesh"),
            Kind::Route => (self.routes_per_virtual_router, "routes_per_virtual_router"),
            Kind::GatewayRoute => (
                self.gateway_routes_per_virtual_gateway,
                "gateway_routes_per_virtual_gateway",
            ),
        }
    }

    /// Checks that one more resource may join the `existing` ones; answers how many more there may be.
    pub(crate) fn check_room(&self, id: &ResourceId, existing: u64) -> Result<u64, ServiceError> {
        let (quota, name) = self.of(id.kind());
        match u64::from(quota).checked_sub(existing) {
            None | Some(0) => Err(ServiceError::LimitExceeded(format!(
                "{id} cannot be created: the quota {name} is {quota} and {existing} exist"
            ))),
            Some(room) => Ok(room),
        }
    }

    /// Checks what is limited within a spec.
    pub(crate) fn check_spec(&self, id: &ResourceId, spec: &Spec) -> Result<(), ServiceError> {
        let Spec::VirtualNode(node) = spec else {
            return Ok(());
        };
        let (backends, quota) = (
            node.backends.as_ref().map_or(0, Vec::len),
            self.backends_per_virtual_node,
        );
        if backends > quota as usize {
            return Err(ServiceError::LimitExceeded(format!(
                "{id} has {backends} backends: the quota backends_per_virtual_node is {quota}"
            )));
        }
        Ok(())
    }
}
