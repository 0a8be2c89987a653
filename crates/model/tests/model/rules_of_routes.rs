//! Rules of routes and gateway routes: accepted and refused side by side.

use evermesh_model::Kind;
use serde_json::{Value, json};

use crate::support::assert_violations;

#[test]
fn a_route_has_one_protocol() {
    for (kind, known) in [
        (Kind::Route, "httpRoute, http2Route, grpcRoute, tcpRoute"),
        (Kind::GatewayRoute, "httpRoute, http2Route, grpcRoute"),
    ] {
        let none = format!("spec: exactly one of {known} must be set, none is");
        assert_violations(kind, &json!({}), &[&none]);
        assert_violations(kind, &json!({ "priority": 1, "httpRoute": null }), &[&none]);
        let mut both = spec(kind, "httpRoute", json!({}));
        both["grpcRoute"] = spec(kind, "grpcRoute", json!({}))["grpcRoute"].clone();
        let several = format!("spec: exactly one of {known} must be set, httpRoute and grpcRoute are");
        assert_violations(kind, &both, &[&several]);
    }
}

#[test]
fn a_match_may_be_empty_and_has_at_most_one_path() {
    let both = "at most one of prefix, path may be set, both are";
    let one = "exactly one of exact, regex must be set, ";
    for (request, expected) in [
        (json!({}), vec![]),
        (json!({ "prefix": "/" }), vec![]),
        (json!({ "prefix": "/a//b?" }), vec![]),
        (json!({ "path": { "exact": "/a" } }), vec![]),
        (json!({ "path": { "regex": "/users/{id}|[^/]*" } }), vec![]),
        (json!({ "prefix": "/", "path": { "exact": "/a" } }), vec![format!(": {both}")]),
        (json!({ "prefix": "a" }), vec![".prefix: must start with a slash".to_owned()]),
        (json!({ "path": { "exact": "a" } }), vec![".path.exact: must start with a slash".to_owned()]),
        (json!({ "path": {} }), vec![format!(".path: {one}none is")]),
        (
            json!({ "path": { "exact": "/a", "regex": "/a" } }),
            vec![format!(".path: {one}exact and regex are")],
        ),
        (
            json!({ "path": { "regex": "/(?=a)" } }),
            vec![".path.regex: is not a regular expression that Envoy (RE2) accepts: unknown flags at character 5"
                .to_owned()],
        ),
    ] {
        for (kind, route) in http_routes() {
            assert_match(kind, route, request.clone(), &expected);
        }
    }
}

#[test]
fn headers_and_metadata_match_what_can_be_sent() {
    let range =
        |start: i64, end: i64| json!({ "name": "n", "match": { "range": { "start": start, "end": end } } });
    for (header, expected) in [
        (json!({ "name": "x-color" }), None),
        (json!({ "name": ":scheme", "invert": true }), None),
        (json!({ "name": "!#$%&'*+-.^_`|~09azAZ" }), None),
        (json!({ "name": "n", "match": { "regex": "a(?P<x>b)" } }), None),
        (range(-5, 5), None),
        (range(i64::MIN, i64::MAX), None),
        (json!({ "name": "a b" }), Some("name: must be a header name")),
        (json!({ "name": "a:b" }), Some("name: must be a header name")),
        (json!({ "name": ":" }), Some("name: must be a header name")),
        (json!({ "name": "ä" }), Some("name: must be a header name")),
        (
            range(5, 5),
            Some("match.range: start must be below end, are 5 and 5"),
        ),
        (
            range(6, 5),
            Some("match.range: start must be below end, are 6 and 5"),
        ),
        (
            json!({ "name": "n", "match": { "regex": "*" } }),
            Some(
                "match.regex: is not a regular expression that Envoy (RE2) accepts: a repetition of nothing at \
                 character 1",
            ),
        ),
    ] {
        for (kind, route) in http_routes() {
            let expected: Vec<_> = expected
                .iter()
                .map(|line| format!(".headers[0].{line}"))
                .collect();
            assert_match(kind, route, json!({ "headers": [header] }), &expected);
        }
        for kind in [Kind::Route, Kind::GatewayRoute] {
            let expected: Vec<_> = expected
                .iter()
                .map(|line| format!(".metadata[0].{line}"))
                .collect();
            assert_match(kind, "grpcRoute", json!({ "metadata": [header] }), &expected);
        }
    }
}

#[test]
fn query_parameters_match_exactly_or_by_presence() {
    for (kind, route) in http_routes() {
        let query = |parameter: Value| json!({ "queryParameters": [{ "name": "ok" }, parameter] });
        assert_match(kind, route, query(json!({ "name": "q" })), &[]);
        assert_match(
            kind,
            route,
            query(json!({ "name": "q", "match": { "exact": "" } })),
            &[],
        );
        let expected = [".queryParameters[1].match.exact: is required".to_owned()];
        assert_match(kind, route, query(json!({ "name": "q", "match": {} })), &expected);
    }
}

