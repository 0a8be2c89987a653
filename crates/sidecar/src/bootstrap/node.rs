//! Who the proxy is: the `node` that Envoy sends to the control plane.

use serde_json::{Map, Value, json};

use crate::config::Config;

/// Key of the node metadata: address for the proxy's listeners.
pub const BIND_ADDRESS: &str = "evermesh.bind_address";
/// Key of the node metadata: address of the local application.
pub const APP_ADDRESS: &str = "evermesh.app_address";

pub(super) fn node(config: &Config) -> Value {
    let mut node = Map::new();
    node.insert("id".to_owned(), json!(config.identity.as_str()));
    node.insert("cluster".to_owned(), json!(config.cluster));
    if let Some(region) = &config.region {
        node.insert("locality".to_owned(), json!({ "region": region }));
    }
    let addresses = [
        (BIND_ADDRESS, config.placement.bind_address),
        (APP_ADDRESS, config.placement.app_address),
    ];
    let metadata: Map<String, Value> = addresses
        .into_iter()
        .filter_map(|(key, address)| Some((key.to_owned(), json!(address?.to_string()))))
        .collect();
    if !metadata.is_empty() {
        node.insert("metadata".to_owned(), Value::Object(metadata));
    }
    Value::Object(node)
}
