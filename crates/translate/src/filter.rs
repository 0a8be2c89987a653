//! Network filters: HTTP connection managers and TCP proxies.

use envoy_types::pb::envoy::config::listener::v3::{Filter, filter};
use envoy_types::pb::envoy::extensions::filters::http::router::v3::Router;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::{
    CodecType, PathWithEscapedSlashesAction, RouteSpecifier, Tracing, UpgradeConfig,
};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, HttpFilter, Rds, http_filter,
};
use envoy_types::pb::envoy::extensions::filters::network::tcp_proxy::v3::{TcpProxy, tcp_proxy};
use envoy_types::pb::google::protobuf::Any;
use envoy_types::util::pack_any;
use evermesh_graph::view::AccessLog;

use crate::access_log;
use crate::common::{ads, duration, flag};

/// Speaks HTTP/1.1 or HTTP/2, whichever the caller does, and routes by a route configuration.
pub(crate) fn http(stat_prefix: &str, routes: String, log: Option<&AccessLog>) -> Filter {
    let manager = HttpConnectionManager {
        codec_type: CodecType::Auto.into(),
        stat_prefix: stat_prefix.to_owned(),
        route_specifier: Some(RouteSpecifier::Rds(Rds {
            config_source: Some(ads()),
            route_config_name: routes,
        })),
        http_filters: vec![HttpFilter {
            name: "envoy.filters.http.router".to_owned(),
            config_type: Some(http_filter::ConfigType::TypedConfig(pack_any(Router::default()))),
            ..HttpFilter::default()
        }],
        upgrade_configs: vec![UpgradeConfig {
            upgrade_type: "websocket".to_owned(),
            ..UpgradeConfig::default()
        }],
        // Paths are compared in one form only, against confusion between what is matched and what is served.
        normalize_path: Some(flag(true)),
        merge_slashes: true,
        path_with_escaped_slashes_action: PathWithEscapedSlashesAction::KeepUnchanged.into(),
        // Which tracer, if any, the bootstrap says; without this the variables for tracing would have no effect.
        tracing: Some(Tracing::default()),
        access_log: access_log::loggers(log),
        ..HttpConnectionManager::default()
    };
    filter("envoy.filters.network.http_connection_manager", pack_any(manager))
}

/// Passes bytes on to one of several clusters, by weight.
pub(crate) fn tcp(
    stat_prefix: &str,
    mut clusters: Vec<(String, u32)>,
    idle_timeout: u64,
    log: Option<&AccessLog>,
) -> Filter {
    let specifier = if clusters.len() == 1 {
        tcp_proxy::ClusterSpecifier::Cluster(clusters.remove(0).0)
    } else {
        // Envoy wants every weight of a TCP proxy above zero; a share of zero is no share.
        let shares = clusters.into_iter().filter(|(_, weight)| *weight > 0);
        let cluster = |(name, weight)| tcp_proxy::weighted_cluster::ClusterWeight {
            name,
            weight,
            ..tcp_proxy::weighted_cluster::ClusterWeight::default()
        };
        let clusters = shares.map(cluster).collect();
        tcp_proxy::ClusterSpecifier::WeightedClusters(tcp_proxy::WeightedCluster { clusters })
    };
    let proxy = TcpProxy {
        stat_prefix: stat_prefix.to_owned(),
        cluster_specifier: Some(specifier),
        idle_timeout: Some(duration(idle_timeout)),
        access_log: access_log::loggers(log),
        ..TcpProxy::default()
    };
    filter("envoy.filters.network.tcp_proxy", pack_any(proxy))
}

fn filter(name: &str, config: Any) -> Filter {
    Filter {
        name: name.to_owned(),
        config_type: Some(filter::ConfigType::TypedConfig(config)),
    }
}
