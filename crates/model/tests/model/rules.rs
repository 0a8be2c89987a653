//! Rules of nodes, services, routers and gateways as wholes, and of TLS: accepted and refused side by side.

use evermesh_model::Kind;
use serde_json::{Value, json};

use crate::service_model::{Place, Range, Shape, members};
use crate::support::{assert_violations, violations};

#[test]
fn listeners_have_ports_of_their_own() {
    let spec = |ports: [u16; 3]| {
        let listeners: Vec<_> = ports
            .iter()
            .map(|port| json!({ "portMapping": { "port": port, "protocol": "http" } }))
            .collect();
        json!({ "listeners": listeners, "serviceDiscovery": { "dns": { "hostname": "a" } } })
    };
    let without_discovery = |ports| json!({ "listeners": spec(ports)["listeners"] });
    assert_violations(Kind::VirtualNode, &spec([80, 81, 82]), &[]);
    assert_violations(
        Kind::VirtualNode,
        &spec([80, 81, 80]),
        &["spec.listeners[2].portMapping.port: port 80 is taken by an earlier listener"],
    );
    for kind in [Kind::VirtualRouter, Kind::VirtualGateway] {
        assert_violations(kind, &without_discovery([80, 81, 82]), &[]);
        assert_violations(
            kind,
            &without_discovery([80, 80, 80]),
            &[
                "spec.listeners[1].portMapping.port: port 80 is taken by an earlier listener",
                "spec.listeners[2].portMapping.port: port 80 is taken by an earlier listener",
            ],
        );
    }
}

#[test]
fn every_list_ends_somewhere() {
    for member in members() {
        let open = Shape::List(Range { min: None, max: None });
        let name = member.name().unwrap_or_default();
        if member.shape != open || name == "backends" {
            continue; // backends have a quota
        }
        let most = match name {
            "listeners" | "attributes" => 100,
            "ports" => 1000,
            "exact" => 2000,
            "json" => 200,
            _ => panic!("nothing limits {} of a {}", member.path, member.kind),
        };
        let place = member.place().unwrap();
        assert_violations(member.kind, &long(&place, most), &[]);
        let expected = format!("{}: must have at most {most} items, has {}", place.path, most + 1);
        assert_violations(member.kind, &long(&place, most + 1), &[&expected]);
        let found = violations(member.kind, &long(&place, 20_000));
        assert!(found[0].message.contains("at most"), "{found:?}");
    }
}

/// The spec with so many items in the list, like its first but for what must be unique.
fn long(place: &Place, count: usize) -> Value {
    let like_the_first = |number: usize| {
        let mut item = place.value()[0].clone();
        if let Some(port) = item.pointer_mut("/portMapping/port") {
            *port = json!(number + 1);
        } else if item.is_object() {
            item["key"] = json!(format!("k{number}"));
        }
        item
    };
    place.with((0..count).map(like_the_first).collect())
}

#[test]
fn a_gateway_listens() {
    assert_violations(
        Kind::VirtualGateway,
        &json!({ "listeners": [] }),
        &["spec.listeners: must have at least one listener"],
    );
}

#[test]
fn a_node_may_be_empty() {
    for spec in [json!({}), json!({ "listeners": [], "backends": [] })] {
        assert_violations(Kind::VirtualNode, &spec, &[]);
    }
}

#[test]
fn dns_names_are_host_names() {
    let spec = |name: &str| json!({ "serviceDiscovery": { "dns": { "hostname": name } } });
    let longest_label = "a".repeat(63);
    let longest = [longest_label.as_str(); 3].join(".") + "." + &"a".repeat(61);
    for name in [
        "a",
        "svc-1.apps.local",
        "_http._tcp.apps",
        "a.local.",
        "10.0.0.1",
        "::1",
        &longest_label,
        &longest,
    ] {
        assert_violations(Kind::VirtualNode, &spec(name), &[]);
    }
    let too_long = format!("{longest}a");
    let label_too_long = format!("{longest_label}a.b");
    for name in [
        "",
        ".",
        "a..b",
        ".a",
        "a b",
        "a:80",
        "http://a",
        "ä.de",
        "*.a",
        &too_long,
        &label_too_long,
    ] {
        assert_violations(
            Kind::VirtualNode,
            &spec(name),
            &[
                "spec.serviceDiscovery.dns.hostname: must be a host name: labels of 1 to 63 letters, digits, - or _, \
               253 characters in all",
            ],
        );
    }
}

#[test]
fn cloud_map_attributes_are_ascii() {
    let spec = |key: &str, value: &str| {
        let attributes = [json!({ "key": key, "value": value })];
        json!({ "serviceDiscovery": { "awsCloudMap": {
            "namespaceName": "apps.local", "serviceName": "colors", "attributes": attributes,
        } } })
    };
    for (key, value) in [
        ("k", "v"),
        ("ECS_TASK-DEFINITION:~!", "a value ~!"),
        ("k", "trailing "),
    ] {
        assert_violations(Kind::VirtualNode, &spec(key, value), &[]);
    }
    let key = "spec.serviceDiscovery.awsCloudMap.attributes[0].key: must be visible ASCII without spaces";
    let value = "spec.serviceDiscovery.awsCloudMap.attributes[0].value: must be printable ASCII that does not start \
                 with a space";
    assert_violations(Kind::VirtualNode, &spec("a b", " v"), &[key, value]);
    assert_violations(Kind::VirtualNode, &spec("ä", "a\tb"), &[key, value]);
    assert_violations(Kind::VirtualNode, &spec("k\u{7f}", "ä"), &[key, value]);
}

