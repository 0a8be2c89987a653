//! howto-multiple-listeners: two listeners of a gateway, a router and a node, each on a port of its own.

use evermesh_e2e::{App, Call, Manifests, TaskSpec, World};

const MESH: &str = "multiple-listeners-mesh";
const FOOD: &str = "foodteller.default.svc.cluster.local";
const COLOR: &str = "colorteller.default.svc.cluster.local";

fn mesh() -> Manifests {
    let http = |port: u16| format!("{{ portMapping: {{ port: {port}, protocol: http }} }}");
    let checked = |port: u16| {
        format!(
            "{{ portMapping: {{ port: {port}, protocol: http }},
                healthCheck: {{ healthyThreshold: 2, intervalMillis: 5000,
                path: /ping, protocol: http, timeoutMillis: 2000, unhealthyThreshold: 2 }} }}"
        )
    };
    let gateway_route = |matches: &str, service: &str, port: u16| {
        format!(
            "{{ httpRoute: {{ match: {{ {matches} }},
                action: {{ target: {{ virtualService: {{ virtualServiceName: {service} }}, port: {port} }} }} }} }}"
        )
    };
    let route = |from: u16, to: u16| {
        format!(
            "{{ httpRoute: {{ match: {{ prefix: /, port: {from} }},
                action: {{ weightedTargets: [{{ virtualNode: foodteller-vn, weight: 1, port: {to} }}] }} }} }}"
        )
    };
    Manifests::mesh(MESH, "{}")
        .node(
            "foodteller-vn",
            &format!(
                "{{ listeners: [{}, {}], serviceDiscovery: {{ dns: {{ hostname: {FOOD} }} }} }}",
                checked(5555),
                checked(6666)
            ),
        )
        .node(
            "colorteller-vn",
            &format!(
                "{{ listeners: [{}], serviceDiscovery: {{ dns: {{ hostname: {COLOR} }} }} }}",
                checked(7777)
            ),
        )
        .router(
            "foodteller-vr",
            &format!("{{ listeners: [{}, {}] }}", http(3333), http(4444)),
        )
        .route("foodteller-vr", "fruit-route", &route(3333, 5555))
        .route("foodteller-vr", "vegetable-route", &route(4444, 6666))
        .service_of_router(FOOD, "foodteller-vr")
        .service_of_node(COLOR, "colorteller-vn")
        .gateway(
            "tellergateway-vg",
            &format!("{{ listeners: [{}, {}] }}", http(1111), http(2222)),
        )
        .gateway_route(
            "tellergateway-vg",
            "fruit",
            &gateway_route("prefix: /fruit, port: 1111", FOOD, 3333),
        )
        .gateway_route(
            "tellergateway-vg",
            "vegetable",
            &gateway_route("prefix: /vegetable, port: 1111", FOOD, 4444),
        )
        .gateway_route(
            "tellergateway-vg",
            "color",
            &gateway_route("prefix: /, port: 2222", COLOR, 7777),
        )
}

pub(crate) async fn replay(mut world: World) {
    let node = |name: &str| TaskSpec::plain(name).sidecar(&format!("mesh/{MESH}/virtualNode/{name}"));
    let food = world.task(node("foodteller-vn").app(App::http(5555)).app(App::http(6666)));
    let color = world.task(node("colorteller-vn").app(App::http(7777)));
    let gateway =
        TaskSpec::plain("gateway").gateway_sidecar(&format!("mesh/{MESH}/virtualGateway/tellergateway-vg"));
    let gateway = world.task(gateway);
    let user = world.task(TaskSpec::plain("user"));
    world.name(FOOD, [&food]);
    world.name(COLOR, [&color]);
    world.name("gateway.local", [&gateway]);
    world.apply(mesh());

    for (path, app, port) in [
        (":1111/fruit", "foodteller-vn", 5555),
        (":1111/vegetable", "foodteller-vn", 6666),
        (":2222/", "colorteller-vn", 7777),
    ] {
        let reply = user
            .call(&Call::get(&format!("http://gateway.local{path}")))
            .await;
        let seen = reply.expect("an answer").seen();
        assert_eq!((seen.app.as_str(), seen.port), (app, port), "{path}");
    }
    assert_eq!(user.status("http://gateway.local:1111/color").await, 404);
    // Each listener has statistics of its own.
    assert_eq!(gateway.stat("http.ingress.http.1111.downstream_rq_2xx"), 2);
    assert_eq!(gateway.stat("http.ingress.http.2222.downstream_rq_2xx"), 1);
    // Those of the node count health checks too.
    for port in [5555, 6666] {
        assert!(food.stat(&format!("http.ingress.http.{port}.downstream_rq_2xx")) >= 1);
    }
}
