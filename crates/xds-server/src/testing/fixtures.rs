//! Small valid Envoy resources, and a source of sets held in memory. Never an example of a good configuration.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::cluster::v3::cluster::{
    ClusterDiscoveryType, DiscoveryType, EdsClusterConfig,
};
use envoy_types::pb::envoy::config::core::v3::config_source::ConfigSourceSpecifier;
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::core::v3::{
    self, AggregatedConfigSource, ApiVersion, DataSource, Node, SocketAddress, address, data_source,
};
use envoy_types::pb::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints, lb_endpoint::HostIdentifier,
};
use envoy_types::pb::envoy::config::listener::v3::{Filter, FilterChain, Listener, filter::ConfigType};
use envoy_types::pb::envoy::config::route::v3::route::Action;
use envoy_types::pb::envoy::config::route::v3::route_action::ClusterSpecifier;
use envoy_types::pb::envoy::config::route::v3::weighted_cluster::ClusterWeight;
use envoy_types::pb::envoy::config::route::v3::{
    Route, RouteAction, RouteConfiguration, RouteMatch, VirtualHost, WeightedCluster,
    route_match::PathSpecifier,
};
use envoy_types::pb::envoy::extensions::filters::http::router::v3::Router;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, HttpFilter, Rds, http_filter,
};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, Secret, secret,
};
use envoy_types::pb::google::protobuf::{Duration, UInt32Value};
use envoy_types::util::pack_any;
use tokio::sync::watch;

use crate::{ConfigSource, Refusal, ResourceSet};

/// A cluster with one fixed endpoint on 127.0.0.1.
pub fn static_cluster(name: &str, port: u16) -> Cluster {
    Cluster {
        load_assignment: Some(endpoints(name, &[port])),
        ..cluster(name, DiscoveryType::Static)
    }
}

/// A cluster whose endpoints come by ADS, under its own name.
pub fn eds_cluster(name: &str) -> Cluster {
    let config = EdsClusterConfig {
        eds_config: Some(from_ads()),
        ..EdsClusterConfig::default()
    };
    Cluster {
        eds_cluster_config: Some(config),
        ..cluster(name, DiscoveryType::Eds)
    }
}

/// A cluster found by DNS.
pub fn dns_cluster(name: &str, port: u16) -> Cluster {
    Cluster {
        load_assignment: Some(endpoints(name, &[port])),
        ..cluster(name, DiscoveryType::StrictDns)
    }
}

/// The endpoints of an EDS cluster: ports of 127.0.0.1.
pub fn endpoints(cluster: &str, ports: &[u16]) -> ClusterLoadAssignment {
    let endpoint = |port: &u16| LbEndpoint {
        host_identifier: Some(HostIdentifier::Endpoint(Endpoint {
            address: Some(loopback(*port)),
            ..Endpoint::default()
        })),
        ..LbEndpoint::default()
    };
    let locality = LocalityLbEndpoints {
        lb_endpoints: ports.iter().map(endpoint).collect(),
        ..Default::default()
    };
    ClusterLoadAssignment {
        cluster_name: cluster.to_owned(),
        endpoints: vec![locality],
        ..ClusterLoadAssignment::default()
    }
}

/// A listener on a port of 127.0.0.1 whose routes come by ADS.
pub fn listener(name: &str, port: u16, routes: &str) -> Listener {
    let rds = Rds {
        config_source: Some(from_ads()),
        route_config_name: routes.to_owned(),
    };
    let router = HttpFilter {
        name: "envoy.filters.http.router".to_owned(),
        config_type: Some(http_filter::ConfigType::TypedConfig(pack_any(Router::default()))),
        ..HttpFilter::default()
    };
    let manager = HttpConnectionManager {
        stat_prefix: name.to_owned(),
        route_specifier: Some(RouteSpecifier::Rds(rds)),
        http_filters: vec![router],
        ..HttpConnectionManager::default()
    };
    let filter = Filter {
        name: "envoy.filters.network.http_connection_manager".to_owned(),
        config_type: Some(ConfigType::TypedConfig(pack_any(manager))),
    };
    Listener {
        name: name.to_owned(),
        address: Some(loopback(port)),
        filter_chains: vec![FilterChain {
            filters: vec![filter],
            ..FilterChain::default()
        }],
        ..Listener::default()
    }
}

