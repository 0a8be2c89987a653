//! Rules of listeners: accepted and refused side by side.

use evermesh_model::Kind;
use serde_json::{Value, json};

use crate::support::assert_violations;

const PROTOCOLS: [&str; 4] = ["http", "http2", "grpc", "tcp"];

#[test]
fn connection_pools_fit_the_protocol() {
    for protocol in PROTOCOLS {
        for pool in PROTOCOLS {
            let limits = match pool {
                "http" | "tcp" => json!({ "maxConnections": 1 }),
                _ => json!({ "maxRequests": 1 }),
            };
            let message =
                format!("connectionPool.{pool}: does not fit the listener, whose protocol is {protocol}");
            let expected = (pool != protocol).then_some(message);
            assert_listener(
                protocol,
                "connectionPool",
                json!({ pool: limits }),
                expected.as_slice(),
            );
        }
    }
}

#[test]
fn timeouts_fit_the_protocol() {
    for protocol in PROTOCOLS {
        for timeout in PROTOCOLS {
            let message =
                format!("timeout.{timeout}: does not fit the listener, whose protocol is {protocol}");
            let expected = (timeout != protocol).then_some(message);
            assert_node_listener(protocol, "timeout", json!({ timeout: {} }), expected.as_slice());
        }
    }
}

/// The API's own words on gRPC are "GRPC HealthCheck requires listener type of HTTP2 or GRPC". It was seen to take
/// gRPC on HTTP/2, HTTP/2 on gRPC and TCP on HTTP; the rest of the table is what a check could ever succeed with, or
/// what Envoy would refuse.
#[test]
fn health_checks_fit_the_protocol() {
    let speaks = [
        ("http", ["http", "tcp"].as_slice()),
        ("http2", &["http2", "grpc", "tcp"]),
        ("grpc", &["http2", "grpc", "tcp"]),
        ("tcp", &["tcp"]),
    ];
    for (protocol, accepted) in speaks {
        for check in PROTOCOLS {
            let message = format!(
                "healthCheck.protocol: {check} does not fit the listener, whose protocol is {protocol}"
            );
            let expected = (!accepted.contains(&check)).then_some(message);
            for port in [None, Some(8080)] {
                assert_node_listener(
                    protocol,
                    "healthCheck",
                    health_check(check, port),
                    expected.as_slice(),
                );
            }
            let elsewhere = expected.filter(|_| check == "grpc");
            let another_port = health_check(check, Some(9000));
            assert_node_listener(protocol, "healthCheck", another_port, elsewhere.as_slice());
        }
    }
}

#[test]
fn health_checks_ask_for_a_path_that_can_be_asked_for() {
    let check = |path: &str| {
        let mut check = health_check("http", None);
        check["path"] = json!(path);
        check
    };
    for path in ["/", "", "health", "/é?a=b"] {
        assert_listener("http", "healthCheck", check(path), &[]);
    }
    let message = "healthCheck.path: must not have control characters, which no request can have";
    assert_listener("http", "healthCheck", check("/a\r\nb: c"), &[message.to_owned()]);
}

#[test]
fn gateways_do_not_speak_tcp() {
    let tcp = |path: &str| format!("{path}: must be one of http, http2, grpc, is \"tcp\"");
    assert_gateway_listener("tcp", "tls", Value::Null, &[tcp("portMapping.protocol")]);
    for protocol in ["http", "http2", "grpc"] {
        assert_gateway_listener(protocol, "healthCheck", health_check(protocol, None), &[]);
        assert_gateway_listener(
            protocol,
            "healthCheck",
            health_check("tcp", None),
            &[tcp("healthCheck.protocol")],
        );
    }
    assert_gateway_listener("http2", "healthCheck", health_check("grpc", None), &[]);
}

#[test]
fn durations_have_a_value_and_a_unit() {
    let most = 315_576_000_000_i64;
    for (duration, expected) in [
        (json!({ "unit": "s", "value": 0 }), [].as_slice()),
        (json!({ "unit": "ms", "value": 250_000 }), &[]),
        (json!({ "unit": "s", "value": most }), &[]),
        (
            json!({ "unit": "s", "value": most + 1 }),
            &["value: must be at most 10000 years"],
        ),
        (
            json!({ "unit": "ms", "value": i64::MAX }),
            &["value: must be at most 10000 years"],
        ),
        (json!({ "unit": "s" }), &["value: is required"]),
        (json!({ "value": 1 }), &["unit: is required"]),
        (json!({}), &["unit: is required", "value: is required"]),
    ] {
        let expected: Vec<_> = expected
            .iter()
            .map(|line| format!("timeout.http2.perRequest.{line}"))
            .collect();
        assert_node_listener(
            "http2",
            "timeout",
            json!({ "http2": { "perRequest": duration } }),
            &expected,
        );
        let expected: Vec<_> = expected
            .iter()
            .map(|line| line.replace("http2.perRequest", "tcp.idle"))
            .collect();
        assert_node_listener(
            "tcp",
            "timeout",
            json!({ "tcp": { "idle": duration } }),
            &expected,
        );
    }
}

