//! A bootstrap that has resources in it rather than wait for them, for `envoy --mode validate`.

use std::fs;

use evermesh_translate::{Resources, render};
use serde_json::{Value, json};
use tempfile::TempDir;

/// PEM files that stand for all that resources refer to, while this lives: Envoy reads them.
pub(crate) struct Pem {
    dir: TempDir,
}

impl Pem {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().expect("a directory for temporary files can be made");
        let made = rcgen::generate_simple_self_signed(["server.local".to_owned()]);
        let made = made.expect("a certificate for a host name can be made");
        let write = |name, text: String| fs::write(dir.path().join(name), text);
        write("certificate", made.cert.pem()).expect("the directory is writable");
        write("key", made.signing_key.serialize_pem()).expect("the directory is writable");
        Self { dir }
    }

    fn file(&self, name: &str) -> Value {
        json!({ "filename": self.dir.path().join(name) })
    }
}

/// Everything in one file: route configurations are where listeners refer to them, so that Envoy looks at those too, and
/// so are secrets that would come by the stream, with other content. Regular expressions may be as large as the
/// sidecar's own bootstrap lets them be.
pub(crate) fn with(resources: &Resources, pem: &Pem) -> String {
    let resources = render::to_value(resources);
    let (mut listeners, mut clusters) = (resources["listeners"].clone(), resources["clusters"].clone());
    inline(&mut listeners, &resources["routes"]);
    let mut secrets = Vec::new();
    for value in [&mut listeners, &mut clusters] {
        supply(value, pem, &mut secrets);
    }
    clusters.as_array_mut().expect("a list").push(sds_cluster());
    of_static(&json!({ "clusters": clusters, "listeners": listeners, "secrets": secrets }))
}

/// One route, whose path is matched by a regular expression.
pub(crate) fn with_regex(pattern: &str) -> String {
    let route =
        json!({ "match": { "safe_regex": { "regex": pattern } }, "direct_response": { "status": 200 } });
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "test",
        "route_config": { "virtual_hosts": [{ "name": "test", "domains": ["*"], "routes": [route] }] },
    });
    let filter = json!({ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager });
    let address = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } });
    of_static(&json!({ "listeners": [{ "address": address, "filter_chains": [{ "filters": [filter] }] }] }))
}

fn of_static(resources: &Value) -> String {
    let runtime = json!({ "re2.max_program_size.error_level": u32::MAX });
    let bootstrap = json!({
        "node": { "id": "test", "cluster": "test" },
        "layered_runtime": { "layers": [{ "name": "static", "static_layer": runtime }] },
        "static_resources": resources,
    });
    bootstrap.to_string()
}

/// The local secret discovery service, as the sidecar's bootstrap has it.
fn sds_cluster() -> Value {
    let http2 = json!({
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": { "http2_protocol_options": {} },
    });
    let pipe = json!({ "endpoint": { "address": { "pipe": { "path": "/sds.sock" } } } });
    json!({
        "name": "static_cluster_sds_unix_socket",
        "typed_extension_protocol_options": { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2 },
        "load_assignment": {
            "cluster_name": "static_cluster_sds_unix_socket",
            "endpoints": [{ "lb_endpoints": [pipe] }],
        },
    })
}

/// Makes static secrets of those that a configuration has by the stream.
fn supply(value: &mut Value, pem: &Pem, secrets: &mut Vec<Value>) {
    match value {
        Value::Object(object) => {
            for (member, value) in object {
                let certificate = member == "tls_certificate_sds_secret_configs";
                if certificate || member == "validation_context_sds_secret_config" {
                    let configs = match value {
                        Value::Array(configs) => configs.iter_mut().collect(),
                        config => vec![config],
                    };
                    let static_secret = |config| supply_secret(config, certificate, pem);
                    let made: Vec<Value> = configs.into_iter().filter_map(static_secret).collect();
                    secrets.extend(made);
                } else {
                    supply(value, pem, secrets);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| supply(item, pem, secrets)),
        _ => {}
    }
    secrets.sort_by_key(|secret| secret["name"].to_string());
    secrets.dedup();
}

fn supply_secret(config: &mut Value, certificate: bool, pem: &Pem) -> Option<Value> {
    let config = config.as_object_mut().expect("a message");
    config["sds_config"].get("ads")?;
    config.remove("sds_config");
    let name = &config["name"];
    Some(if certificate {
        let certificate =
            json!({ "certificate_chain": pem.file("certificate"), "private_key": pem.file("key") });
        json!({ "name": name, "tls_certificate": certificate })
    } else {
        json!({ "name": name, "validation_context": { "trusted_ca": pem.file("certificate") } })
    })
}

/// Puts route configurations in the place of references to them.
fn inline(value: &mut Value, routes: &Value) {
    match value {
        Value::Object(object) => {
            if let Some(reference) = object.remove("rds") {
                let route = named(routes, &reference["route_config_name"]);
                object.insert("route_config".to_owned(), route.clone());
            }
            object.values_mut().for_each(|member| inline(member, routes));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| inline(item, routes)),
        _ => {}
    }
}

fn named<'a>(resources: &'a Value, name: &Value) -> &'a Value {
    let mut resources = resources.as_array().expect("a list").iter();
    let found = resources.find(|resource| resource["name"] == *name);
    found.unwrap_or_else(|| panic!("there is no route configuration {name}"))
}
