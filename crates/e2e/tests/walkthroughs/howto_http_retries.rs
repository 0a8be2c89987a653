//! howto-http-retries: a service that fails for a while, without a policy, with one, and with the default one.
//!
//! The walkthrough's service fails for a second, or for a moment. Here it fails a number of times instead, which the
//! pauses between tries cannot make more or less.

use evermesh_e2e::{Answer, App, Asked, Call, Manifests, TaskSpec, World};

const MESH: &str = "howto-http-retries";
const FRONT: &str = "http://front.howto-http-retries.local:8080/";
const COLOR: &str = "http://color.howto-http-retries.local:8080/";
const HEALTH_CHECK: &str = "{ protocol: http, path: /ping, healthyThreshold: 2,
    unhealthyThreshold: 2, timeoutMillis: 2000, intervalMillis: 5000 }";

fn mesh() -> Manifests {
    let listener =
        format!("{{ portMapping: {{ port: 8080, protocol: http }}, healthCheck: {HEALTH_CHECK} }}");
    let node = |host: &str, backends: &str| {
        format!(
            "{{ listeners: [{listener}], backends: [{backends}],
               serviceDiscovery: {{ dns: {{ hostname: {host} }} }} }}"
        )
    };
    let color = "{ virtualService: { virtualServiceName: color.howto-http-retries.local } }";
    Manifests::mesh(MESH, "{}")
        .node("front-node", &node("front.howto-http-retries.local", color))
        .node("blue-node", &node("blue.howto-http-retries.local", ""))
        .service_of_router("color.howto-http-retries.local", "color-router")
        .router(
            "color-router",
            "{ listeners: [{ portMapping: { port: 8080, protocol: http } }] }",
        )
        .route("color-router", "color-route-blue", &route(1000, ""))
}

fn route(priority: u32, policy: &str) -> String {
    format!(
        "{{ priority: {priority}, httpRoute: {{ match: {{ prefix: / }}, {policy}
            action: {{ weightedTargets: [{{ virtualNode: blue-node, weight: 100 }}] }} }} }}"
    )
}

fn faulty(times: usize) -> impl Fn(&Asked) -> Answer + Send + Sync {
    move |asked| {
        if asked.path == "/ping" || asked.number >= times {
            Answer::Echo
        } else {
            Answer::Status(503)
        }
    }
}

pub(crate) async fn replay(mut world: World) {
    let front = App::front(8080, Call::get(COLOR));
    let task = |name: &str| TaskSpec::plain(name).sidecar(&format!("mesh/{MESH}/virtualNode/{name}"));
    let front = world.task(task("front-node").app(front));
    let blue = world.task(task("blue-node").app(App::http(8080)));
    let user = world.task(TaskSpec::plain("user"));
    world.name("front.howto-http-retries.local", [&front]);
    world.name("blue.howto-http-retries.local", [&blue]);
    world.name("color.howto-http-retries.local", [&blue]);
    world.apply(mesh());

    let long = 8; // longer than the default policy holds out, but not longer than ten retries
    blue.app(8080).answer(faulty(long));
    assert_eq!(user.status(FRONT).await, 503, "before");

    let retries = "retryPolicy: { maxRetries: 10, perRetryTimeout: { value: 100, unit: ms },
                   httpRetryEvents: [server-error] },";
    world.apply(Manifests::within(MESH).route("color-router", "color-route-blue", &route(1, retries)));
    blue.app(8080).answer(faulty(long));
    assert_eq!(user.get(FRONT).await, "blue-node", "with retries");
    assert!(
        front.stat("cluster.cds_egress_howto-http-retries_blue-node_http_8080.upstream_rq_retry_success")
            >= 1
    );

    world.apply(Manifests::within(MESH).route("color-router", "color-route-blue", &route(1, "")));
    blue.app(8080).answer(faulty(long));
    assert_eq!(
        user.status(FRONT).await,
        503,
        "with the default policy, a service that fails for long"
    );
    blue.app(8080).answer(faulty(1));
    assert_eq!(
        user.get(FRONT).await,
        "blue-node",
        "with the default policy, a service that fails once"
    );
}
