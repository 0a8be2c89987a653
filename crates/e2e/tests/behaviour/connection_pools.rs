//! Connection pools of a virtual node's listeners: what the application gets at a time, by every protocol.

use std::time::Duration;

use evermesh_e2e::{Answer, App, Call, Manifests, TaskSpec, World, eventually};
use futures::future::{join_all, select};

fn mesh() -> Manifests {
    let listener = |port: u16, protocol: &str, pool: &str| {
        format!(
            "{{ portMapping: {{ port: {port}, protocol: {protocol} }}, connectionPool: {{ {protocol}: {pool} }} }}"
        )
    };
    let listeners = [
        listener(8080, "http", "{ maxConnections: 1, maxPendingRequests: 1 }"),
        listener(8081, "http2", "{ maxRequests: 1 }"),
        listener(8082, "grpc", "{ maxRequests: 1 }"),
        listener(8083, "tcp", "{ maxConnections: 1 }"),
    ];
    Manifests::mesh("m", "{}")
        .node(
            "client",
            "{ backends: [{ virtualService: { virtualServiceName: svc.local } }] }",
        )
        .service_of_node("svc.local", "server")
        .node(
            "server",
            &format!(
                "{{ listeners: [{}], serviceDiscovery: {{ dns: {{ hostname: server.local }} }} }}",
                listeners.join(", ")
            ),
        )
}

/// One call is with the application, and where the protocol has a queue one is in it: the next one is refused.
pub(crate) async fn bound_what_the_application_gets(mut world: World) {
    let server = TaskSpec::node("server").app(App::http(8080)).app(App::http(8081));
    let server = world.task(server.app(App::http(8082)).app(App::tcp(8083)));
    let client = world.task(TaskSpec::node("client"));
    world.name("server.local", [&server]);
    world.name("svc.local", [&server]);
    world.apply(mesh());

    let grpc = Call::grpc("http://svc.local:8082/pkg.Service/Method", b"");
    for (port, protocol, call, most, gauge) in [
        (
            8080,
            "http",
            Call::get("http://svc.local:8080/"),
            2,
            "rq_pending_open",
        ),
        (
            8081,
            "http2",
            Call::get("http://svc.local:8081/").http2(),
            1,
            "rq_open",
        ),
        (8082, "grpc", grpc, 1, "rq_open"),
    ] {
        let pool = format!("cluster.cds_ingress_m_server_{protocol}_{port}");
        server.app(port).answer(|_| Answer::Never);
        let call = call.within(Duration::from_secs(120));
        let held = join_all((0..most).map(|_| client.call(&call)));
        let checked = async {
            eventually("the pool is full", async || {
                server.stat(&format!("{pool}.circuit_breakers.default.{gauge}")) == 1
            })
            .await;
            let refused = client.call(&call).await.expect("a refusal is an answer");
            assert!(
                refused.status == 503 || refused.grpc_status() == Some(14),
                "{protocol}: {refused:?}"
            );
            assert_eq!(server.app(port).requests(), 1, "{protocol}");
            // Which of its statistics counts the refusal depends on the version of Envoy.
            let overflows = server.stats(&format!("{pool}.upstream_rq"));
            let overflows = overflows.iter().filter(|(name, _)| name.ends_with("_overflow"));
            assert!(overflows.map(|(_, count)| count).sum::<u64>() > 0, "{protocol}");
        };
        select(Box::pin(held), Box::pin(checked)).await;
    }

    let first = client
        .tcp("svc.local:8083")
        .await
        .expect("the first connection fits");
    let pool = "cluster.cds_ingress_m_server_tcp_8083";
    eventually("the pool is full", async || {
        server.stat(&format!("{pool}.circuit_breakers.default.cx_open")) == 1
    })
    .await;
    assert_eq!(
        client.says("svc.local:8083").await,
        "",
        "the second connection is closed"
    );
    assert!(server.stat(&format!("{pool}.upstream_cx_overflow")) > 0);
    drop(first);
    eventually("there is room again", async || {
        client.says("svc.local:8083").await == "server\n"
    })
    .await;
}
