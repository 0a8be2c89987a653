//! Preferences for a version of IP: that of a node, or else that of its mesh (user guide, "Meshes" and "Virtual
//! nodes").

use evermesh_model::MeshSnapshot;
use evermesh_model::spec::{IpPreference as IpPreferenceSpec, ServiceDiscovery, VirtualNodeSpec};

use crate::view::{IpPreference, Network};

/// Which addresses the sockets of a node's proxy have.
pub(crate) fn node_network(mesh: &MeshSnapshot, node: &VirtualNodeSpec) -> Network {
    network(of_node(mesh, node))
}

/// Which addresses the sockets of a gateway's proxy have.
pub(crate) fn gateway_network(mesh: &MeshSnapshot) -> Network {
    network(of_mesh(mesh))
}

/// Which of a node's addresses its callers use.
pub(crate) fn preference(mesh: &MeshSnapshot, node: &VirtualNodeSpec) -> IpPreference {
    match of_node(mesh, node) {
        Some(IpPreferenceSpec::Ipv6Preferred) => IpPreference::Ipv6Preferred,
        Some(IpPreferenceSpec::Ipv4Preferred) => IpPreference::Ipv4Preferred,
        Some(IpPreferenceSpec::Ipv4Only) => IpPreference::Ipv4Only,
        Some(IpPreferenceSpec::Ipv6Only) => IpPreference::Ipv6Only,
        None => match node.service_discovery {
            Some(ServiceDiscovery::AwsCloudMap(_)) => IpPreference::Ipv4Preferred,
            Some(ServiceDiscovery::Dns(_)) | None => IpPreference::default(),
        },
    }
}

/// Any preference, even for IPv4 alone, has listeners take both.
fn network(preference: Option<IpPreferenceSpec>) -> Network {
    Network {
        listen_on_ipv6: preference.is_some(),
        application_on_ipv6: matches!(
            preference,
            Some(IpPreferenceSpec::Ipv6Preferred | IpPreferenceSpec::Ipv6Only)
        ),
    }
}

fn of_node(mesh: &MeshSnapshot, node: &VirtualNodeSpec) -> Option<IpPreferenceSpec> {
    let own = match &node.service_discovery {
        Some(ServiceDiscovery::Dns(dns)) => dns.ip_preference,
        Some(ServiceDiscovery::AwsCloudMap(cloud_map)) => cloud_map.ip_preference,
        None => None,
    };
    own.or_else(|| of_mesh(mesh))
}

fn of_mesh(mesh: &MeshSnapshot) -> Option<IpPreferenceSpec> {
    let discovery = mesh.spec.service_discovery.as_ref();
    discovery.and_then(|discovery| discovery.ip_preference)
}
