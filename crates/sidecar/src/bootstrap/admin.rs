//! The admin interface and its access log.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};

use crate::config::Admin;

pub(super) fn admin(admin: &Admin) -> Value {
    json!({
        "address": { "socket_address": socket_address(admin.address) },
        "access_log": [{
            "name": "envoy.access_loggers.file",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": admin.access_log,
            },
        }],
    })
}

fn socket_address(address: SocketAddr) -> Value {
    let mut value = json!({ "address": address.ip().to_string(), "port_value": address.port() });
    // The variable that gives [::] promises IPv4 as well.
    if matches!(address.ip(), IpAddr::V6(ip) if ip.is_unspecified()) {
        value["ipv4_compat"] = json!(true);
    }
    value
}
