//! Endpoints of clusters: what is behind a static or DNS cluster's name, and what is supplied of an EDS cluster's.

use std::net::IpAddr;

use envoy_types::pb::envoy::config::core::v3::Address;
use envoy_types::pb::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints, lb_endpoint,
};
use evermesh_graph::supplied::{Instance, Instances};
use evermesh_graph::view::Target;

use crate::common::socket;
use crate::names;

/// The instances of a target that is found through Cloud Map, as the EDS resource of its cluster.
pub(crate) fn of_target(mesh: &str, target: &Target, instances: &Instances) -> ClusterLoadAssignment {
    let addresses = instances.iter().filter_map(address);
    assignment(
        names::target(mesh, &target.key),
        addresses.map(|ip| socket(ip, target.key.port)),
    )
}

/// Addresses in one locality, all alike.
pub(crate) fn assignment(
    cluster_name: String,
    addresses: impl IntoIterator<Item = Address>,
) -> ClusterLoadAssignment {
    let endpoints = addresses.into_iter().map(|address| LbEndpoint {
        host_identifier: Some(lb_endpoint::HostIdentifier::Endpoint(Endpoint {
            address: Some(address),
            ..Endpoint::default()
        })),
        ..LbEndpoint::default()
    });
    ClusterLoadAssignment {
        cluster_name,
        endpoints: vec![LocalityLbEndpoints {
            lb_endpoints: endpoints.collect(),
            ..LocalityLbEndpoints::default()
        }],
        ..ClusterLoadAssignment::default()
    }
}

/// IPv4 if there is one, as App Mesh prefers for Cloud Map where nothing else is said (user guide, "Virtual nodes").
fn address(instance: &Instance) -> Option<IpAddr> {
    let ipv4 = instance.ipv4.map(IpAddr::V4);
    ipv4.or(instance.ipv6.map(IpAddr::V6))
}
