//! Clusters: the local application, virtual nodes, what is outside the mesh, a gateway's hop into itself.

use std::collections::HashMap;
use std::net::IpAddr;

use envoy_types::pb::envoy::config::cluster::v3::cluster::{
    ClusterDiscoveryType, DiscoveryType, DnsLookupFamily, EdsClusterConfig, LbPolicy,
};
use envoy_types::pb::envoy::config::cluster::v3::{CircuitBreakers, Cluster, circuit_breakers};
use envoy_types::pb::envoy::config::core::v3::{Address, Http1ProtocolOptions, Http2ProtocolOptions};
use envoy_types::pb::envoy::config::endpoint::v3::ClusterLoadAssignment;
use envoy_types::pb::envoy::extensions::upstreams::http::v3::HttpProtocolOptions;
use envoy_types::pb::envoy::extensions::upstreams::http::v3::http_protocol_options::{
    ExplicitHttpConfig, UpstreamProtocolOptions, UseDownstreamHttpConfig, explicit_http_config,
};
use envoy_types::pb::google::protobuf::Any;
use envoy_types::util::pack_any;
use evermesh_graph::view::{AppListener, Discovery, EGRESS_PORT, IpPreference, Limits, Protocol, Target};

use crate::common::{ads, duration, host, number, socket};
use crate::piece::{GatewayPort, Owner};
use crate::{endpoint, names, resilience, tls};

/// Time to connect to a virtual node.
const CONNECT_TIMEOUT: u64 = 1000;
/// Time to connect within the proxy's own host.
const LOCAL_CONNECT_TIMEOUT: u64 = 250;
/// Most retries in flight: as good as no limit, as App Mesh set it (user guide, "Envoy defaults").
const MAX_RETRIES: u32 = Limits::UNLIMITED.requests;

/// The application behind a listener.
pub(crate) fn local_application(owner: Owner<'_>, listener: &AppListener, address: IpAddr) -> Cluster {
    let name = names::local_application(owner, listener.protocol, listener.port);
    Cluster {
        connect_timeout: Some(duration(CONNECT_TIMEOUT)),
        circuit_breakers: Some(circuit_breakers(listener.limits)),
        ..to_address(
            name,
            listener.protocol,
            DiscoveryType::Static,
            socket(address, listener.port),
        )
    }
}

/// A gateway's own egress listener, behind one of its ports.
pub(crate) fn self_redirect(port: GatewayPort<'_>, address: IpAddr) -> Cluster {
    let listener = port.listener;
    let name = names::self_redirect(port);
    Cluster {
        connect_timeout: Some(duration(LOCAL_CONNECT_TIMEOUT)),
        circuit_breakers: Some(circuit_breakers(listener.limits)),
        ..to_address(
            name,
            listener.protocol,
            DiscoveryType::Static,
            socket(address, EGRESS_PORT),
        )
    }
}

/// A listener of a virtual node.
pub(crate) fn target(mesh: &str, target: &Target) -> Cluster {
    let (name, protocol) = (names::target(mesh, &target.key), target.key.protocol);
    let by_dns = |name: String, discovery, host_name: &str| {
        let address = host(absolute(host_name), target.key.port);
        let check = resilience::health_check_config(target);
        let endpoints = endpoint::assignment(name.clone(), [address], check.as_ref());
        Cluster {
            dns_lookup_family: dns_lookup_family(target.ip_preference).into(),
            ..to_known(name, protocol, discovery, endpoints)
        }
    };
    let cluster = match &target.discovery {
        Discovery::DnsLoadBalancer(host_name) => by_dns(name, DiscoveryType::LogicalDns, host_name),
        Discovery::DnsEndpoints(host_name) => by_dns(name, DiscoveryType::StrictDns, host_name),
        Discovery::CloudMap(_) => to_endpoints(name, protocol),
    };
    Cluster {
        connect_timeout: Some(duration(CONNECT_TIMEOUT)),
        transport_socket: target.tls.as_ref().map(|tls| tls::upstream(tls, protocol)),
        circuit_breakers: Some(circuit_breakers(Limits::UNLIMITED)),
        health_checks: resilience::health_checks(target),
        outlier_detection: resilience::outlier_detection(target),
        ..cluster
    }
}

