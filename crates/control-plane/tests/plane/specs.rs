//! A small mesh, and the specs it is made of.
//!
//! `n` calls `s.local`, whose router splits between `t1` and `t2`; the gateway `g` leads there too. `free` calls
//! nobody and nobody calls it.

use serde_json::{Value, json};

/// All of the mesh `m`, in an order in which it can be created.
pub(crate) fn mesh() -> Vec<(&'static str, Value)> {
    vec![
        ("m", json!({})),
        ("m/virtualNode/t1", node("t1.local")),
        ("m/virtualNode/t2", node("t2.local")),
        ("m/virtualNode/free", node("free.local")),
        ("m/virtualNode/n", caller("n.local", &["s.local"])),
        ("m/virtualRouter/r", port()),
        ("m/virtualRouter/r/route/x", split(1, 1)),
        ("m/virtualService/s.local", provided_by_router("r")),
        ("m/virtualGateway/g", port()),
        ("m/virtualGateway/g/gatewayRoute/y", to_service("s.local")),
    ]
}

pub(crate) fn node(hostname: &str) -> Value {
    caller(hostname, &[])
}

pub(crate) fn caller(hostname: &str, services: &[&str]) -> Value {
    let backends: Vec<Value> = services
        .iter()
        .map(|name| json!({ "virtualService": { "virtualServiceName": name } }))
        .collect();
    json!({
        "listeners": [{ "portMapping": { "port": 80, "protocol": "http" } }],
        "serviceDiscovery": { "dns": { "hostname": hostname } },
        "backends": backends,
    })
}

/// The same node, with an access log.
pub(crate) fn logging(mut node: Value) -> Value {
    node["logging"] = json!({ "accessLog": { "file": { "path": "/dev/stdout" } } });
    node
}

/// A router or a gateway.
pub(crate) fn port() -> Value {
    json!({ "listeners": [{ "portMapping": { "port": 80, "protocol": "http" } }] })
}

/// A route to `t1` and `t2` with these weights.
pub(crate) fn split(t1: u32, t2: u32) -> Value {
    to_nodes(&[("t1", t1), ("t2", t2)])
}

pub(crate) fn to_nodes(weights: &[(&str, u32)]) -> Value {
    let targets: Vec<Value> = weights
        .iter()
        .map(|(node, weight)| json!({ "virtualNode": node, "weight": weight }))
        .collect();
    json!({ "httpRoute": { "match": { "prefix": "/" }, "action": { "weightedTargets": targets } } })
}

pub(crate) fn provided_by_router(name: &str) -> Value {
    json!({ "provider": { "virtualRouter": { "virtualRouterName": name } } })
}

fn to_service(name: &str) -> Value {
    json!({ "httpRoute": {
        "match": { "prefix": "/" },
        "action": { "target": { "virtualService": { "virtualServiceName": name } } },
    } })
}