#[test]
fn backends_are_named_freely() {
    let arn = "arn:aws:appmesh:us-west-2:123456789012:mesh/m/virtualService/a.local";
    for name in ["a", "a.local", "not created yet", arn] {
        let spec = json!({ "backends": [{ "virtualService": { "virtualServiceName": name } }] });
        assert_violations(Kind::VirtualNode, &spec, &[]);
    }
}

#[test]
fn providers_are_named_not_addressed() {
    for (provider, field) in [
        ("virtualNode", "virtualNodeName"),
        ("virtualRouter", "virtualRouterName"),
    ] {
        let spec = |name: &str| json!({ "provider": { provider: { field: name } } });
        assert_violations(Kind::VirtualService, &spec("colors"), &[]);
        let message = format!("spec.provider.{provider}.{field}: must be a name, not an ARN or path");
        for name in ["mesh/m/x/y", "arn:aws:appmesh:us-west-2:123456789012:mesh/m/x/y"] {
            assert_violations(Kind::VirtualService, &spec(name), &[&message]);
        }
    }
}

#[test]
fn wildcards_need_a_policy_that_does_not_enforce_tls() {
    let path = "validation.subjectAlternativeNames.match.exact[0]";
    let enforced = format!("{path}: must not be a wildcard while the client policy enforces TLS");
    let form = format!("{path}: a wildcard must be the whole first label, such as *.example.com");
    let length = format!("{path}: must be 1 to 254 characters long, is 255");
    let too_long = "a".repeat(255);
    for (enforce, name, expected) in [
        (None, "a.local", None),
        (None, "spiffe://apps.local/colors", None),
        (None, "*.apps.local", Some(&enforced)),
        (Some(true), "*.apps.local", Some(&enforced)),
        (Some(false), "*.apps.local", None),
        (Some(false), "a.*.local", Some(&form)),
        (Some(false), "*.*.local", Some(&form)),
        (Some(false), "*", Some(&form)),
        (Some(false), &too_long, Some(&length)),
    ] {
        let mut tls = json!({ "validation": {
            "trust": { "sds": { "secretName": "ca" } },
            "subjectAlternativeNames": { "match": { "exact": [name] } },
        } });
        if let Some(enforce) = enforce {
            tls["enforce"] = json!(enforce);
        }
        assert_client_tls(&tls, expected.map(String::as_str));
    }
}

#[test]
fn names_of_a_policy_are_not_an_empty_list() {
    let tls = json!({ "validation": {
        "trust": { "sds": { "secretName": "ca" } },
        "subjectAlternativeNames": { "match": { "exact": [] } },
    } });
    assert_client_tls(
        &tls,
        Some("validation.subjectAlternativeNames.match.exact: must name at least one"),
    );
}

#[test]
fn authorities_are_those_of_the_private_ca() {
    let tls =
        |arn: &str| json!({ "validation": { "trust": { "acm": { "certificateAuthorityArns": [arn] } } } });
    for partition in ["aws", "aws-cn", "aws-us-gov"] {
        let arn = format!("arn:{partition}:acm-pca:us-west-2:123456789012:certificate-authority/1234");
        assert_client_tls(&tls(&arn), None);
    }
    let message = "validation.trust.acm.certificateAuthorityArns[0]: must be an ARN of the form \
                   arn:<partition>:acm-pca:<region>:<account>:<resource>";
    for arn in [
        "",
        "ca",
        "arn:aws:acm:us-west-2:123456789012:certificate/1",
        "arn:aws:acm-pca:us-west-2:123456789012:",
    ] {
        assert_client_tls(&tls(arn), Some(message));
    }
}

#[test]
fn ports_of_a_policy_are_ports() {
    let tls = |ports: Value| json!({ "ports": ports, "validation": { "trust": { "sds": { "secretName": "ca" } } } });
    assert_client_tls(&tls(json!([1, 443, 65535])), None);
    assert_client_tls(&tls(json!([])), None);
    assert_client_tls(&tls(json!([443, 0])), Some("ports[1]: must be 1 to 65535, is 0"));
}

/// The TLS client policy is judged alike wherever a policy can be.
#[track_caller]
fn assert_client_tls(tls: &Value, expected: Option<&str>) {
    let listeners = json!([{ "portMapping": { "port": 80, "protocol": "http" } }]);
    let policy = json!({ "tls": tls });
    let backend = json!({ "virtualService": { "virtualServiceName": "a", "clientPolicy": policy } });
    for (kind, spec, path) in [
        (
            Kind::VirtualNode,
            json!({ "backendDefaults": { "clientPolicy": policy } }),
            "spec.backendDefaults.clientPolicy.tls",
        ),
        (
            Kind::VirtualNode,
            json!({ "backends": [backend] }),
            "spec.backends[0].virtualService.clientPolicy.tls",
        ),
        (
            Kind::VirtualGateway,
            json!({ "listeners": listeners, "backendDefaults": { "clientPolicy": policy } }),
            "spec.backendDefaults.clientPolicy.tls",
        ),
    ] {
        let expected: Vec<_> = expected.iter().map(|line| format!("{path}.{line}")).collect();
        assert_violations(
            kind,
            &spec,
            &expected.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    }
}