/// Wherever the caller was going: what lies outside the mesh.
pub(crate) fn original_destination(name: String) -> Cluster {
    Cluster {
        name,
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(DiscoveryType::OriginalDst.into())),
        lb_policy: LbPolicy::ClusterProvided.into(),
        connect_timeout: Some(duration(CONNECT_TIMEOUT)),
        circuit_breakers: Some(circuit_breakers(Limits::UNLIMITED)),
        typed_extension_protocol_options: http_options(UpstreamProtocolOptions::UseDownstreamProtocolConfig(
            UseDownstreamHttpConfig {
                http_protocol_options: Some(Http1ProtocolOptions::default()),
                http2_protocol_options: Some(Http2ProtocolOptions::default()),
                ..UseDownstreamHttpConfig::default()
            },
        )),
        ..Cluster::default()
    }
}

/// Envoy's default is to prefer IPv6.
fn dns_lookup_family(preference: IpPreference) -> DnsLookupFamily {
    match preference {
        IpPreference::Ipv6Preferred => DnsLookupFamily::Auto,
        IpPreference::Ipv4Preferred => DnsLookupFamily::V4Preferred,
        IpPreference::Ipv4Only => DnsLookupFamily::V4Only,
        IpPreference::Ipv6Only => DnsLookupFamily::V6Only,
    }
}

/// A cluster whose endpoints come by EDS, as the resource of the cluster's own name.
fn to_endpoints(name: String, protocol: Protocol) -> Cluster {
    Cluster {
        name,
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(DiscoveryType::Eds.into())),
        eds_cluster_config: Some(EdsClusterConfig {
            eds_config: Some(ads()),
            ..EdsClusterConfig::default()
        }),
        typed_extension_protocol_options: protocol_options(protocol),
        ..Cluster::default()
    }
}

fn to_address(name: String, protocol: Protocol, discovery: DiscoveryType, address: Address) -> Cluster {
    let endpoints = endpoint::assignment(name.clone(), [address], None);
    to_known(name, protocol, discovery, endpoints)
}

fn to_known(
    name: String,
    protocol: Protocol,
    discovery: DiscoveryType,
    endpoints: ClusterLoadAssignment,
) -> Cluster {
    Cluster {
        load_assignment: Some(endpoints),
        name,
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(discovery.into())),
        typed_extension_protocol_options: protocol_options(protocol),
        ..Cluster::default()
    }
}

/// HTTP/1.1 is Envoy's default for clusters, and TCP needs nothing.
fn protocol_options(protocol: Protocol) -> HashMap<String, Any> {
    match protocol {
        Protocol::Http | Protocol::Tcp => HashMap::new(),
        Protocol::Http2 | Protocol::Grpc => {
            let http2 =
                explicit_http_config::ProtocolConfig::Http2ProtocolOptions(Http2ProtocolOptions::default());
            http_options(UpstreamProtocolOptions::ExplicitHttpConfig(ExplicitHttpConfig {
                protocol_config: Some(http2),
            }))
        }
    }
}

fn http_options(options: UpstreamProtocolOptions) -> HashMap<String, Any> {
    let options = HttpProtocolOptions {
        upstream_protocol_options: Some(options),
        ..HttpProtocolOptions::default()
    };
    HashMap::from([(
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions".to_owned(),
        pack_any(options),
    )])
}

fn circuit_breakers(limits: Limits) -> CircuitBreakers {
    CircuitBreakers {
        thresholds: vec![circuit_breakers::Thresholds {
            max_connections: Some(number(limits.connections)),
            max_pending_requests: Some(number(limits.pending_requests)),
            max_requests: Some(number(limits.requests)),
            max_retries: Some(number(MAX_RETRIES)),
            ..circuit_breakers::Thresholds::default()
        }],
        ..CircuitBreakers::default()
    }
}

/// A host name with its trailing dot, so that no search domain of the resolver is tried. Addresses stay as they are.
fn absolute(name: &str) -> String {
    if name.ends_with('.') || name.parse::<IpAddr>().is_ok() {
        name.to_owned()
    } else {
        format!("{name}.")
    }
}
