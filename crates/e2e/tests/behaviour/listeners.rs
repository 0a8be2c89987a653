//! Several listeners: of nodes, of routers and of gateways, each with a protocol, routes and statistics of its own.

use evermesh_e2e::{App, Call, Manifests, TaskSpec, World};

use crate::one_server::{self, OneServer, route};

/// A node with listeners of two protocols behind a router with as many, and a route of each port.
pub(crate) async fn of_routers_and_nodes(mut world: World) {
    let OneServer { server, client } = OneServer::start(&mut world, &[9001, 9002]);
    let port =
        |port: u16, protocol: &str| format!("{{ portMapping: {{ port: {port}, protocol: {protocol} }} }}");
    let node = format!(
        "{{ listeners: [{}, {}], serviceDiscovery: {{ dns: {{ hostname: server.local }} }} }}",
        port(9001, "http"),
        port(9002, "grpc")
    );
    let router = format!(
        "{{ listeners: [{}, {}] }}",
        port(8080, "http"),
        port(8081, "grpc")
    );
    world.apply(
        one_server::mesh("http", &[9001])
            .node("server", &node)
            .router("router", &router)
            .route(
                "router",
                "http",
                &route("httpRoute", "prefix: /, port: 8080", 9001, ""),
            )
            .route("router", "grpc", &route("grpcRoute", "port: 8081", 9002, "")),
    );
    let http = client
        .call(&Call::get("http://svc.local:8080/"))
        .await
        .expect("an answer");
    assert_eq!(http.seen().port, 9001);
    let call = Call::grpc("http://svc.local:8081/color.Color/Get", b"");
    let grpc = client.call(&call).await.expect("an answer");
    assert_eq!((grpc.grpc_status(), grpc.seen().port), (Some(0), 9002));
    for (listener, requests) in [("http.9001", 1), ("grpc.9002", 1)] {
        let stat = format!("http.ingress.{listener}.downstream_rq_total");
        assert_eq!(server.stat(&stat), requests, "{stat}");
    }
}

/// A gateway with listeners of two protocols in front of a service with two ports; one route of each listener, and one
/// of both.
pub(crate) async fn of_gateways(mut world: World) {
    let server = TaskSpec::plain("server")
        .app(App::http(9001))
        .app(App::http(9002));
    let server = world.task(server);
    let gateway = world.task(TaskSpec::gateway("gw"));
    let user = world.task(TaskSpec::plain("user"));
    world.name("svc.local", [&server]);
    world.name("gateway.local", [&gateway]);
    let gateway_route = |kind: &str, matches: &str, port: u16| {
        format!(
            "{{ {kind}: {{ match: {{ {matches} }},
                action: {{ target: {{ virtualService: {{ virtualServiceName: svc.local }}, port: {port} }} }} }} }}"
        )
    };
    world.apply(
        Manifests::mesh("m", "{}")
            .node(
                "server",
                "{ listeners: [{ portMapping: { port: 9001, protocol: http } },
                               { portMapping: { port: 9002, protocol: http2 } }],
                   serviceDiscovery: { dns: { hostname: svc.local } } }",
            )
            .service_of_node("svc.local", "server")
            .gateway(
                "gw",
                "{ listeners: [{ portMapping: { port: 8080, protocol: http } },
                               { portMapping: { port: 8081, protocol: http2 } }] }",
            )
            .gateway_route(
                "gw",
                "first",
                &gateway_route("httpRoute", "prefix: /, port: 8080", 9001),
            )
            .gateway_route(
                "gw",
                "second",
                &gateway_route("http2Route", "prefix: /, port: 8081", 9002),
            )
            .gateway_route("gw", "both", &gateway_route("httpRoute", "prefix: /both", 9002)),
    );
    let get = |url: &str| Call::get(&format!("http://gateway.local:{url}"));
    for (call, port, version) in [
        (get("8080/"), 9001, "HTTP/1.1"),
        (get("8080/both"), 9002, "HTTP/2.0"),
        (get("8081/").http2(), 9002, "HTTP/2.0"),
        (get("8081/both").http2(), 9002, "HTTP/2.0"),
    ] {
        let seen = user.call(&call).await.expect("an answer").seen();
        assert_eq!((seen.port, seen.version.as_str()), (port, version), "{call:?}");
    }
    for listener in ["http.8080", "http2.8081"] {
        let stat = format!("http.ingress.{listener}.downstream_rq_total");
        assert_eq!(gateway.stat(&stat), 2, "{stat}");
    }
}
