//! Spec of a virtual service.

use evermesh_shape_derive::Shape;

/// Spec of a virtual service: a name that applications call, and who answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Shape)]
pub struct VirtualServiceSpec {
    /// Who answers; absent while nobody does.
    pub provider: Option<VirtualServiceProvider>,
}

/// Who answers for a virtual service.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the union's members")]
pub enum VirtualServiceProvider {
    VirtualNode(VirtualNodeServiceProvider),
    VirtualRouter(VirtualRouterServiceProvider),
}

/// A virtual node that answers for a service.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct VirtualNodeServiceProvider {
    /// Name of the node, in the same mesh.
    #[shape(min = 1, max = 255)]
    pub virtual_node_name: String,
}

/// A virtual router that distributes a service's traffic.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct VirtualRouterServiceProvider {
    /// Name of the router, in the same mesh.
    #[shape(min = 1, max = 255)]
    pub virtual_router_name: String,
}
