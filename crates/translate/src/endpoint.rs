//! Endpoints of clusters: what is behind a static or DNS cluster's name, and what is supplied of an EDS cluster's.

use std::collections::BTreeSet;
use std::net::IpAddr;

use envoy_types::pb::envoy::config::core::v3::Address;
use envoy_types::pb::envoy::config::endpoint::v3::endpoint::HealthCheckConfig;
use envoy_types::pb::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints, lb_endpoint,
};
use evermesh_graph::supplied::{Instance, Instances};
use evermesh_graph::view::{IpPreference, Target};

use crate::common::socket;
use crate::{names, resilience};

/// The instances of a target that is found through Cloud Map, as the EDS resource of its cluster.
pub(crate) fn of_target(mesh: &str, target: &Target, instances: &Instances) -> ClusterLoadAssignment {
    let address = |instance| address(instance, target.ip_preference);
    // A set, for instances may share the address that is used of them.
    let addresses: BTreeSet<IpAddr> = instances.iter().filter_map(address).collect();
    assignment(
        names::target(mesh, &target.key),
        addresses.into_iter().map(|ip| socket(ip, target.key.port)),
        resilience::health_check_config(target).as_ref(),
    )
}

/// Addresses in one locality, all alike.
pub(crate) fn assignment(
    cluster_name: String,
    addresses: impl IntoIterator<Item = Address>,
    health_check_config: Option<&HealthCheckConfig>,
) -> ClusterLoadAssignment {
    let endpoints = addresses.into_iter().map(|address| LbEndpoint {
        host_identifier: Some(lb_endpoint::HostIdentifier::Endpoint(Endpoint {
            address: Some(address),
            health_check_config: health_check_config.cloned(),
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

/// The one address of an instance that is used, if it has any such.
fn address(instance: &Instance, preference: IpPreference) -> Option<IpAddr> {
    let ipv4 = instance.ipv4.map(IpAddr::V4);
    let ipv6 = instance.ipv6.map(IpAddr::V6);
    match preference {
        IpPreference::Ipv4Preferred => ipv4.or(ipv6),
        IpPreference::Ipv6Preferred => ipv6.or(ipv4),
        IpPreference::Ipv4Only => ipv4,
        IpPreference::Ipv6Only => ipv6,
    }
}
