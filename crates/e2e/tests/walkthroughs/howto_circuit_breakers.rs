//! howto-circuit-breakers: connection pools of a gateway and of nodes behind it, seen in their proxies' statistics.

use std::time::Duration;

use evermesh_e2e::{Answer, App, Call, Manifests, MeshTask, TaskSpec, World, eventually};
use futures::future::{join_all, select};

const MESH: &str = "circuit-breaker-mesh";
const DOMAIN: &str = "default.svc.cluster.local";
const REDIRECT: &str = "cluster.cds_ingress_circuit-breaker-mesh_colorgateway-vg_self_redirect_http_15001";
const WHITE: &str = "cluster.cds_ingress_circuit-breaker-mesh_colorteller-white-vn_http_9080";
const BLACK: &str = "cluster.cds_ingress_circuit-breaker-mesh_colorteller-black-vn_http2_9080";

fn gateway(pool: &str) -> Manifests {
    let listener = format!("{{ portMapping: {{ port: 9080, protocol: http }}, {pool} }}");
    Manifests::within(MESH).gateway("colorgateway-vg", &format!("{{ listeners: [{listener}] }}"))
}

fn teller(color: &str, protocol: &str, pool: &str) -> Manifests {
    let spec = format!(
        "{{ listeners: [{{ portMapping: {{ port: 9080, protocol: {protocol} }}, {pool} healthCheck: {{
              healthyThreshold: 2, intervalMillis: 5000, path: /ping, protocol: {protocol},
              timeoutMillis: 2000, unhealthyThreshold: 2 }} }}],
            serviceDiscovery: {{ dns: {{ hostname: colorteller-{color}.{DOMAIN} }} }} }}"
    );
    Manifests::within(MESH).node(&format!("colorteller-{color}-vn"), &spec)
}

fn routing() -> Manifests {
    let tellers = [
        ("1", "white", "http", "httpRoute"),
        ("2", "black", "http2", "http2Route"),
    ];
    tellers.into_iter().fold(
        Manifests::within(MESH),
        |mesh, (number, color, protocol, member)| {
            let service = format!("colorteller-{number}.{DOMAIN}");
            let router = format!("colorteller-vr-{number}");
            let target = format!("{{ target: {{ virtualService: {{ virtualServiceName: {service} }} }} }}");
            let node =
                format!("{{ weightedTargets: [{{ virtualNode: colorteller-{color}-vn, weight: 1 }}] }}");
            mesh.gateway_route(
                "colorgateway-vg",
                &format!("colorgateway-route-{number}"),
                &format!("{{ httpRoute: {{ match: {{ prefix: /color{number} }}, action: {target} }} }}"),
            )
            .service_of_router(&service, &router)
            .router(
                &router,
                &format!("{{ listeners: [{{ portMapping: {{ port: 9080, protocol: {protocol} }} }}] }}"),
            )
            .route(
                &router,
                &format!("colorteller-route-{number}"),
                &format!("{{ {member}: {{ match: {{ prefix: /tell }}, action: {node} }} }}"),
            )
        },
    )
}

pub(crate) async fn replay(mut world: World) {
    let node = |color: &str| {
        let resource = format!("mesh/{MESH}/virtualNode/colorteller-{color}-vn");
        TaskSpec::plain(color).sidecar(&resource).app(App::http(9080))
    };
    let white = world.task(node("white"));
    let black = world.task(node("black"));
    let gate = TaskSpec::plain("colorgateway")
        .gateway_sidecar(&format!("mesh/{MESH}/virtualGateway/colorgateway-vg"));
    let gate = world.task(gate);
    let user = world.task(TaskSpec::plain("user"));
    world.name("colorteller-white.default.svc.cluster.local", [&white]);
    world.name("colorteller-black.default.svc.cluster.local", [&black]);
    world.name("colorgateway.default.svc.cluster.local", [&gate]);
    let mesh = [
        Manifests::mesh(MESH, "{}"),
        gateway(""),
        teller("white", "http", ""),
        teller("black", "http2", ""),
        routing(),
    ];
    world.apply(mesh.map(|part| part.to_string()).concat());

    let tell = |number: u8| format!("http://colorgateway.default.svc.cluster.local:9080/color{number}/tell");
    assert_eq!(user.get(&tell(1)).await, "white");
    assert_eq!(user.get(&tell(2)).await, "black");
    for teller in [&white, &black] {
        teller.app(9080).answer(|asked| match asked.path.as_str() {
            "/ping" => Answer::Status(200),
            _ => Answer::Never,
        });
    }

    world.apply(gateway(
        "connectionPool: { http: { maxConnections: 100, maxPendingRequests: 10000 } }",
    ));
    under_calls(&user, &tell(1), 101, async || {
        gate.stat("http.ingress.downstream_cx_active") == 101
            && gate.stat(&format!("{REDIRECT}.upstream_cx_active")) == 100
            && gate.stat(&format!("{REDIRECT}.circuit_breakers.default.cx_open")) == 1
    })
    .await;

    world.apply(teller(
        "white",
        "http",
        "connectionPool: { http: { maxConnections: 10, maxPendingRequests: 5 } },",
    ));
    under_calls(&user, &tell(1), 50, async || {
        white.stat(&format!("{WHITE}.upstream_cx_active")) == 10
            && white.stat(&format!("{WHITE}.circuit_breakers.default.cx_open")) == 1
            && white.stat(&format!("{WHITE}.upstream_rq_pending_active")) == 5
            && white.stat(&format!("{WHITE}.circuit_breakers.default.rq_pending_open")) == 1
    })
    .await;

    world.apply(teller(
        "black",
        "http2",
        "connectionPool: { http2: { maxRequests: 10 } },",
    ));
    under_calls(&user, &tell(2), 50, async || {
        black.stat(&format!("{BLACK}.upstream_rq_active")) == 10
            && black.stat(&format!("{BLACK}.circuit_breakers.default.rq_open")) == 1
    })
    .await;
}

/// Waits until something is so while so many calls are made at once. They end with it.
async fn under_calls(user: &MeshTask, url: &str, count: usize, is_so: impl AsyncFnMut() -> bool) {
    let call = Call::get(url).within(Duration::from_secs(120));
    let calls = async {
        join_all((0..count).map(|_| user.call(&call))).await;
        panic!("all calls of {url} are answered");
    };
    select(
        Box::pin(calls),
        Box::pin(eventually("the statistics of the pool", is_so)),
    )
    .await;
}
