//! Spec of a mesh.

use evermesh_shape_derive::Shape;

/// Spec of a mesh.
#[derive(Debug, Clone, Default, PartialEq, Eq, Shape)]
pub struct MeshSpec {
    /// What proxies do with traffic to destinations outside the mesh; absent means `DROP_ALL`.
    pub egress_filter: Option<EgressFilter>,
    /// Defaults of service discovery for all nodes of the mesh.
    pub service_discovery: Option<MeshServiceDiscovery>,
}

/// What proxies do with traffic to destinations outside the mesh.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct EgressFilter {
    /// Pass or drop.
    pub r#type: EgressFilterType,
}

/// `ALLOW_ALL` lets traffic leave the mesh; `DROP_ALL` only to AWS APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the API's values")]
pub enum EgressFilterType {
    #[shape(name = "ALLOW_ALL")]
    AllowAll,
    #[shape(name = "DROP_ALL")]
    DropAll,
}

/// Defaults of service discovery for all nodes of a mesh.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct MeshServiceDiscovery {
    /// Which IP versions proxies listen on, resolve and connect to.
    pub ip_preference: Option<IpPreference>,
}

/// Which IP versions to use, and in which order. Absent: see the user guide, "IP preference" of meshes and nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the API's values")]
pub enum IpPreference {
    #[shape(name = "IPv6_PREFERRED")]
    Ipv6Preferred,
    #[shape(name = "IPv4_PREFERRED")]
    Ipv4Preferred,
    #[shape(name = "IPv4_ONLY")]
    Ipv4Only,
    #[shape(name = "IPv6_ONLY")]
    Ipv6Only,
}
