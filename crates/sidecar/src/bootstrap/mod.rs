//! Writes the configuration as an Envoy v3 bootstrap: pure functions, one module per concept of Envoy's.
//!
//! Everything a proxy serves comes over ADS; the bootstrap holds who the proxy is, how to reach the control
//! plane, and what the control plane does not know: admin interface, tracing, stats, local secrets.

mod admin;
mod cluster;
mod files;
mod node;
mod runtime;
mod stats;
mod tracing;
mod xds;

use serde_json::{Map, Value};

pub use node::{APP_ADDRESS, BIND_ADDRESS};

use crate::config::Config;

/// The bootstrap of `config`, in protobuf's JSON form, ready for `envoy -c <file>.json`.
#[must_use]
pub fn bootstrap(config: &Config) -> Value {
    let mut sections = Map::new();
    let mut set = |section: &str, value: Option<Value>| {
        if let Some(value) = value {
            sections.insert(section.to_owned(), value);
        }
    };
    set("node", Some(node::node(config)));
    set("admin", Some(admin::admin(&config.admin)));
    set("layered_runtime", Some(runtime::layers()));
    set("cluster_manager", cluster::manager(config.placement.socket_mark));
    set(
        "dynamic_resources",
        Some(xds::dynamic_resources(
            config.xds_api_type,
            config.initial_fetch_timeout,
        )),
    );
    set(
        "tracing",
        config
            .tracing
            .as_ref()
            .map(|tracing| tracing::section(tracing, &config.identity)),
    );
    set("stats_config", stats::tags(config.stats.tags, &config.identity));
    set("stats_sinks", config.stats.dogstatsd.as_ref().map(stats::sinks));
    set(
        "static_resources",
        Some(serde_json::json!({ "clusters": clusters(config) })),
    );
    for file in &config.files {
        files::merge(&mut sections, &file.sections);
    }
    Value::Object(sections)
}

fn clusters(config: &Config) -> Vec<Value> {
    let sds = config.sds_socket.as_deref().map(cluster::sds);
    let collector = config.tracing.as_ref().and_then(tracing::collector);
    [Some(xds::cluster(&config.xds)), sds, collector]
        .into_iter()
        .flatten()
        .collect()
}