#[test]
fn a_grpc_method_is_of_a_service() {
    assert_match(Kind::Route, "grpcRoute", json!({}), &[]);
    assert_match(Kind::Route, "grpcRoute", json!({ "serviceName": "a.B" }), &[]);
    assert_match(
        Kind::Route,
        "grpcRoute",
        json!({ "serviceName": "a.B", "methodName": "Get" }),
        &[],
    );
    let expected = [".serviceName: is required when methodName is set".to_owned()];
    assert_match(
        Kind::Route,
        "grpcRoute",
        json!({ "methodName": "Get" }),
        &expected,
    );
}

#[test]
fn some_target_takes_traffic() {
    for route in ["httpRoute", "http2Route", "grpcRoute", "tcpRoute"] {
        for (weights, accepted) in [
            ([100, 0], true),
            ([0, 1], true),
            ([33, 33], true),
            ([100, 100], true),
            ([0, 0], false),
        ] {
            let mut route_spec = spec(Kind::Route, route, json!({}));
            route_spec[route]["action"]["weightedTargets"] =
                json!(weights.map(|weight| json!({ "virtualNode": "a", "weight": weight })));
            let message = format!("spec.{route}.action.weightedTargets: at least one weight must be above 0");
            let expected: &[&str] = if accepted { &[] } else { &[&message] };
            assert_violations(Kind::Route, &route_spec, expected);
        }
    }
}

#[test]
fn a_retry_policy_names_an_event() {
    let duration = json!({ "unit": "ms", "value": 2000 });
    for (route, events) in [
        ("httpRoute", ["httpRetryEvents", "tcpRetryEvents"].as_slice()),
        ("http2Route", &["httpRetryEvents", "tcpRetryEvents"]),
        (
            "grpcRoute",
            &["httpRetryEvents", "tcpRetryEvents", "grpcRetryEvents"],
        ),
    ] {
        let mut with = spec(Kind::Route, route, json!({}));
        with[route]["retryPolicy"] = json!({ "maxRetries": 0, "perRetryTimeout": duration });
        let message = format!("spec.{route}.retryPolicy: must name at least one event to retry");
        assert_violations(Kind::Route, &with, &[&message]);
        for event in events {
            let first = match *event {
                "httpRetryEvents" => "server-error",
                "tcpRetryEvents" => "connection-error",
                _ => "unavailable",
            };
            let mut policy = with.clone();
            policy[route]["retryPolicy"][event] = json!([first]);
            assert_violations(Kind::Route, &policy, &[]);
            policy[route]["retryPolicy"]["perRetryTimeout"] = json!({ "unit": "s" });
            let message = format!("spec.{route}.retryPolicy.perRetryTimeout.value: is required");
            assert_violations(Kind::Route, &policy, &[&message]);
        }
    }
}

#[test]
fn route_timeouts_are_whole() {
    for (route, members) in [
        ("httpRoute", ["perRequest", "idle"].as_slice()),
        ("http2Route", &["perRequest", "idle"]),
        ("grpcRoute", &["perRequest", "idle"]),
        ("tcpRoute", &["idle"]),
    ] {
        for member in members {
            let mut timed = spec(Kind::Route, route, json!({}));
            timed[route]["timeout"] = json!({ *member: { "unit": "s", "value": 0 } });
            assert_violations(Kind::Route, &timed, &[]);
            timed[route]["timeout"] = json!({ *member: { "value": 0 } });
            let message = format!("spec.{route}.timeout.{member}.unit: is required");
            assert_violations(Kind::Route, &timed, &[&message]);
        }
    }
}

#[test]
fn gateway_routes_leave_app_meshs_own_names_alone() {
    for (route, step) in [("httpRoute", "prefix"), ("http2Route", "prefix")] {
        let reserved = format!(".{step}: paths that begin with /aws-appmesh or /aws-app-mesh are reserved");
        for (prefix, accepted) in [
            ("/aws", true),
            ("/aws-app", true),
            ("/x/aws-appmesh", true),
            ("/aws-appmesh", false),
            ("/aws-app-mesh/x", false),
            ("/aws-appmeshed", false),
        ] {
            let expected = (!accepted).then(|| reserved.clone());
            assert_match(
                Kind::GatewayRoute,
                route,
                json!({ step: prefix }),
                expected.as_slice(),
            );
            let expected = expected.map(|line| line.replace(step, "path.exact"));
            assert_match(
                Kind::GatewayRoute,
                route,
                json!({ "path": { "exact": prefix } }),
                expected.as_slice(),
            );
            assert_match(Kind::Route, route, json!({ step: prefix }), &[]);
        }
    }
    let reserved = ".serviceName: names that begin with aws.app-mesh or aws.appmesh are reserved".to_owned();
    for (name, accepted) in [
        ("aws.app", true),
        ("x.aws.appmesh", true),
        ("aws.appmesh", false),
        ("aws.app-mesh.X", false),
    ] {
        let expected = (!accepted).then(|| reserved.clone());
        assert_match(
            Kind::GatewayRoute,
            "grpcRoute",
            json!({ "serviceName": name }),
            expected.as_slice(),
        );
    }
}

