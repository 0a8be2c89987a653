//! Where spans go.
//!
//! The driver stands in the bootstrap's `tracing` section, which Envoy calls deprecated but applies to every HTTP
//! connection manager that has a `tracing` block without a provider of its own. That is what the environment
//! needs: the driver is this container's choice, and the control plane, which writes the connection managers,
//! never hears of it.

use std::path::Path;

use serde_json::{Value, json};

use super::cluster;
use crate::config::{Endpoint, Identity, SpanEncoding, Tracing, XRaySampling};

const DATADOG_CLUSTER: &str = "datadog_agent";
const JAEGER_CLUSTER: &str = "jaeger";
/// Zipkin's v2 API, which Jaeger's collector serves.
const SPANS_PATH: &str = "/api/v2/spans";
/// What X-Ray calls an App Mesh proxy on its map.
const XRAY_ORIGIN: &str = "AWS::AppMesh::Proxy";

/// The `tracing` section.
pub(super) fn section(tracing: &Tracing, identity: &Identity) -> Value {
    let (name, config) = match tracing {
        Tracing::XRay {
            port,
            segment_name,
            sampling,
        } => (
            "envoy.tracers.xray",
            xray(*port, segment_name, sampling, identity),
        ),
        Tracing::Datadog { service, .. } => ("envoy.tracers.datadog", datadog(service)),
        Tracing::Jaeger { encoding, .. } => ("envoy.tracers.zipkin", zipkin(*encoding)),
    };
    json!({ "http": { "name": name, "typed_config": config } })
}

/// The cluster that the driver sends to; X-Ray's needs none.
pub(super) fn collector(tracing: &Tracing) -> Option<Value> {
    let (name, host, port) = match tracing {
        Tracing::XRay { .. } => return None,
        Tracing::Datadog { host, port, .. } => (DATADOG_CLUSTER, host, *port),
        Tracing::Jaeger { host, port, .. } => (JAEGER_CLUSTER, host, *port),
    };
    Some(cluster::single(
        name,
        &Endpoint::Tcp {
            host: host.clone(),
            port,
        },
    ))
}

fn xray(port: u16, segment_name: &str, sampling: &XRaySampling, identity: &Identity) -> Value {
    let mut config = json!({
        "@type": "type.googleapis.com/envoy.config.trace.v3.XRayConfig",
        "segment_name": segment_name,
        "daemon_endpoint": { "protocol": "UDP", "address": "127.0.0.1", "port_value": port },
        "segment_fields": {
            "origin": XRAY_ORIGIN,
            // X-Ray knows no gateways; App Mesh put them under this key too.
            "aws": { "app_mesh": { "mesh_name": identity.mesh(), "virtual_node_name": identity.name() } },
        },
    });
    match sampling {
        XRaySampling::Default => {}
        XRaySampling::Rate(rate) => {
            config["sampling_rule_manifest"] = json!({ "inline_string": manifest(*rate) });
        }
        XRaySampling::Manifest(path) => {
            config["sampling_rule_manifest"] = json!({ "filename": path as &Path });
        }
    }
    config
}

/// X-Ray's local sampling rules: one request a second, and `rate` of the others.
fn manifest(rate: f64) -> String {
    json!({ "version": 2, "default": { "fixed_target": 1, "rate": rate }, "rules": [] }).to_string()
}

fn datadog(service: &str) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.config.trace.v3.DatadogConfig",
        "collector_cluster": DATADOG_CLUSTER,
        "service_name": service,
    })
}

fn zipkin(encoding: SpanEncoding) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig",
        "collector_cluster": JAEGER_CLUSTER,
        "collector_endpoint": SPANS_PATH,
        "collector_endpoint_version": match encoding {
            SpanEncoding::Proto => "HTTP_PROTO",
            SpanEncoding::Json => "HTTP_JSON",
        },
        // Jaeger gives every span an id of its own; Zipkin's older habit shares one between client and server.
        "shared_span_context": false,
    })
}