/// A route configuration that spreads everything evenly over clusters.
pub fn routes(name: &str, clusters: &[&str]) -> RouteConfiguration {
    let weight = |cluster: &&str| ClusterWeight {
        name: (*cluster).to_owned(),
        weight: Some(UInt32Value { value: 1 }),
        ..ClusterWeight::default()
    };
    let weighted = WeightedCluster {
        clusters: clusters.iter().map(weight).collect(),
        ..WeightedCluster::default()
    };
    let action = RouteAction {
        cluster_specifier: Some(ClusterSpecifier::WeightedClusters(weighted)),
        ..RouteAction::default()
    };
    let everything = RouteMatch {
        path_specifier: Some(PathSpecifier::Prefix("/".to_owned())),
        ..RouteMatch::default()
    };
    let route = Route {
        r#match: Some(everything),
        action: Some(Action::Route(action)),
        ..Route::default()
    };
    let host = VirtualHost {
        name: "all".to_owned(),
        domains: vec!["*".to_owned()],
        routes: vec![route],
        ..VirtualHost::default()
    };
    RouteConfiguration {
        name: name.to_owned(),
        virtual_hosts: vec![host],
        ..RouteConfiguration::default()
    }
}

/// A secret: a trusted certificate, which need not be one.
pub fn secret(name: &str, text: &str) -> Secret {
    let trusted_ca = DataSource {
        specifier: Some(data_source::Specifier::InlineString(text.to_owned())),
        ..Default::default()
    };
    let context = CertificateValidationContext {
        trusted_ca: Some(trusted_ca),
        ..Default::default()
    };
    Secret {
        name: name.to_owned(),
        r#type: Some(secret::Type::ValidationContext(context)),
    }
}

fn cluster(name: &str, discovery: DiscoveryType) -> Cluster {
    Cluster {
        name: name.to_owned(),
        connect_timeout: Some(seconds(1)),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(discovery.into())),
        ..Cluster::default()
    }
}

fn from_ads() -> v3::ConfigSource {
    v3::ConfigSource {
        config_source_specifier: Some(ConfigSourceSpecifier::Ads(AggregatedConfigSource::default())),
        resource_api_version: ApiVersion::V3.into(),
        initial_fetch_timeout: Some(seconds(0)), // wait for as long as it takes
        ..v3::ConfigSource::default()
    }
}

fn loopback(port: u16) -> v3::Address {
    let socket = SocketAddress {
        address: "127.0.0.1".to_owned(),
        port_specifier: Some(PortSpecifier::PortValue(port.into())),
        ..SocketAddress::default()
    };
    v3::Address {
        address: Some(address::Address::SocketAddress(socket)),
    }
}

fn seconds(seconds: i64) -> Duration {
    Duration { seconds, nanos: 0 }
}

/// A source that holds one set per node id, and gives an unknown node a watch of `None`.
#[derive(Debug, Default)]
pub struct MemorySource {
    sets: Mutex<HashMap<String, watch::Sender<Option<Arc<ResourceSet>>>>>,
    refusals: Mutex<HashMap<String, Refusal>>,
}

impl MemorySource {
    /// Gives a node a set, now and on its later streams.
    ///
    /// # Panics
    ///
    /// When another thread panicked in here.
    pub fn put(&self, node_id: &str, set: ResourceSet) {
        let mut sets = self.sets.lock().expect("not poisoned");
        sets.entry(node_id.to_owned())
            .or_default()
            .send_replace(Some(Arc::new(set)));
    }

    /// Forgets a node: its streams see the end of their watch.
    ///
    /// # Panics
    ///
    /// When another thread panicked in here.
    pub fn remove(&self, node_id: &str) {
        self.sets.lock().expect("not poisoned").remove(node_id);
    }

    /// Refuses a node from now on.
    ///
    /// # Panics
    ///
    /// When another thread panicked in here.
    pub fn refuse(&self, node_id: &str, refusal: Refusal) {
        self.refusals
            .lock()
            .expect("not poisoned")
            .insert(node_id.to_owned(), refusal);
    }
}

impl ConfigSource for MemorySource {
    fn subscribe(&self, node: &Node) -> Result<watch::Receiver<Option<Arc<ResourceSet>>>, Refusal> {
        if let Some(refusal) = self.refusals.lock().expect("not poisoned").get(&node.id) {
            return Err(refusal.clone());
        }
        Ok(self
            .sets
            .lock()
            .expect("not poisoned")
            .entry(node.id.clone())
            .or_default()
            .subscribe())
    }
}
