//! What HTTP routes match requests by, and which of several routes takes one.

use evermesh_e2e::{Call, Manifests, MeshTask, World};

use crate::one_server::{self, OneServer};

const SERVICE: &str = "http://svc.local:8080";

fn get(path: &str) -> Call {
    Call::get(&format!("{SERVICE}{path}"))
}

fn get_with(path: &str, headers: &[(&str, &str)]) -> Call {
    headers
        .iter()
        .fold(get(path), |call, (name, value)| call.header(name, value))
}

/// Each condition has a route of its own and a path of its own, so that what it does not take is taken by nothing.
pub(crate) async fn every_condition(mut world: World) {
    let OneServer {
        client,
        server: _server,
    } = OneServer::start(&mut world, &[9001]);
    let mut mesh = one_server::mesh("http", &[9001]);
    for (name, matches) in [
        ("prefix", "prefix: /prefix"),
        ("exact", "path: { exact: /exact }"),
        ("regex", "path: { regex: '/regex/[0-9]+' }"),
        ("method", "prefix: /method, method: POST"),
        ("h-present", "prefix: /h/present, headers: [{ name: X-H }]"),
        (
            "h-absent",
            "prefix: /h/absent, headers: [{ name: X-H, invert: true }]",
        ),
        (
            "h-exact",
            "prefix: /h/exact, headers: [{ name: X-H, match: { exact: a } }]",
        ),
        (
            "h-prefix",
            "prefix: /h/prefix, headers: [{ name: X-H, match: { prefix: ab } }]",
        ),
        (
            "h-suffix",
            "prefix: /h/suffix, headers: [{ name: X-H, match: { suffix: yz } }]",
        ),
        (
            "h-regex",
            "prefix: /h/regex, headers: [{ name: X-H, match: { regex: 'a[0-9]+' } }]",
        ),
        (
            "h-range",
            "prefix: /h/range, headers: [{ name: X-H, match: { range: { start: 100, end: 150 } } }]",
        ),
        (
            "h-not",
            "prefix: /h/not, headers: [{ name: X-H, invert: true, match: { exact: a } }]",
        ),
        (
            "h-two",
            "prefix: /h/two, headers: [{ name: X-H }, { name: X-I, match: { exact: i } }]",
        ),
        ("q-present", "prefix: /q/present, queryParameters: [{ name: q }]"),
        (
            "q-exact",
            "prefix: /q/exact, queryParameters: [{ name: q, match: { exact: '1' } }]",
        ),
    ] {
        mesh = mesh.route("router", name, &one_server::route("httpRoute", matches, 9001, ""));
    }
    world.apply(mesh);

    let header = |path: &str, value: &str| get_with(path, &[("x-h", value)]);
    let taken = [
        get("/prefix"),
        get("/prefix/and/more?q=1"),
        get("/prefixed"),
        // Paths are compared in one form.
        get("/x/../prefix"),
        get("//exact"),
        get("/exact?q"),
        get("/regex/12?q"),
        get("/method").method("POST"),
        header("/h/present", "anything"),
        get("/h/absent"),
        header("/h/exact", "a"),
        header("/h/prefix", "abc"),
        header("/h/suffix", "xyz"),
        header("/h/regex", "a12"),
        header("/h/range", "100"),
        header("/h/range", "149"),
        header("/h/not", "b"),
        get_with("/h/two", &[("x-h", "h"), ("x-i", "i")]),
        get("/q/present?p&q"),
        get("/q/present?q=1"),
        get("/q/exact?p=2&q=1"),
    ];
    for call in &taken {
        assert_eq!(status(&client, call).await, 200, "{call:?}");
    }
    let not_taken = [
        get("/Prefix"),
        get("/exact/"),
        get("/exactly"),
        get("/regex/12/more"),
        get("/before/regex/12"),
        get("/method"),
        get("/h/present"),
        header("/h/absent", "anything"),
        get("/h/exact"),
        header("/h/exact", "A"),
        header("/h/exact", "ab"),
        header("/h/prefix", "xab"),
        header("/h/suffix", "yzx"),
        header("/h/regex", "a12b"),
        header("/h/range", "150"),
        header("/h/range", "99"),
        header("/h/range", "none"),
        header("/h/not", "a"),
        // What is not there has no other value.
        get("/h/not"),
        header("/h/two", "h"),
        get("/q/present?p=q"),
        get("/q/exact?q=2"),
        get("/q/exact?q"),
        get("/q/exact?q=2&q=1"),
    ];
    for call in &not_taken {
        assert_eq!(status(&client, call).await, 404, "{call:?}");
    }
}

