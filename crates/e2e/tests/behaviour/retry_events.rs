//! Retry events: what each of them tries again, and what it does not.

use evermesh_e2e::{Answer, App, Asked, Call, Manifests, Tally, TaskSpec, World};
use futures::future::join_all;

use crate::one_server::{self, OneServer, route};

const SERVICE: &str = "http://svc.local:8080/";

/// A policy of two retries; `events` by their member of the API.
fn policy(events: &str) -> String {
    format!("retryPolicy: {{ maxRetries: 2, perRetryTimeout: {{ unit: s, value: 10 }}, {events} }},")
}

fn once(answer: Answer) -> impl Fn(&Asked) -> Answer + Send + Sync + 'static {
    move |asked| {
        if asked.number == 0 {
            answer.clone()
        } else {
            Answer::Echo
        }
    }
}

pub(crate) async fn of_http(mut world: World) {
    let OneServer { server, client } = OneServer::start(&mut world, &[9001]);
    let mut mesh = one_server::mesh("http", &[9001]);
    for event in ["server-error", "gateway-error", "client-error", "stream-error"] {
        let policy = policy(&format!("httpRetryEvents: [{event}]"));
        let matches = format!("prefix: /{event}");
        mesh = mesh.route("router", event, &route("httpRoute", &matches, 9001, &policy));
    }
    world.apply(mesh);
    let server_errors = [500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511];
    for (event, retried, not_retried) in [
        ("server-error", &server_errors[..], &[409, 429][..]),
        ("gateway-error", &[502, 503, 504], &[500, 501, 505, 409]),
        ("client-error", &[409], &[400, 404, 500, 503]),
        ("stream-error", &[], &[409, 500, 503]),
    ] {
        let url = format!("{SERVICE}{event}");
        for (statuses, requests) in [(retried, 2), (not_retried, 1)] {
            for status in statuses {
                server.app(9001).answer(once(Answer::Status(*status)));
                let seen = client.status(&url).await;
                assert_eq!(
                    seen,
                    if requests == 2 { 200 } else { *status },
                    "{event}: {status}"
                );
                assert_eq!(server.app(9001).requests(), requests, "{event}: {status}");
            }
        }
    }
}

/// A stream that the server's side resets is what `stream-error` is about, and a try that takes too long is one too. Errors
/// of servers and gateways include it.
pub(crate) async fn of_streams(mut world: World) {
    let server = world.task(TaskSpec::plain("server").app(App::http(9001)));
    let client = world.task(TaskSpec::node("client"));
    world.name("server.local", [&server]);
    world.name("svc.local", [&server]);
    let policy = |events: &str| {
        let policy = "retryPolicy: { maxRetries: 1, perRetryTimeout: { unit: s, value: 2 },";
        route(
            "httpRoute",
            "prefix: /",
            9001,
            &format!("{policy} httpRetryEvents: [{events}] }},"),
        )
    };
    let timeouts = || client.stat("cluster.cds_egress_m_server_http_9001.upstream_rq_per_try_timeout");
    for (number, event) in ["stream-error", "server-error", "gateway-error"]
        .into_iter()
        .enumerate()
    {
        world.apply(one_server::mesh("http", &[9001]).route("router", "route", &policy(event)));
        for failure in [Answer::Reset, Answer::Never] {
            server.app(9001).answer(once(failure));
            assert_eq!(client.status(SERVICE).await, 200, "{event}");
            assert_eq!(server.app(9001).requests(), 2, "{event}");
        }
        assert_eq!(timeouts(), number as u64 + 1, "{event}");
    }

    world.apply(Manifests::within("m").route("router", "route", &policy("client-error")));
    for (failure, status) in [(Answer::Reset, 503), (Answer::Never, 504)] {
        server.app(9001).answer(once(failure));
        assert_eq!(client.status(SERVICE).await, status);
        assert_eq!(server.app(9001).requests(), 1);
    }
}

pub(crate) async fn of_grpc(mut world: World) {
    let OneServer { server, client } = OneServer::start(&mut world, &[9001]);
    let events = [
        ("cancelled", 1),
        ("deadline-exceeded", 4),
        ("resource-exhausted", 8),
        ("internal", 13),
        ("unavailable", 14),
    ];
    let mut mesh = one_server::mesh("grpc", &[9001]);
    for (event, _) in events {
        let policy = policy(&format!("grpcRetryEvents: [{event}]"));
        let matches = format!("serviceName: color.Color, methodName: {event}");
        mesh = mesh.route("router", event, &route("grpcRoute", &matches, 9001, &policy));
    }
    world.apply(mesh);
    for (event, _) in events {
        let call = Call::grpc(&format!("http://svc.local:8080/color.Color/{event}"), b"");
        // Besides all that have an event of their own: not found.
        for (other, status) in events.into_iter().chain([("not-found", 5)]) {
            server.app(9001).answer(once(Answer::Grpc(status)));
            let reply = client.call(&call).await.expect("an answer");
            let (expected, requests) = if other == event { (0, 2) } else { (status, 1) };
            assert_eq!(reply.grpc_status(), Some(expected), "{event}: {other}");
            assert_eq!(server.app(9001).requests(), requests, "{event}: {other}");
        }
    }
}

/// A host that cannot be connected to is tried no second time while there is another: not by chance, for several calls
/// are made at a time, which take their turns with the hosts.
pub(crate) async fn of_connections(mut world: World) {
    const CALLS: usize = 20;
    const CONNECTIONS: usize = 8;
    let OneServer { server, client } = OneServer::start(&mut world, &[9001]);
    let nobody = world.task(TaskSpec::plain("nobody"));
    world.name("server.local", [&server, &nobody]);
    let route = |events: &str| {
        let policy = policy(events).replace("maxRetries: 2", "maxRetries: 1");
        route("httpRoute", "prefix: /", 9001, &policy)
    };
    let endpoints = one_server::server("http", &[9001], "").replace(
        "hostname: server.local",
        "hostname: server.local, responseType: ENDPOINTS",
    );
    world.apply(
        one_server::mesh("http", &[9001])
            .node("server", &endpoints)
            .route("router", "route", &route("tcpRetryEvents: [connection-error]")),
    );
    let call = Call::get(SERVICE);
    let all = join_all((0..CONNECTIONS).map(|_| client.calls(&call, CALLS))).await;
    all.iter().for_each(Tally::assert_no_failure);
    let failed = client.stat("cluster.cds_egress_m_server_http_9001.upstream_cx_connect_fail");
    assert!(failed > 0, "both hosts were tried");

    world.apply(Manifests::within("m").route("router", "route", &route("httpRetryEvents: [client-error]")));
    assert!(
        client.calls(&call, CALLS).await.failed() > 0,
        "without the event it fails where it fails"
    );
}
