//! The color app: a gateway that asks tellers of several colors in equal shares, then one of them only.

use evermesh_e2e::{App, Call, Manifests, TaskSpec, World};

const MESH: &str = "default-mesh";
const TELLER: &str = "http://colorteller.demo.local:9080/";
const GATEWAY: &str = "http://colorgateway.demo.local:9080/color";
const COLORS: [&str; 3] = ["black", "blue", "red"];
const CALLS: usize = 300;
/// Points by which a share of so many calls may be off.
const TOLERANCE: f64 = 11.0;

fn mesh() -> Manifests {
    let teller = |color: &str| {
        format!(
            "{{ listeners: [{{ portMapping: {{ port: 9080, protocol: http }},
                healthCheck: {{ protocol: http, path: /ping,
                healthyThreshold: 2, unhealthyThreshold: 2, timeoutMillis: 2000, intervalMillis: 5000 }} }}],
              serviceDiscovery: {{ dns: {{ hostname: colorteller-{color}.demo.local }} }} }}"
        )
    };
    let mesh = Manifests::mesh(MESH, "{}")
        .node(
            "colorgateway-vn",
            "{ listeners: [{ portMapping: { port: 9080, protocol: http } }],
               serviceDiscovery: { dns: { hostname: colorgateway.demo.local } },
               backends: [{ virtualService: { virtualServiceName: colorteller.demo.local } },
                          { virtualService: { virtualServiceName: tcpecho.demo.local } }] }",
        )
        .node(
            "tcpecho-vn",
            "{ listeners: [{ portMapping: { port: 2701, protocol: tcp },
                 healthCheck: { protocol: tcp, healthyThreshold: 2,
                 unhealthyThreshold: 2, timeoutMillis: 2000, intervalMillis: 5000 } }],
               serviceDiscovery: { dns: { hostname: tcpecho.demo.local } } }",
        )
        .service_of_node("tcpecho.demo.local", "tcpecho-vn")
        .service_of_router("colorteller.demo.local", "colorteller-vr")
        .router(
            "colorteller-vr",
            "{ listeners: [{ portMapping: { port: 9080, protocol: http } }] }",
        )
        .route("colorteller-vr", "colorteller-route", &route(&COLORS));
    let add = |mesh: Manifests, color: &str| mesh.node(&format!("colorteller-{color}-vn"), &teller(color));
    COLORS.into_iter().fold(mesh, add)
}

fn route(colors: &[&str]) -> String {
    let targets = colors
        .iter()
        .map(|color| format!("{{ virtualNode: colorteller-{color}-vn, weight: 1 }}"));
    let targets: Vec<_> = targets.collect();
    format!(
        "{{ httpRoute: {{ match: {{ prefix: / }}, action: {{ weightedTargets: [{}] }} }} }}",
        targets.join(", ")
    )
}

pub(crate) async fn replay(mut world: World) {
    let node =
        |name: &str, node: &str| TaskSpec::plain(name).sidecar(&format!("mesh/{MESH}/virtualNode/{node}"));
    let gateway = world.task(node("gateway", "colorgateway-vn").app(App::front(9080, Call::get(TELLER))));
    let echo = world.task(node("tcpecho", "tcpecho-vn").app(App::tcp(2701)));
    let user = world.task(TaskSpec::plain("user"));
    let tellers = COLORS.map(|color| {
        let task = world.task(node(color, &format!("colorteller-{color}-vn")).app(App::http(9080)));
        world.name(&format!("colorteller-{color}.demo.local"), [&task]);
        task
    });
    world.name("colorgateway.demo.local", [&gateway]);
    world.name("colorteller.demo.local", [&tellers[0]]);
    world.name("tcpecho.demo.local", [&echo]);
    world.apply(mesh());

    let call = Call::get(GATEWAY);
    let answers = user.calls(&call, CALLS).await;
    answers.assert_no_failure();
    COLORS
        .iter()
        .for_each(|color| answers.assert_share(color, 100.0 / 3.0, TOLERANCE));

    world.apply(Manifests::within(MESH).route("colorteller-vr", "colorteller-route", &route(&["black"])));
    let answers = user.calls(&call, 50).await;
    answers.assert_no_failure();
    answers.assert_share("black", 100.0, 0.0);

    assert_eq!(gateway.says("tcpecho.demo.local:2701").await, "tcpecho\n");
}
