//! Tags that App Mesh's dashboards know, and the sink for DogStatsD.

use serde_json::{Value, json};

use crate::config::{DogStatsd, Identity, ResourceKind, StatsTags};

/// `ingress.<protocol>.<port>` is the stat prefix of a listener among several. These take protocol and port out of
/// the name, so that it is the same as a single listener's. In each the first group is what leaves the name, the
/// second is the tag's value.
const LISTENER_TAGS: [(&str, &str); 3] = [
    (
        "appmesh.listener_protocol",
        r"(?:^|\.)(?:http|tcp)\.ingress\.((\w+?)\.)[0-9]+\.",
    ),
    (
        "appmesh.listener_port",
        r"(?:^|\.)(?:http|tcp)\.ingress\.\w+?\.(([0-9]+)\.)",
    ),
    // Envoy's own expression for this tag expects a stat prefix of one word.
    (
        "envoy.rds_route_config",
        r"^http\.ingress\.\w+?\.[0-9]+\.rds\.((.+?)\.)\w+?$",
    ),
];

/// The `stats_config` section; `None` when the user's file brings it.
pub(super) fn tags(tags: StatsTags, identity: &Identity) -> Option<Value> {
    let listener = LISTENER_TAGS.map(|(name, regex)| json!({ "tag_name": name, "regex": regex }));
    let tags = match tags {
        StatsTags::FromFile => return None,
        StatsTags::Listener => listener.to_vec(),
        StatsTags::ListenerAndResource => [resource(identity).as_slice(), &listener].concat(),
    };
    Some(json!({ "stats_tags": tags }))
}

fn resource(identity: &Identity) -> [Value; 2] {
    let kind = match identity.kind() {
        ResourceKind::VirtualNode => "appmesh.virtual_node",
        ResourceKind::VirtualGateway => "appmesh.virtual_gateway",
    };
    [("appmesh.mesh", identity.mesh()), (kind, identity.name())]
        .map(|(tag, value)| json!({ "tag_name": tag, "fixed_value": value }))
}

/// The `stats_sinks` section.
pub(super) fn sinks(daemon: &DogStatsd) -> Value {
    let address = match daemon {
        DogStatsd::Udp(address) => json!({
            "socket_address": {
                "protocol": "UDP",
                "address": address.ip().to_string(),
                "port_value": address.port(),
            },
        }),
        DogStatsd::Unix(path) => json!({ "pipe": { "path": path } }),
    };
    json!([{
        "name": "envoy.stat_sinks.dog_statsd",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.config.metrics.v3.DogStatsdSink",
            "address": address,
        },
    }])
}
