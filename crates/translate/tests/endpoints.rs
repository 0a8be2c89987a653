//! What becomes of supplied instances: which of their addresses are called, and on which port they are checked.

use std::sync::Arc;

use evermesh_graph::supplied::{Instance, Supplied};
use evermesh_graph::view::{Discovery, ProxyView};
use evermesh_translate::{Piece, Resources, render, supplied_pieces};
use serde_json::{Value, json};

#[test]
fn an_instance_is_called_by_the_address_that_is_preferred() {
    for (preference, expected) in [
        ("ipv4-preferred", ["10.0.0.1", "10.0.0.2", "fd00::3"].as_slice()),
        ("ipv6-preferred", &["10.0.0.2", "fd00::1", "fd00::3"]),
        ("ipv4-only", &["10.0.0.1", "10.0.0.2"]),
        ("ipv6-only", &["fd00::1", "fd00::3"]),
    ] {
        let found: Vec<_> = endpoints(preference, &Value::Null)
            .into_iter()
            .map(|endpoint| endpoint["address"]["socket_address"]["address"].clone())
            .collect();
        assert_eq!(found, expected, "{preference}");
    }
}

#[test]
fn instances_are_checked_on_the_port_of_the_check() {
    let check = json!({
        "checker": "tcp", "port": 9000, "interval": 5000, "timeout": 2000,
        "healthyThreshold": 2, "unhealthyThreshold": 2,
    });
    for endpoint in endpoints("ipv4-only", &check) {
        assert_eq!(endpoint["address"]["socket_address"]["port_value"], 80);
        assert_eq!(endpoint["health_check_config"], json!({ "port_value": 9000 }));
    }
}

/// Endpoints of a target with an instance of both versions of IP, and one of each.
fn endpoints(preference: &str, check: &Value) -> Vec<Value> {
    let view = view(preference, check);
    let Discovery::CloudMap(service) = &view.egress.targets[0].discovery else {
        panic!("the target is found through Cloud Map");
    };
    let instance = |ipv4: Option<&str>, ipv6: Option<&str>| Instance {
        ipv4: ipv4.map(|text| text.parse().expect("an address")),
        ipv6: ipv6.map(|text| text.parse().expect("an address")),
    };
    let instances = [
        instance(Some("10.0.0.1"), Some("fd00::1")),
        instance(Some("10.0.0.2"), None),
        instance(None, Some("fd00::3")),
    ];
    let supplied = Supplied {
        endpoints: [(service.clone(), Arc::new(instances.into()))].into(),
        ..Supplied::default()
    };
    let resources: Resources = supplied_pieces(&view, &supplied)
        .iter()
        .map(Piece::build)
        .collect();
    let assignment = &render::to_value(&resources)["endpoints"][0];
    let endpoints = assignment["endpoints"][0]["lb_endpoints"].as_array();
    let endpoints = endpoints.expect("there is one at least").iter();
    endpoints.map(|endpoint| endpoint["endpoint"].clone()).collect()
}

fn view(preference: &str, check: &Value) -> ProxyView {
    let target = json!({
        "key": { "virtualNode": "server", "protocol": "http", "port": 80 },
        "discovery": { "cloudMap": { "namespace": "n", "service": "s" } },
        "ipPreference": preference,
        "healthCheck": check,
    });
    let view = json!({
        "mesh": "m", "name": "client", "ingress": { "virtualNode": [] },
        "egress": { "allowAll": false, "targets": [target] },
    });
    serde_json::from_value(view).expect("a view")
}