#[test]
fn a_host_name_is_matched_whole_or_by_its_end() {
    for route in ["httpRoute", "http2Route", "grpcRoute"] {
        let hostname = |hostname: Value| json!({ "hostname": hostname });
        assert_match(
            Kind::GatewayRoute,
            route,
            hostname(json!({ "exact": "www.example.com" })),
            &[],
        );
        assert_match(
            Kind::GatewayRoute,
            route,
            hostname(json!({ "suffix": ".example.com" })),
            &[],
        );
        let one = ".hostname: exactly one of exact, suffix must be set, ";
        assert_match(
            Kind::GatewayRoute,
            route,
            hostname(json!({})),
            &[format!("{one}none is")],
        );
        let both = hostname(json!({ "exact": "a", "suffix": "b" }));
        assert_match(
            Kind::GatewayRoute,
            route,
            both,
            &[format!("{one}exact and suffix are")],
        );
    }
}

#[test]
fn a_rewrite_replaces_what_was_matched() {
    let by_prefix = json!({ "prefix": "/a" });
    let by_path = json!({ "path": { "exact": "/a" } });
    let by_regex = json!({ "path": { "regex": "/a+" } });
    let needs_prefix = "prefix: needs a match by prefix, the match is by path";
    let needs_path = "path: needs a match by path, the match is by prefix";
    let one = "prefix: exactly one of defaultPrefix, value must be set, ";
    for (request, rewrite, expected) in [
        (&by_prefix, json!({}), None),
        (
            &by_path,
            json!({ "hostname": { "defaultTargetHostname": "DISABLED" } }),
            None,
        ),
        (
            &by_prefix,
            json!({ "prefix": { "defaultPrefix": "DISABLED" } }),
            None,
        ),
        (&by_prefix, json!({ "prefix": { "value": "/b/" } }), None),
        (&json!({}), json!({ "prefix": { "value": "/b/" } }), None),
        (&by_path, json!({ "path": { "exact": "/b" } }), None),
        (&by_regex, json!({ "path": { "exact": "/b" } }), None),
        (
            &by_path,
            json!({ "prefix": { "value": "/b" } }),
            Some(needs_prefix.to_owned()),
        ),
        (
            &by_prefix,
            json!({ "path": { "exact": "/b" } }),
            Some(needs_path.to_owned()),
        ),
        (&by_prefix, json!({ "prefix": {} }), Some(format!("{one}none is"))),
        (
            &by_prefix,
            json!({ "prefix": { "defaultPrefix": "ENABLED", "value": "/" } }),
            Some(format!("{one}defaultPrefix and value are")),
        ),
        (
            &by_prefix,
            json!({ "prefix": { "value": "b" } }),
            Some("prefix.value: must start with a slash".to_owned()),
        ),
        (
            &by_path,
            json!({ "path": {} }),
            Some("path.exact: is required".to_owned()),
        ),
        (
            &by_path,
            json!({ "path": { "exact": "b" } }),
            Some("path.exact: must start with a slash".to_owned()),
        ),
    ] {
        for route in ["httpRoute", "http2Route"] {
            let mut rewriting = spec(Kind::GatewayRoute, route, request.clone());
            rewriting[route]["action"]["rewrite"] = rewrite.clone();
            let expected: Vec<_> = expected
                .iter()
                .map(|line| format!("spec.{route}.action.rewrite.{line}"))
                .collect();
            let expected: Vec<_> = expected.iter().map(String::as_str).collect();
            assert_violations(Kind::GatewayRoute, &rewriting, &expected);
        }
    }
}

/// Routes and gateway routes of HTTP and HTTP/2, which match alike.
fn http_routes() -> [(Kind, &'static str); 4] {
    [
        (Kind::Route, "httpRoute"),
        (Kind::Route, "http2Route"),
        (Kind::GatewayRoute, "httpRoute"),
        (Kind::GatewayRoute, "http2Route"),
    ]
}

/// A spec whose route has that match.
fn spec(kind: Kind, route: &str, request: Value) -> Value {
    let action = match kind {
        Kind::Route => json!({ "weightedTargets": [{ "virtualNode": "a", "weight": 1 }] }),
        _ => json!({ "target": { "virtualService": { "virtualServiceName": "a" } } }),
    };
    json!({ route: { "match": request, "action": action } })
}

#[track_caller]
fn assert_match(kind: Kind, route: &str, request: Value, expected: &[String]) {
    let lines: Vec<_> = expected
        .iter()
        .map(|line| format!("spec.{route}.match{line}"))
        .collect();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    assert_violations(kind, &spec(kind, route, request), &lines);
}
