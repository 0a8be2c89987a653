//! How the proxy reaches its control plane: one ADS stream (v3, gRPC), listeners and clusters through it.
//!
//! The stream goes in clear text over HTTP/2, like App Mesh's own to a Unix socket: the control plane is on this
//! machine or behind a network that the user trusts.
//!
//! A stream that breaks is opened again after a jittered exponential backoff of 0.5 s to 30 s. That is Envoy's default and
//! is not stated: the field for it (`EnvoyGrpc.retry_policy`) is unknown to older Envoys, which refuse what they do not
//! know.

use std::time::Duration;

use serde_json::{Value, json};

use super::cluster;
use crate::config::Endpoint;

const CLUSTER: &str = "static_cluster_xds";
/// Observed on App Mesh: an idle stream is probed every 10 s and given up 20 s later, so a control plane that
/// vanished behind a silent network is noticed within half a minute.
const KEEPALIVE_INTERVAL: &str = "10s";
const KEEPALIVE_TIMEOUT: &str = "20s";

pub(super) fn dynamic_resources(api_type: &str, initial_fetch_timeout: Duration) -> Value {
    let through_ads = json!({
        "ads": {},
        "resource_api_version": "V3",
        "initial_fetch_timeout": format!("{}s", initial_fetch_timeout.as_secs()),
    });
    json!({
        "ads_config": {
            "api_type": api_type,
            "transport_api_version": "V3",
            "grpc_services": [{ "envoy_grpc": { "cluster_name": CLUSTER } }],
        },
        "lds_config": through_ads,
        "cds_config": through_ads,
    })
}

pub(super) fn cluster(endpoint: &Endpoint) -> Value {
    let keepalive = json!({ "interval": KEEPALIVE_INTERVAL, "timeout": KEEPALIVE_TIMEOUT });
    cluster::over_http2(
        cluster::single(CLUSTER, endpoint),
        &json!({ "connection_keepalive": keepalive }),
    )
}
