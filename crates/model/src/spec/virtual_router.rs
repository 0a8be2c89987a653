//! Spec of a virtual router.

use evermesh_shape_derive::Shape;

use super::PortMapping;

/// Spec of a virtual router.
#[derive(Debug, Clone, Default, PartialEq, Eq, Shape)]
pub struct VirtualRouterSpec {
    /// Ports and protocols its services are called on.
    pub listeners: Option<Vec<VirtualRouterListener>>,
}

/// A port that services of a router are called on.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct VirtualRouterListener {
    /// Port and protocol.
    pub port_mapping: PortMapping,
}
