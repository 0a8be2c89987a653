//! howto-grpc: a gRPC service of which one method is routed, then all, and retries that hide faults.

use evermesh_e2e::{Answer, App, Call, Manifests, TaskSpec, World, eventually};

const MESH: &str = "howto-grpc-mesh";
const GET_COLOR: &str = "http://color_server.howto-grpc.local:8080/color.ColorService/GetColor";
const SET_COLOR: &str = "http://color_server.howto-grpc.local:8080/color.ColorService/SetColor";
const SERVER: &str = "cluster.cds_egress_howto-grpc-mesh_color_server_grpc_8080";
const UNIMPLEMENTED: u32 = 12;
const INTERNAL: u32 = 13;

fn mesh() -> Manifests {
    Manifests::mesh(MESH, "{}")
        .node(
            "color_client",
            "{ backends: [{ virtualService: { virtualServiceName: color_server.howto-grpc.local } }],
               listeners: [{ portMapping: { port: 8080, protocol: http } }],
               serviceDiscovery: { dns: { hostname: color_client.howto-grpc.local } } }",
        )
        .node(
            "color_server",
            "{ listeners: [{ portMapping: { port: 8080, protocol: grpc },
                 healthCheck: { healthyThreshold: 2, intervalMillis: 5000,
                 timeoutMillis: 2000, unhealthyThreshold: 3, port: 8080, protocol: grpc } }],
               serviceDiscovery: { dns: { hostname: server.howto-grpc.local } } }",
        )
        .service_of_router("color_server.howto-grpc.local", "virtual-router")
        .router(
            "virtual-router",
            "{ listeners: [{ portMapping: { port: 8080, protocol: grpc } }] }",
        )
        .route(
            "virtual-router",
            "route",
            &route("serviceName: color.ColorService, methodName: GetColor", ""),
        )
}

fn route(matches: &str, policy: &str) -> String {
    format!(
        "{{ grpcRoute: {{ match: {{ {matches} }}, {policy}
            action: {{ weightedTargets: [{{ virtualNode: color_server, weight: 100 }}] }} }} }}"
    )
}

pub(crate) async fn replay(mut world: World) {
    let task =
        |name: &str, node: &str| TaskSpec::plain(name).sidecar(&format!("mesh/{MESH}/virtualNode/{node}"));
    let client = world.task(task("client", "color_client"));
    let server = world.task(task("server", "color_server").app(App::http(8080)));
    world.name("color_server.howto-grpc.local", [&server]);
    world.name("server.howto-grpc.local", [&server]);
    world.apply(mesh());

    let (get, set) = (Call::grpc(GET_COLOR, b""), Call::grpc(SET_COLOR, b"blue"));
    let got = client.call(&get).await.expect("an answer");
    assert_eq!((got.grpc_status(), got.seen().app.as_str()), (Some(0), "server"));
    let refused = client.call(&set).await.expect("an answer");
    assert_eq!(refused.grpc_status(), Some(UNIMPLEMENTED));

    let all = "serviceName: color.ColorService";
    world.apply(Manifests::within(MESH).route("virtual-router", "route", &route(all, "")));
    assert_eq!(client.call(&set).await.expect("an answer").grpc_status(), Some(0));

    let retries = "retryPolicy: { grpcRetryEvents: [internal],
                   maxRetries: 3, perRetryTimeout: { unit: s, value: 2 } },";
    server.app(8080).answer(|asked| {
        // Half of the calls, never more than two in a row.
        if matches!(asked.number % 4, 0 | 1) {
            Answer::Grpc(INTERNAL)
        } else {
            Answer::Echo
        }
    });
    let faulty = client.calls(&get, 20).await;
    assert_eq!(faulty.failed(), 10, "{faulty:?}");
    world.apply(Manifests::within(MESH).route("virtual-router", "route", &route(all, retries)));
    client.calls(&get, 40).await.assert_no_failure();
    assert!(client.stat(&format!("{SERVER}.upstream_rq_retry")) >= 40);
    assert!(client.stat(&format!("{SERVER}.upstream_rq_retry_success")) > 0);
    // The first check fails when the server's sidecar is not up yet; the next one comes after the interval.
    eventually("a health check succeeds", async || {
        client.stat(&format!("{SERVER}.health_check.success")) > 0
    })
    .await;
}
