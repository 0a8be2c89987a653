//! Timeouts of routes and listeners, and what is not cut when they are disabled.
//!
//! Limits that are to be hit are shorter than what is waited for, by the server's own clock; all others are far or off.

use std::time::Duration;

use evermesh_e2e::{Answer, App, Call, Manifests, MeshTask, TaskSpec, World, eventually};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::one_server::{self, OneServer, route, server};

const SERVICE: &str = "http://svc.local:8080/";
/// Longer than the limits that are hit, shorter than the others.
const SLOW: Duration = Duration::from_millis(1500);
const UPSTREAM_TIMEOUT: &str = "upstream request timeout";

/// What a timeout is set to.
fn limits(per_request: &str, idle: &str) -> String {
    let one = |name: &str, value: &str| match value {
        "" => String::new(),
        millis => format!("{name}: {{ unit: ms, value: {millis} }},"),
    };
    format!("{{ {} {} }}", one("perRequest", per_request), one("idle", idle))
}

fn http(per_request: &str, idle: &str) -> String {
    route(
        "httpRoute",
        "prefix: /",
        9001,
        &format!("timeout: {},", limits(per_request, idle)),
    )
}

fn listener(protocol: &str, per_request: &str) -> String {
    let timeout = format!("timeout: {{ {protocol}: {} }}", limits(per_request, ""));
    server(protocol, &[9001], &timeout)
}

/// The limit of a request holds until its answer is complete; 0 is no limit, on the route as on the listener.
pub(crate) async fn of_requests(mut world: World) {
    let OneServer { server, client } = OneServer::start(&mut world, &[9001]);
    world.apply(one_server::mesh("http", &[9001]).route("router", "route", &http("1000", "")));
    server.app(9001).answer(|_| Answer::Echo.after(SLOW));
    let reply = client.call(&Call::get(SERVICE)).await.expect("an answer");
    assert_eq!(
        (reply.status.as_u16(), reply.text().as_str()),
        (504, UPSTREAM_TIMEOUT)
    );
    assert_eq!(
        client.stat("cluster.cds_egress_m_server_http_9001.upstream_rq_timeout"),
        1
    );

    world.apply(Manifests::within("m").route("router", "route", &http("0", "")));
    assert_eq!(client.status(SERVICE).await, 200);

    world.apply(Manifests::within("m").node("server", &listener("http", "1000")));
    assert_eq!(client.status(SERVICE).await, 504);
    assert_eq!(
        server.stat("cluster.cds_ingress_m_server_http_9001.upstream_rq_timeout"),
        1
    );
    world.apply(Manifests::within("m").node("server", &listener("http", "0")));
    assert_eq!(client.status(SERVICE).await, 200);
}

/// A stream of which nothing comes for too long is ended, however long it may take as a whole.
pub(crate) async fn of_quiet_streams(mut world: World) {
    let OneServer { server, client } = OneServer::start(&mut world, &[9001]);
    world.apply(one_server::mesh("http", &[9001]).route("router", "route", &http("0", "1000")));
    server.app(9001).answer(|_| Answer::Never);
    let reply = client.call(&Call::get(SERVICE)).await.expect("an answer");
    assert_eq!(
        (reply.status.as_u16(), reply.text().as_str()),
        (504, "stream timeout")
    );

    world.apply(Manifests::within("m").route("router", "route", &http("0", "0")));
    server.app(9001).answer(|_| Answer::Echo.after(SLOW));
    assert_eq!(client.status(SERVICE).await, 200);

    server.app(9001).answer(|_| Answer::Never);
    let limited = one_server::server(
        "http",
        &[9001],
        &format!("timeout: {{ http: {} }}", limits("0", "1000")),
    );
    world.apply(Manifests::within("m").node("server", &limited));
    let reply = client.call(&Call::get(SERVICE)).await.expect("an answer");
    assert_eq!(
        (reply.status.as_u16(), reply.text().as_str()),
        (504, "stream timeout")
    );
    assert_eq!(server.stat("http.ingress.downstream_rq_idle_timeout"), 1);
}

/// Events, messages and websockets go on for longer than a request may take, if that is not limited.
pub(crate) async fn streams_are_not_cut_without_a_limit(mut world: World) {
    let OneServer { server, client } = OneServer::start(&mut world, &[9001]);
    let unlimited = listener("http", "0");
    world.apply(
        one_server::mesh("http", &[9001])
            .node("server", &unlimited)
            .route("router", "route", &http("1000", "")),
    );
    let pieces = 5;
    let events = move || Answer::Stream {
        count: pieces,
        pause: SLOW / 4,
    };
    server.app(9001).answer(move |_| events());
    assert!(
        client.call(&Call::get(SERVICE)).await.is_err(),
        "a limit of 1 s cuts the stream"
    );

    world.apply(Manifests::within("m").route("router", "route", &http("0", "")));
    let reply = client.call(&Call::get(SERVICE)).await.expect("a whole answer");
    assert_eq!(reply.text().matches("data:").count(), pieces);
    websocket_goes_on(&client).await;

    server.app(9001).answer(move |_| events());
    let grpc = |per_request: &str| {
        let timeout = format!("timeout: {},", limits(per_request, ""));
        route("grpcRoute", "serviceName: color.Color", 9001, &timeout)
    };
    let call = Call::grpc("http://svc.local:8080/color.Color/Watch", b"");
    let mesh = || Manifests::mesh("m", "{}").node("server", &listener("grpc", "0"));
    let router = "{ listeners: [{ portMapping: { port: 8080, protocol: grpc } }] }";
    world.apply(
        mesh()
            .router("router", router)
            .route("router", "route", &grpc("0")),
    );
    let reply = client.call(&call).await.expect("a whole answer");
    assert_eq!((reply.grpc_status(), reply.messages().len()), (Some(0), pieces));
    world.apply(Manifests::within("m").route("router", "route", &grpc("1000")));
    let whole = client
        .call(&call)
        .await
        .is_ok_and(|reply| reply.grpc_status() == Some(0));
    assert!(!whole, "a limit of 1 s cuts the stream");
}

