//! What a listener or a route configuration refers to. Only what tests need: never a full reading.

use std::collections::BTreeSet;

use envoy_types::pb::envoy::config::listener::v3::{Filter, Listener, filter::ConfigType};
use envoy_types::pb::envoy::config::route::v3::route::Action;
use envoy_types::pb::envoy::config::route::v3::route_action::ClusterSpecifier;
use envoy_types::pb::envoy::config::route::v3::{Route, RouteConfiguration};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use envoy_types::pb::envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
use envoy_types::pb::envoy::extensions::filters::network::tcp_proxy::v3::tcp_proxy::ClusterSpecifier as TcpCluster;
use envoy_types::pb::google::protobuf::Any;
use prost::{Message, Name};

use crate::resource::ResourceType;

/// The names a resource refers to.
#[derive(Clone, Debug, Default)]
pub(super) struct References {
    pub(super) clusters: BTreeSet<String>,
    pub(super) routes: BTreeSet<String>,
}

impl References {
    /// Of any resource; of types that refer to nothing, none. An undecodable body is an error text.
    pub(super) fn of(kind: ResourceType, body: &Any) -> Result<Self, String> {
        let mut references = Self::default();
        match kind {
            ResourceType::Listener => references.add_listener(&decode(body)?)?,
            ResourceType::Route => references.add_routes(&decode(body)?),
            ResourceType::Secret | ResourceType::Cluster | ResourceType::Endpoint => {}
        }
        Ok(references)
    }

    fn add_listener(&mut self, listener: &Listener) -> Result<(), String> {
        let chains = listener
            .filter_chains
            .iter()
            .chain(&listener.default_filter_chain);
        chains
            .flat_map(|chain| &chain.filters)
            .try_for_each(|filter| self.add_filter(filter))
    }

    fn add_filter(&mut self, filter: &Filter) -> Result<(), String> {
        let Some(ConfigType::TypedConfig(config)) = &filter.config_type else {
            return Ok(());
        };
        if config.type_url == HttpConnectionManager::type_url() {
            match decode::<HttpConnectionManager>(config)?.route_specifier {
                Some(RouteSpecifier::Rds(rds)) => drop(self.routes.insert(rds.route_config_name)),
                Some(RouteSpecifier::RouteConfig(routes)) => self.add_routes(&routes),
                _ => {}
            }
        } else if config.type_url == TcpProxy::type_url() {
            match decode::<TcpProxy>(config)?.cluster_specifier {
                Some(TcpCluster::Cluster(name)) => drop(self.clusters.insert(name)),
                Some(TcpCluster::WeightedClusters(weighted)) => {
                    self.clusters
                        .extend(weighted.clusters.into_iter().map(|cluster| cluster.name));
                }
                None => {}
            }
        }
        Ok(())
    }

    fn add_routes(&mut self, routes: &RouteConfiguration) {
        routes
            .virtual_hosts
            .iter()
            .flat_map(|host| &host.routes)
            .for_each(|route| self.add_route(route));
    }

    fn add_route(&mut self, route: &Route) {
        let Some(Action::Route(action)) = &route.action else {
            return;
        };
        match &action.cluster_specifier {
            Some(ClusterSpecifier::Cluster(name)) => drop(self.clusters.insert(name.clone())),
            Some(ClusterSpecifier::WeightedClusters(weighted)) => {
                self.clusters
                    .extend(weighted.clusters.iter().map(|cluster| cluster.name.clone()));
            }
            _ => {}
        }
    }
}

pub(super) fn decode<M: Message + Default>(body: &Any) -> Result<M, String> {
    M::decode(body.value.as_slice()).map_err(|error| format!("{}: {error}", body.type_url))
}
