//! What Envoy asks of resources as a whole, beyond the shape of each: checked without an Envoy, for many meshes.

use std::collections::BTreeSet;

use evermesh_translate::{Resources, render};
use serde_json::Value;

/// Panics with what is broken.
#[track_caller]
pub(crate) fn hold(resources: &Resources) {
    let value = render::to_value(resources);
    for kind in ["clusters", "listeners", "routes", "secrets"] {
        unique(kind, names(&value[kind]));
    }
    unique(
        "addresses",
        list(&value["listeners"]).map(|listener| listener["address"].to_string()),
    );
    list(&value["listeners"]).for_each(chains_differ);
    list(&value["routes"]).for_each(domains_differ);
    references_exist(&value);
    weights_sum_up(&value);
}

/// A connection must not fit two chains. One that is for several addresses counts once for each.
fn chains_differ(listener: &Value) {
    let each = |chain: &Value| {
        let mut rest = chain["filter_chain_match"].clone();
        let addresses = rest.as_object_mut().and_then(|rest| rest.remove("prefix_ranges"));
        let addresses = addresses.map_or(vec![Value::Null], |ranges| list(&ranges).cloned().collect());
        addresses
            .into_iter()
            .map(move |address| format!("{address} {rest}"))
            .collect::<Vec<_>>()
    };
    unique("chains", list(&listener["filter_chains"]).flat_map(each));
}

/// Envoy compares hosts in lower case.
fn domains_differ(routes: &Value) {
    let hosts = || list(&routes["virtual_hosts"]);
    let domains = hosts().flat_map(|host| list(&host["domains"]));
    unique("domains", domains.map(|domain| text(domain).to_ascii_lowercase()));
    unique("virtual hosts", names(&routes["virtual_hosts"]));
}

fn references_exist(resources: &Value) {
    let clusters: BTreeSet<_> = names(&resources["clusters"]).collect();
    let routes: BTreeSet<_> = names(&resources["routes"]).collect();
    let secrets: BTreeSet<_> = names(&resources["secrets"]).collect();
    let secret = |name: &str| {
        assert!(
            !name.starts_with("file_") || secrets.contains(name),
            "there is no secret {name}"
        )
    };
    visit(resources, &mut |member, value| match (member, value) {
        ("cluster", Value::String(name)) => assert!(clusters.contains(name), "there is no cluster {name}"),
        ("route_config_name", Value::String(name)) => {
            assert!(routes.contains(name), "there are no routes {name}")
        }
        ("tls_certificate_sds_secret_configs", configs) => names(configs).for_each(|name| secret(&name)),
        ("validation_context_sds_secret_config", config) => secret(text(&config["name"])),
        ("weighted_clusters", weighted) => {
            for name in names(&weighted["clusters"]) {
                assert!(clusters.contains(&name), "there is no cluster {name}");
            }
        }
        _ => {}
    });
}

/// Shares of nothing make Envoy refuse the whole resource.
fn weights_sum_up(resources: &Value) {
    visit(resources, &mut |member, value| {
        if member == "weighted_clusters" {
            let weights =
                list(&value["clusters"]).map(|cluster| cluster["weight"].as_u64().unwrap_or_default());
            assert!(weights.sum::<u64>() > 0, "{value} has no weight");
        }
    });
}

fn visit(value: &Value, see: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Object(object) => object.iter().for_each(|(member, value)| {
            see(member, value);
            visit(value, see);
        }),
        Value::Array(items) => items.iter().for_each(|item| visit(item, see)),
        _ => {}
    }
}

fn unique(what: &str, values: impl Iterator<Item = String>) {
    let mut seen = BTreeSet::new();
    for value in values {
        assert!(!seen.contains(&value), "{what}: {value} is there twice");
        seen.insert(value);
    }
}

fn names(resources: &Value) -> impl Iterator<Item = String> {
    list(resources).map(|resource| text(&resource["name"]).to_owned())
}

/// A field with its default value, such as an empty list, is left out.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}
