//! Which routes take all that others would: pairs of matches, as the API has them.

use evermesh_model::Manifest;
use evermesh_model::spec::Spec;
use serde_json::{Value, json};

use super::{Contender, covers, literal_start, shadowed};
use crate::matching;
use crate::view::RequestMatch;

/// What a gateway route with this match takes; a `scheme` is the one thing that only routes match.
fn request(matches: &Value) -> RequestMatch {
    let mut rest = matches.clone();
    let scheme = rest
        .as_object_mut()
        .expect("a match is an object")
        .remove("scheme");
    let target = json!({ "target": { "virtualService": { "virtualServiceName": "s" } } });
    let document = json!({ "meshName": "m", "virtualGatewayName": "g", "gatewayRouteName": "r",
        "spec": { "httpRoute": { "match": rest, "action": target } } });
    let manifest = Manifest::from_value(&document, "123456789012").expect("a test's match is valid");
    let Spec::GatewayRoute(spec) = manifest.spec else {
        panic!("a gateway route is one")
    };
    RequestMatch {
        scheme: scheme.map(|scheme| scheme.as_str().expect("a string").to_owned()),
        ..matching::gateway_http(&spec.http_route.expect("it is HTTP").r#match)
    }
}

#[track_caller]
fn check(taken: bool, pairs: &[(Value, Value)]) {
    for (first, second) in pairs {
        assert_eq!(
            covers(&request(first), &request(second)),
            taken,
            "{first} before {second}"
        );
    }
}

fn header(condition: &Value) -> Value {
    json!({ "headers": [condition] })
}

#[test]
fn what_begins_like_another_is_taken_by_it() {
    let regex = |pattern: &str| json!({ "path": { "regex": pattern } });
    let exact = |path: &str| json!({ "path": { "exact": path } });
    let prefix = |path: &str| json!({ "prefix": path });
    check(
        true,
        &[
            (prefix("/"), json!({})),
            (prefix("/"), exact("/a")),
            (prefix("/a"), prefix("/a/b")),
            (prefix("/a"), prefix("/ab")),
            (prefix("/a"), regex("/a/[0-9]+")),
            (prefix("/a.b"), regex("^/a\\.b.*")),
            (exact("/a"), exact("/a")),
            (regex("/(a|b)"), regex("/(a|b)")),
        ],
    );
    check(
        false,
        &[
            (prefix("/a"), json!({})),
            (prefix("/a/"), prefix("/a")),
            (prefix("/a"), exact("/A")),
            (prefix("/ab"), regex("/ab?")),
            (prefix("/"), regex(".*")),
            (prefix("/a"), regex("/a|/b")),
            (prefix("/a"), regex("(?i)/a")),
            (exact("/a"), prefix("/a")),
            (exact("/a"), regex("/a")),
            (regex("/.*"), exact("/a")),
        ],
    );
}

#[test]
fn what_asks_for_less_takes_what_asks_for_more() {
    let present = header(&json!({ "name": "X" }));
    let absent = header(&json!({ "name": "x", "invert": true }));
    let exact = |value: &str| header(&json!({ "name": "x", "match": { "exact": value } }));
    let prefix = |value: &str| header(&json!({ "name": "x", "match": { "prefix": value } }));
    let suffix = |value: &str| header(&json!({ "name": "x", "match": { "suffix": value } }));
    let regex = header(&json!({ "name": "x", "match": { "regex": "a.*" } }));
    let range = |start: i64, end: i64| {
        header(&json!({ "name": "x", "match": { "range": { "start": start, "end": end } } }))
    };
    let not = |mut other: Value| {
        other["headers"][0]["invert"] = json!(true);
        other
    };
    check(
        true,
        &[
            (json!({}), exact("a")),
            (json!({}), absent.clone()),
            (present.clone(), exact("a")),
            (present.clone(), not(exact("a"))),
            (prefix("a"), exact("ab")),
            (prefix("a"), prefix("ab")),
            (suffix("b"), exact("ab")),
            (suffix("b"), suffix("ab")),
            (range(1, 9), exact("8")),
            (range(1, 9), range(2, 9)),
            (not(exact("ab")), not(prefix("a"))),
            (not(range(2, 3)), not(range(1, 9))),
            (regex.clone(), regex.clone()),
            (absent.clone(), absent.clone()),
            (
                header(&json!({ "name": ":method", "match": { "exact": "GET" } })),
                json!({ "method": "GET" }),
            ),
            (
                json!({ "scheme": "https" }),
                header(&json!({ "name": ":scheme", "match": { "exact": "https" } })),
            ),
        ],
    );
    check(
        false,
        &[
            (exact("a"), json!({})),
            (present.clone(), absent.clone()),
            (absent.clone(), present.clone()),
            (absent, not(exact("a"))),
            (exact("a"), present),
            (prefix("ab"), prefix("a")),
            (suffix("ab"), prefix("ab")),
            (range(1, 9), exact("9")),
            (range(1, 9), exact("x")),
            (range(2, 9), range(1, 9)),
            (not(prefix("a")), not(exact("ab"))),
            // A request may have the header twice.
            (not(exact("a")), exact("b")),
            (exact("a"), not(exact("b"))),
            (regex, exact("ab")),
            (json!({ "method": "GET" }), json!({ "method": "POST" })),
            (json!({ "scheme": "https" }), json!({ "scheme": "http" })),
        ],
    );
}

#[test]
fn hosts_and_query_parameters_narrow_a_match() {
    let host = |kind: &str, name: &str| json!({ "hostname": { kind: name } });
    let query = |parameter: Value| json!({ "queryParameters": [parameter] });
    let any = query(json!({ "name": "a" }));
    let one = query(json!({ "name": "a", "match": { "exact": "1" } }));
    check(
        true,
        &[
            (json!({}), host("exact", "a.example")),
            (host("exact", "A.example"), host("exact", "a.EXAMPLE")),
            (host("suffix", ".example"), host("exact", "a.example")),
            (host("suffix", "example"), host("suffix", ".example")),
            (any.clone(), one.clone()),
            (one.clone(), one.clone()),
        ],
    );
    check(
        false,
        &[
            (host("exact", "a.example"), json!({})),
            (host("exact", "a.example"), host("suffix", "a.example")),
            (host("suffix", ".example"), host("exact", "example")),
            (host("suffix", ".example"), host("suffix", "example")),
            (one.clone(), any.clone()),
            (any, query(json!({ "name": "b" }))),
            (one, query(json!({ "name": "a", "match": { "exact": "2" } }))),
        ],
    );
}

#[test]
fn a_route_is_shadowed_only_where_it_could_be_reached() {
    let (all, some) = (request(&json!({})), request(&json!({ "prefix": "/a" })));
    let route = |port: Option<u16>, matches| Contender { port, matches };
    let ports = [80, 81];
    let one = [route(None, &all), route(Some(80), &some)];
    assert_eq!(shadowed(&ports, &one), [(1, 0)]);
    let half = [route(Some(80), &all), route(None, &some)];
    assert_eq!(shadowed(&ports, &half), []);
    let together = [route(Some(80), &all), route(Some(81), &all), route(None, &some)];
    assert_eq!(shadowed(&ports, &together), [(2, 0)]);
    let nowhere = [route(None, &all), route(Some(82), &some)];
    assert_eq!(shadowed(&ports, &nowhere), []);
}

#[test]
fn the_beginning_of_a_pattern_is_taken_literally_as_far_as_it_is_literal() {
    for (pattern, literal) in [
        ("/a/b", "/a/b"),
        ("^/a$", "/a"),
        ("/a\\.b\\d", "/a.b"),
        ("/ab*", "/a"),
        ("/ab+", "/a"),
        ("/ab{2}", "/a"),
        ("/a\\.?", "/a"),
        ("/a(b)", "/a"),
        ("/a[b]", "/a"),
        ("/\\Qa.b\\E", "/"),
        ("/a|b", ""),
        ("é?/", ""),
    ] {
        assert_eq!(literal_start(pattern), literal, "{pattern}");
    }
}