/// Over HTTP/2 the caller says the scheme; over HTTP/1.1 `x-forwarded-proto` does, and else how it is connected.
pub(crate) async fn the_scheme(mut world: World) {
    let OneServer {
        client,
        server: _server,
    } = OneServer::start(&mut world, &[9001, 9002, 9003]);
    let route = |kind: &str, matches: &str, port: u16| one_server::route(kind, matches, port, "");
    world.apply(
        one_server::mesh("http", &[9001, 9002, 9003])
            .route(
                "router",
                "https",
                &route("httpRoute", "prefix: /, scheme: https", 9001),
            )
            .route(
                "router",
                "http",
                &route("http2Route", "prefix: /, scheme: http", 9002),
            )
            .route(
                "router",
                "header",
                &route(
                    "httpRoute",
                    "prefix: /header, headers: [{ name: ':scheme', match: { prefix: https } }]",
                    9003,
                ),
            ),
    );
    let plain = get("/");
    let forwarded = plain.clone().header("x-forwarded-proto", "https");
    let https = Call::get("https://svc.local:8080/").via("svc.local:8080").http2();
    for (call, port) in [
        (&plain, 9002),
        (&forwarded, 9001),
        (&forwarded.clone().path("/header"), 9003),
        (&https, 9001),
        (&https.clone().path("/header"), 9003),
        (&get("/header").http2(), 9002),
    ] {
        assert_eq!(port_of(&client, call).await, port, "{call:?}");
    }
}

/// Priority comes first, then the path, then how much else is asked for, then the name; and a new order is in force at
/// once.
pub(crate) async fn the_order_of_routes(mut world: World) {
    let ports = [9001, 9002, 9003, 9004, 9005, 9006];
    let OneServer {
        client,
        server: _server,
    } = OneServer::start(&mut world, &ports);
    let mut mesh = one_server::mesh("http", &ports);
    for (name, matches, port) in [
        ("a-all", "prefix: /", 9001),
        ("b-all-with-header", "prefix: /, headers: [{ name: x-h }]", 9002),
        ("c-prefix", "prefix: /a", 9003),
        ("d-longer-prefix", "prefix: /a/b", 9004),
        ("e-regex", "path: { regex: '/a/b/.' }", 9005),
        ("f-exact", "path: { exact: /a/b/c }", 9006),
    ] {
        mesh = mesh.route("router", name, &one_server::route("httpRoute", matches, port, ""));
    }
    world.apply(mesh);
    for (path, port) in [
        ("/", 9001),
        ("/a", 9003),
        ("/a/b", 9004),
        ("/a/b/x", 9005),
        ("/a/b/c", 9006),
        ("/a/b/c/d", 9004),
    ] {
        assert_eq!(port_of(&client, &get(path)).await, port, "{path}");
    }
    assert_eq!(port_of(&client, &get_with("/", &[("x-h", "")])).await, 9002);
    assert_eq!(port_of(&client, &get_with("/a", &[("x-h", "")])).await, 9003);

    let first = "{ priority: 0, httpRoute: { match: { prefix: / },
        action: { weightedTargets: [{ virtualNode: server, weight: 1, port: 9001 }] } } }";
    world.apply(Manifests::within("m").route("router", "a-all", first));
    assert_eq!(port_of(&client, &get("/a/b/c")).await, 9001);
    assert_eq!(world.diagnostics(), ["route-shadowed"; 5]);
}

async fn status(client: &MeshTask, call: &Call) -> u16 {
    let reply = client.call(call).await;
    reply
        .unwrap_or_else(|error| panic!("{call:?}: {error}"))
        .status
        .as_u16()
}

async fn port_of(client: &MeshTask, call: &Call) -> u16 {
    let reply = client.call(call).await;
    reply
        .unwrap_or_else(|error| panic!("{call:?}: {error}"))
        .seen()
        .port
}
