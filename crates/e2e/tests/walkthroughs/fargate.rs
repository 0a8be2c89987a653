//! fargate: a color that runs elsewhere joins the color app, and gets more and more of the traffic.

use evermesh_e2e::{App, Call, Manifests, TaskSpec, World};

const MESH: &str = "fargate-mesh";
const TELLER: &str = "http://colorteller.demo.local:9080/";
const GATEWAY: &str = "http://colorgateway.demo.local:9080/color";
const CALLS: usize = 300;
/// Points by which a share of so many calls may be off.
const TOLERANCE: f64 = 11.0;

fn teller(color: &str) -> String {
    format!(
        "{{ listeners: [{{ portMapping: {{ port: 9080, protocol: http }},
                healthCheck: {{ protocol: http, path: /ping,
            healthyThreshold: 2, unhealthyThreshold: 2, timeoutMillis: 2000, intervalMillis: 5000 }} }}],
          serviceDiscovery: {{ dns: {{ hostname: colorteller-{color}.demo.local }} }} }}"
    )
}

fn mesh() -> Manifests {
    Manifests::mesh(MESH, "{}")
        .node(
            "colorgateway-vn",
            "{ listeners: [{ portMapping: { port: 9080, protocol: http } }],
               serviceDiscovery: { dns: { hostname: colorgateway.demo.local } },
               backends: [{ virtualService: { virtualServiceName: colorteller.demo.local } }] }",
        )
        .node("colorteller-blue-vn", &teller("blue"))
        .service_of_router("colorteller.demo.local", "colorteller-vr")
        .router(
            "colorteller-vr",
            "{ listeners: [{ portMapping: { port: 9080, protocol: http } }] }",
        )
        .route("colorteller-vr", "colorteller-route", &route(&[("blue", 1)]))
}

fn route(weights: &[(&str, u32)]) -> String {
    let target = |(color, weight): &(&str, u32)| {
        format!("{{ virtualNode: colorteller-{color}-vn, weight: {weight} }}")
    };
    let targets: Vec<_> = weights.iter().map(target).collect();
    format!(
        "{{ httpRoute: {{ match: {{ prefix: / }}, action: {{ weightedTargets: [{}] }} }} }}",
        targets.join(", ")
    )
}

pub(crate) async fn replay(mut world: World) {
    let node =
        |name: &str, node: &str| TaskSpec::plain(name).sidecar(&format!("mesh/{MESH}/virtualNode/{node}"));
    let gateway = world.task(node("gateway", "colorgateway-vn").app(App::front(9080, Call::get(TELLER))));
    let blue = world.task(node("blue", "colorteller-blue-vn").app(App::http(9080)));
    let user = world.task(TaskSpec::plain("user"));
    world.name("colorgateway.demo.local", [&gateway]);
    world.name("colorteller.demo.local", [&blue]);
    world.name("colorteller-blue.demo.local", [&blue]);
    world.apply(mesh());
    let call = Call::get(GATEWAY);
    user.calls(&call, 20).await.assert_share("blue", 100.0, 0.0);

    // The task that runs elsewhere comes up, and takes its part.
    let green = world.task(node("green", "colorteller-green-vn").app(App::http(9080)));
    world.name("colorteller-green.demo.local", [&green]);
    world.apply(Manifests::within(MESH).node("colorteller-green-vn", &teller("green")));
    for (blue, green, percent) in [(2, 1, 100.0 / 3.0), (1, 4, 80.0), (0, 1, 100.0)] {
        let route = route(&[("blue", blue), ("green", green)]);
        world.apply(Manifests::within(MESH).route("colorteller-vr", "colorteller-route", &route));
        let answers = user.calls(&call, CALLS).await;
        answers.assert_no_failure();
        answers.assert_share("green", percent, if blue == 0 { 0.0 } else { TOLERANCE });
    }
}