/// What is sent comes back, also after longer than a request may take where nothing is said.
async fn websocket_goes_on(client: &MeshTask) {
    let call = Call::get(SERVICE)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let mut connection = client.connect(&call).await.expect("a connection");
    let response = connection.start(&call).await.expect("an answer");
    assert_eq!(response.status(), 101);
    let mut socket = TokioIo::new(hyper::upgrade::on(response).await.expect("an upgrade"));
    for _ in 0..5 {
        tokio::time::sleep(SLOW / 4).await;
        socket.write_all(b"ping").await.expect("the socket is open");
        let mut pong = [0; 4];
        socket.read_exact(&mut pong).await.expect("the socket is open");
        assert_eq!(&pong, b"ping");
    }
}

/// A gateway waits as long as the slowest route of the service lets it, and no longer.
pub(crate) async fn of_gateways_are_those_of_the_service(mut world: World) {
    let OneServer { server, .. } = OneServer::start(&mut world, &[9001]);
    let gateway = world.task(TaskSpec::gateway("gw"));
    let user = world.task(TaskSpec::plain("user"));
    world.name("gateway.local", [&gateway]);
    let slow = format!("timeout: {},", limits("1500", ""));
    let slow = route("httpRoute", "prefix: /slow", 9001, &slow);
    world.apply(
        one_server::mesh("http", &[9001])
            .route("router", "slow", &slow)
            .route("router", "fast", &http("500", ""))
            .gateway(
                "gw",
                "{ listeners: [{ portMapping: { port: 8080, protocol: http } }] }",
            )
            .gateway_route(
                "gw",
                "all",
                "{ httpRoute: { match: { prefix: / },
                    action: { target: { virtualService: { virtualServiceName: svc.local } } } } }",
            ),
    );
    let timeouts = |dump: &serde_json::Value| {
        let text = dump.to_string();
        ["\"timeout\":\"1.500s\"", "\"timeout\":\"0.500s\""].map(|limit| text.matches(limit).count())
    };
    // By the gateway's own listener; and in its egress, by host and by header, on the port and on the egress port.
    assert_eq!(timeouts(&gateway.config_dump()), [1 + 3, 3]);

    server
        .app(9001)
        .answer(|_| Answer::Echo.after(Duration::from_millis(1000)));
    assert_eq!(user.status("http://gateway.local:8080/fast").await, 504);
    server.app(9001).answer(|_| Answer::Never);
    assert_eq!(user.status("http://gateway.local:8080/slow").await, 504);
}

/// A connection on which nothing comes for too long is closed; one without that limit is not.
pub(crate) async fn of_quiet_connections(mut world: World) {
    let server = world.task(TaskSpec::node("server").app(App::tcp(9001)).app(App::tcp(9002)));
    let client = world.task(TaskSpec::node("client"));
    for name in ["server.local", "limited.local", "unlimited.local"] {
        world.name(name, [&server]);
    }
    let tcp = |port: u16| format!("{{ listeners: [{{ portMapping: {{ port: {port}, protocol: tcp }} }}] }}");
    let route = |port: u16, idle: &str| {
        format!(
            "{{ tcpRoute: {{ timeout: {}, action: {{ weightedTargets: [{{ virtualNode: server, weight: 1, port: {port} }}] }} }} }}",
            limits("", idle)
        )
    };
    world.apply(
        Manifests::mesh("m", "{}")
            .node(
                "client",
                "{ backends: [{ virtualService: { virtualServiceName: limited.local } },
                              { virtualService: { virtualServiceName: unlimited.local } }] }",
            )
            .node("server", &one_server::server("tcp", &[9001, 9002], ""))
            .service_of_router("limited.local", "limited")
            .router("limited", &tcp(9001))
            .route("limited", "route", &route(9001, "500"))
            .service_of_router("unlimited.local", "unlimited")
            .router("unlimited", &tcp(9002))
            .route("unlimited", "route", &route(9002, "0")),
    );
    let mut unlimited = client.tcp("unlimited.local:9002").await.expect("a connection");
    let mut limited = client.tcp("limited.local:9001").await.expect("a connection");
    for connection in [&mut unlimited, &mut limited] {
        echoes(connection).await;
    }
    let mut rest = Vec::new();
    limited.read_to_end(&mut rest).await.expect("an orderly end");
    eventually("the proxy closed it for being quiet", async || {
        client.stat("tcp.egress.idle_timeout") == 1
    })
    .await;
    echoes(&mut unlimited).await;

    let limited = one_server::server(
        "tcp",
        &[9001, 9002],
        &format!("timeout: {{ tcp: {} }}", limits("", "500")),
    );
    world.apply(Manifests::within("m").node("server", &limited));
    let mut limited = client.tcp("unlimited.local:9002").await.expect("a connection");
    echoes(&mut limited).await;
    limited.read_to_end(&mut rest).await.expect("an orderly end");
    eventually("the server's proxy closed it for being quiet", async || {
        server.stat("tcp.ingress.tcp.9002.idle_timeout") == 1
    })
    .await;
}

/// A server of TCP sends back what it gets.
pub(crate) async fn echoes(connection: &mut tokio::net::TcpStream) {
    connection.write_all(b"x").await.expect("the connection is open");
    let mut byte = [0];
    while byte != *b"x" {
        connection
            .read_exact(&mut byte)
            .await
            .expect("the connection is open");
    }
}