#[test]
fn outlier_detection_takes_time() {
    let detection = |interval: i64, ejection: i64| {
        json!({
            "maxServerErrors": 5, "maxEjectionPercent": 100,
            "interval": { "unit": "ms", "value": interval }, "baseEjectionDuration": { "unit": "s", "value": ejection },
        })
    };
    for protocol in PROTOCOLS {
        assert_node_listener(protocol, "outlierDetection", detection(1, 1), &[]);
    }
    let zero = |step: &str| format!("outlierDetection.{step}.value: must be above 0");
    let expected = [zero("interval"), zero("baseEjectionDuration")];
    assert_node_listener("http", "outlierDetection", detection(0, 0), &expected);
    assert_node_listener("http", "outlierDetection", detection(0, 1), &expected[..1]);
}

#[test]
fn certificates_are_those_of_the_certificate_manager() {
    let tls = |arn: &str| json!({ "mode": "STRICT", "certificate": { "acm": { "certificateArn": arn } } });
    let message = "tls.certificate.acm.certificateArn: must be an ARN of the form \
                   arn:<partition>:acm:<region>:<account>:<resource>";
    assert_listener(
        "http",
        "tls",
        tls("arn:aws:acm:us-west-2:123456789012:certificate/1234"),
        &[],
    );
    for arn in [
        "certificate/1234",
        "arn:aws:acm-pca:us-west-2:123456789012:certificate-authority/1",
    ] {
        assert_listener("http", "tls", tls(arn), &[message.to_owned()]);
    }
}

#[test]
fn callers_may_be_known_by_wildcards() {
    let tls = |names: Value| {
        json!({
            "mode": "STRICT", "certificate": { "sds": { "secretName": "server" } },
            "validation": {
                "trust": { "file": { "certificateChain": "/ca.pem" } },
                "subjectAlternativeNames": { "match": { "exact": names } },
            },
        })
    };
    let path = "tls.validation.subjectAlternativeNames.match.exact";
    assert_listener(
        "http",
        "tls",
        tls(json!(["*.apps.local", "spiffe://apps.local/a"])),
        &[],
    );
    assert_listener(
        "http",
        "tls",
        tls(json!([])),
        &[format!("{path}: must name at least one")],
    );
    let form = format!("{path}[0]: a wildcard must be the whole first label, such as *.example.com");
    assert_listener("http", "tls", tls(json!(["a*"])), &[form]);
}

fn health_check(protocol: &str, port: Option<u16>) -> Value {
    let mut check = json!({
        "healthyThreshold": 2, "unhealthyThreshold": 2, "intervalMillis": 5000, "timeoutMillis": 2000,
        "protocol": protocol,
    });
    if let Some(port) = port {
        check["port"] = json!(port);
    }
    check
}

/// A listener on port 8080 with that member is judged so, on a node and on a gateway that can have it.
#[track_caller]
fn assert_listener(protocol: &str, member: &str, value: Value, expected: &[String]) {
    assert_node_listener(protocol, member, value.clone(), expected);
    let tcp_pool = member == "connectionPool" && value.get("tcp").is_some();
    if protocol != "tcp" && !tcp_pool {
        assert_gateway_listener(protocol, member, value, expected);
    }
}

#[track_caller]
fn assert_node_listener(protocol: &str, member: &str, value: Value, expected: &[String]) {
    let listener = json!({ "portMapping": { "port": 8080, "protocol": protocol }, member: value });
    let spec = json!({ "listeners": [listener], "serviceDiscovery": { "dns": { "hostname": "a" } } });
    assert_lines(Kind::VirtualNode, &spec, expected);
}

#[track_caller]
fn assert_gateway_listener(protocol: &str, member: &str, value: Value, expected: &[String]) {
    let listener = json!({ "portMapping": { "port": 8080, "protocol": protocol }, member: value });
    assert_lines(
        Kind::VirtualGateway,
        &json!({ "listeners": [listener] }),
        expected,
    );
}

#[track_caller]
fn assert_lines(kind: Kind, spec: &Value, expected: &[String]) {
    let lines: Vec<_> = expected
        .iter()
        .map(|line| format!("spec.listeners[0].{line}"))
        .collect();
    assert_violations(kind, spec, &lines.iter().map(String::as_str).collect::<Vec<_>>());
}
