//! howto-http2: a client of HTTP/2 servers of three colors, weights that move, and retries that hide faults.

use evermesh_e2e::{Answer, App, Call, Manifests, TaskSpec, World, eventually};

const MESH: &str = "howto-http2-mesh";
const SERVER: &str = "http://color_server.howto-http2.local:8080/";
const CLIENT: &str = "http://color-client.howto-http2.local:8080/color";
const RED: &str = "cluster.cds_egress_howto-http2-mesh_color_server-red_http2_8080";
const CALLS: usize = 300;
/// Points by which a share of so many calls may be off.
const TOLERANCE: f64 = 11.0;

fn mesh() -> Manifests {
    let server = |color: &str| {
        format!(
            "{{ listeners: [{{ portMapping: {{ port: 8080, protocol: http2 }},
                healthCheck: {{ healthyThreshold: 2, intervalMillis: 5000,
                timeoutMillis: 2000, unhealthyThreshold: 3, port: 8080, path: /ping, protocol: http2 }} }}],
              serviceDiscovery: {{ dns: {{ hostname: {color}.howto-http2.local }} }} }}"
        )
    };
    Manifests::mesh(MESH, "{}")
        .node(
            "color_client",
            "{ backends: [{ virtualService: { virtualServiceName: color_server.howto-http2.local } }],
               listeners: [{ portMapping: { port: 8080, protocol: http } }],
               serviceDiscovery: { dns: { hostname: color-client.howto-http2.local } } }",
        )
        .node("color_server-red", &server("red"))
        .node("color_server-blue", &server("blue"))
        .node("color_server-green", &server("green"))
        .service_of_router("color_server.howto-http2.local", "virtual-router")
        .router(
            "virtual-router",
            "{ listeners: [{ portMapping: { port: 8080, protocol: http2 } }] }",
        )
        .route("virtual-router", "route", &route(&["red"], ""))
}

fn route(colors: &[&str], policy: &str) -> String {
    let targets = colors
        .iter()
        .map(|color| format!("{{ virtualNode: color_server-{color}, weight: 1 }}"));
    let targets: Vec<_> = targets.collect();
    format!(
        "{{ http2Route: {{ match: {{ prefix: / }}, {policy} action: {{ weightedTargets: [{}] }} }} }}",
        targets.join(", ")
    )
}

pub(crate) async fn replay(mut world: World) {
    let task =
        |name: &str, node: &str| TaskSpec::plain(name).sidecar(&format!("mesh/{MESH}/virtualNode/{node}"));
    let front = App::front(8080, Call::get(SERVER).http2());
    let client = world.task(task("client", "color_client").app(front));
    let red = world.task(task("red", "color_server-red").app(App::http(8080)));
    let blue = world.task(task("blue", "color_server-blue").app(App::http(8080)));
    let green = world.task(task("green", "color_server-green").app(App::http(8080)));
    let user = world.task(TaskSpec::plain("user"));
    world.name("color-client.howto-http2.local", [&client]);
    world.name("color_server.howto-http2.local", [&red, &blue, &green]);
    for (color, task) in [("red", &red), ("blue", &blue), ("green", &green)] {
        world.name(&format!("{color}.howto-http2.local"), [task]);
    }
    world.apply(mesh());

    let call = Call::get(CLIENT);
    for (colors, share) in [
        (vec!["red"], 100.0),
        (vec!["red", "blue"], 50.0),
        (vec!["blue"], 100.0),
        (vec!["red", "blue", "green"], 100.0 / 3.0),
    ] {
        world.apply(Manifests::within(MESH).route("virtual-router", "route", &route(&colors, "")));
        let answers = user.calls(&call, CALLS).await;
        answers.assert_no_failure();
        for color in colors {
            answers.assert_share(color, share, if share == 100.0 { 0.0 } else { TOLERANCE });
        }
    }

    let retries = "retryPolicy: { httpRetryEvents: [server-error],
                   maxRetries: 3, perRetryTimeout: { unit: s, value: 2 } },";
    world.apply(Manifests::within(MESH).route("virtual-router", "route", &route(&["red"], retries)));
    red.app(8080).answer(|asked| {
        // Half of the requests, never more than two in a row.
        if asked.path != "/ping" && matches!(asked.number % 4, 0 | 1) {
            Answer::Status(500)
        } else {
            Answer::Echo
        }
    });
    user.calls(&call, 40).await.assert_no_failure();
    assert!(client.stat(&format!("{RED}.upstream_rq_retry")) >= 40);
    assert!(client.stat(&format!("{RED}.upstream_rq_retry_success")) > 0);
    // The first check fails when the server's sidecar is not up yet; the next one comes after the interval.
    eventually("a health check succeeds", async || {
        client.stat(&format!("{RED}.health_check.success")) > 0
    })
    .await;
}
