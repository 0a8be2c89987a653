//! Static clusters and what all upstream connections share.

use std::num::NonZeroU32;
use std::path::Path;

use serde_json::{Value, json};

use crate::config::{Endpoint, Host};

/// App Mesh's name for the cluster of the local secret discovery service; TLS settings refer to it.
const SDS_CLUSTER: &str = "static_cluster_sds_unix_socket";
/// Everything static is local or near; App Mesh's value for such clusters.
const CONNECT_TIMEOUT: &str = "1s";
/// Linux: level and name of the socket option that marks packets.
const SOL_SOCKET: u32 = 1;
const SO_MARK: u32 = 36;

/// A cluster with one endpoint: HTTP/1.1 unless [`over_http2`].
pub(super) fn single(name: &str, endpoint: &Endpoint) -> Value {
    let (address, named) = match endpoint {
        Endpoint::Tcp {
            host: Host::Ip(ip),
            port,
        } => (socket(&ip.to_string(), *port), false),
        Endpoint::Tcp {
            host: Host::Name(name),
            port,
        } => (socket(name, *port), true),
        Endpoint::Unix(path) => (json!({ "pipe": { "path": path } }), false),
    };
    let mut cluster = json!({
        "name": name,
        "type": if named { "STRICT_DNS" } else { "STATIC" },
        "connect_timeout": CONNECT_TIMEOUT,
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address } }] }],
        },
    });
    if named {
        // Both families, tried in turn: the default would stay on IPv6 wherever a name has it.
        cluster["dns_lookup_family"] = json!("ALL");
    }
    cluster
}

/// Makes a cluster speak HTTP/2, as gRPC needs; `options` are Envoy's `Http2ProtocolOptions`.
pub(super) fn over_http2(mut cluster: Value, options: &Value) -> Value {
    cluster["typed_extension_protocol_options"] = json!({
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": { "http2_protocol_options": options },
        },
    });
    cluster
}

/// The local secret discovery service.
pub(super) fn sds(socket: &Path) -> Value {
    over_http2(
        single(SDS_CLUSTER, &Endpoint::Unix(socket.to_owned())),
        &json!({}),
    )
}

/// Marks every upstream connection, so that redirect rules can tell the proxy's own traffic from the
/// application's where the proxy has no user of its own. `None` without a mark.
pub(super) fn manager(mark: Option<NonZeroU32>) -> Option<Value> {
    let mark = mark?;
    Some(json!({
        "upstream_bind_config": {
            "socket_options": [{
                "description": "mark of the proxy's own traffic",
                "level": SOL_SOCKET,
                "name": SO_MARK,
                "int_value": mark,
                // Before connect(), or the first packet would go out unmarked.
                "state": "STATE_PREBIND",
            }],
        },
    }))
}

fn socket(address: &str, port: u16) -> Value {
    json!({ "socket_address": { "address": address, "port_value": port } })
}
