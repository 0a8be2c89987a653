//! Random settings of nodes and gateways that have nothing to do with who calls whom: health checks, outlier detection,
//! connection pools, access logs, preferences for a version of IP.

use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// Adds settings to the spec of a node.
pub(crate) fn of_a_node(spec: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let spec = (with_listeners(spec), logging(), ip_preference());
    spec.prop_map(|(mut spec, logging, preference)| {
        spec["logging"] = json!(logging);
        for discovery in ["dns", "awsCloudMap"] {
            if let Some(discovery) = spec["serviceDiscovery"].get_mut(discovery) {
                discovery["ipPreference"] = json!(preference);
            }
        }
        spec
    })
}

/// Adds settings to the spec of a gateway.
pub(crate) fn of_a_gateway(spec: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    (with_listeners(spec), logging()).prop_map(|(mut spec, logging)| {
        for listener in listeners(&mut spec) {
            listener
                .as_object_mut()
                .map(|listener| listener.remove("outlierDetection"));
        }
        spec["logging"] = json!(logging);
        spec
    })
}

/// One of the five preferences, of which one is to have none.
pub(crate) fn ip_preference() -> impl Strategy<Value = Option<&'static str>> {
    let stated = ["IPv6_PREFERRED", "IPv4_PREFERRED", "IPv4_ONLY", "IPv6_ONLY"];
    weighted(0.6, select(stated.to_vec()))
}

fn with_listeners(spec: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let settings = (
        weighted(0.4, health_check()),
        weighted(0.4, outlier_detection()),
        weighted(0.4, select(vec![1_u32, 1000, u32::MAX])),
    );
    (spec, prop::collection::vec(settings, 3)).prop_map(|(mut spec, settings)| {
        for (listener, (check, detection, limit)) in listeners(&mut spec).zip(settings) {
            let protocol = listener["portMapping"]["protocol"].as_str().expect("one is there");
            let pool = limit.map(|limit| match protocol {
                "http" => json!({ "http": { "maxConnections": limit, "maxPendingRequests": limit } }),
                "tcp" => json!({ "tcp": { "maxConnections": limit } }),
                protocol => json!({ protocol: { "maxRequests": limit } }),
            });
            let check = check.map(|(port, path)| {
                json!({
                    "healthyThreshold": 2, "unhealthyThreshold": 10, "intervalMillis": 5000, "timeoutMillis": 60000,
                    "protocol": protocol, "port": port, "path": path,
                })
            });
            listener["connectionPool"] = json!(pool);
            listener["healthCheck"] = json!(check);
            listener["outlierDetection"] = json!(detection);
        }
        spec
    })
}

fn listeners(spec: &mut Value) -> impl Iterator<Item = &mut Value> {
    spec["listeners"].as_array_mut().into_iter().flatten()
}

/// Port and path.
fn health_check() -> impl Strategy<Value = (Option<u16>, Option<&'static str>)> {
    let path = select(vec!["/", "", "/ping?a=b", "health", "/\u{e9} \"%"]);
    (
        weighted(0.5, select(vec![80_u16, 9000, 65535])),
        weighted(0.8, path),
    )
}

fn outlier_detection() -> impl Strategy<Value = Value> {
    let time = || select(vec![1_u64, 10_000, 315_576_000_000_000]);
    let percent = select(vec![0_u32, 50, 100]);
    (select(vec![1_u32, 5, u32::MAX]), time(), time(), percent).prop_map(
        |(errors, interval, ejection, percent)| {
            let millis = |value: u64| json!({ "unit": "ms", "value": value });
            json!({
                "maxServerErrors": errors, "interval": millis(interval),
                "baseEjectionDuration": millis(ejection), "maxEjectionPercent": percent,
            })
        },
    )
}

fn logging() -> impl Strategy<Value = Option<Value>> {
    let operators = "%START_TIME(%s.%3f)% %REQ(:path?x-path):20% %%\n";
    let format = prop_oneof![
        Just(json!({ "text": operators })),
        Just(json!({ "json": [{ "key": "b", "value": operators }, { "key": "%", "value": "%PROTOCOL%" }] })),
    ];
    let log = |format| json!({ "accessLog": { "file": { "path": "/dev/null", "format": format } } });
    weighted(0.3, weighted(0.8, format).prop_map(log))
}
