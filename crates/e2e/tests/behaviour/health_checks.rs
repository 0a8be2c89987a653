//! Health checks of a virtual node's listeners, by its callers, and what follows for traffic.

use evermesh_e2e::{Answer, App, Call, Manifests, MeshTask, TaskSpec, World, eventually};

const CALLS: usize = 60;

fn mesh() -> Manifests {
    let listener = |port: u16, protocol: &str, check: &str| {
        format!(
            "{{ portMapping: {{ port: {port}, protocol: {protocol} }}, healthCheck: {{ healthyThreshold: 2,
                unhealthyThreshold: 2, intervalMillis: 5000, timeoutMillis: 2000, {check} }} }}"
        )
    };
    let listeners = [
        listener(8080, "http", "protocol: http, path: /ping?who"),
        listener(8081, "http2", "protocol: http2, path: /ping"),
        listener(8082, "grpc", "protocol: grpc"),
        listener(8083, "tcp", "protocol: tcp"),
        listener(8084, "http", "protocol: http2, port: 9000"),
    ];
    Manifests::mesh("m", "{}")
        .node("client", "{ backends: [{ virtualService: { virtualServiceName: svc.local } }] }")
        .service_of_node("svc.local", "server")
        .node(
            "server",
            &format!(
                "{{ listeners: [{}], serviceDiscovery: {{ dns: {{ hostname: server.local, responseType: ENDPOINTS }} }} }}",
                listeners.join(", ")
            ),
        )
}

/// A check that one of two tasks does not pass keeps traffic from it, until it does. While neither passes both get it.
pub(crate) async fn keep_traffic_from_tasks_that_are_not_well(mut world: World) {
    let both = |name: &str| {
        let task = TaskSpec::plain(name)
            .sidecar("mesh/m/virtualNode/server")
            .app(App::http(8080));
        task.app(App::http(8081)).app(App::http(8084))
    };
    let well = both("well")
        .app(App::http(8082))
        .app(App::tcp(8083))
        .app(App::http(9000).past_the_sidecar());
    let well = world.task(well);
    let unwell = world.task(both("unwell"));
    answer_pings(&unwell, 500);
    let client = world.task(TaskSpec::node("client"));
    world.name("server.local", [&well, &unwell]);
    world.name("svc.local", [&well]);
    world.apply(mesh());

    for (protocol, port) in [
        ("http", 8080),
        ("http2", 8081),
        ("grpc", 8082),
        ("tcp", 8083),
        ("http", 8084),
    ] {
        let cluster = format!("cluster.cds_egress_m_server_{protocol}_{port}");
        let stat = |name: &str| client.stat(&format!("{cluster}.{name}"));
        eventually(&format!("{cluster} knows who is well"), async || {
            stat("membership_total") == 2
                && stat("health_check.failure") > 0
                && stat("membership_healthy") == 1
                && stat("health_check.healthy") == 1
        })
        .await;
    }
    let calls = [
        Call::get("http://svc.local:8080/"),
        Call::get("http://svc.local:8081/").http2(),
        Call::grpc("http://svc.local:8082/pkg.Service/Method", b""),
        Call::get("http://svc.local:8084/"),
    ];
    for call in &calls {
        let tally = client.calls(call, CALLS).await;
        tally.assert_no_failure();
        assert_eq!(tally.of("well"), CALLS, "{tally:?}");
    }
    for _ in 0..CALLS {
        assert_eq!(client.says("svc.local:8083").await, "well\n");
    }

    answer_pings(&unwell, 200);
    let healthy = "cluster.cds_egress_m_server_http_8080.membership_healthy";
    eventually("the other one is well again", async || client.stat(healthy) == 2).await;
    eventually("it takes traffic", async || {
        client.calls(&calls[0], 2).await.of("unwell") == 1
    })
    .await;
    client
        .calls(&calls[0], CALLS)
        .await
        .assert_share("unwell", 50.0, 5.0);

    for task in [&well, &unwell] {
        answer_pings(task, 503);
    }
    // Envoy takes changes of health together that come within a second.
    let panics = "cluster.cds_egress_m_server_http_8080.lb_healthy_panic";
    eventually("nobody is well, and it does not matter", async || {
        client.calls(&calls[0], 1).await.assert_no_failure();
        client.stat(panics) > 0
    })
    .await;
    assert_eq!(client.stat(healthy), 0);
    let panic = client.calls(&calls[0], CALLS).await;
    panic.assert_no_failure();
    panic.assert_share("unwell", 50.0, 5.0);
    assert!(client.stat(panics) >= CALLS as u64);
}

/// What checks are answered from now on; everything else is answered well.
fn answer_pings(task: &MeshTask, status: u16) {
    for (port, path) in [(8080, "/ping?who"), (8081, "/ping")] {
        task.app(port).answer(move |asked| {
            let is_check = asked
                .headers
                .get("user-agent")
                .is_some_and(|agent| agent == "Envoy/HC");
            assert!(!is_check || asked.path == path, "a check asks for {}", asked.path);
            if is_check {
                Answer::Status(status)
            } else {
                Answer::Echo
            }
        });
    }
}
