//! howto-cross-account: a mesh that another account adds a node to, and a route that moves traffic to it.

use evermesh_e2e::{App, Call, Caller, Load, Manifests, TaskSpec, World};

const MESH: &str = "howto-cross-account-mesh";
const PRIMARY: Caller = Caller {
    profile: "primary",
    account: "111111111111",
};
const SECONDARY: Caller = Caller {
    profile: "secondary",
    account: "222222222222",
};
const GATEWAY: &str = "http://gateway.howto-cross-account.local:8080/";

fn mesh() -> Manifests {
    Manifests::mesh(MESH, "{}")
        .node("backend-1-vn", &node("backend.howto-cross-account.local"))
        .service_of_router("backend.howto-cross-account.local", "backend-vr")
        .router(
            "backend-vr",
            "{ listeners: [{ portMapping: { port: 80, protocol: http } }] }",
        )
        .route("backend-vr", "backend-route", &route(&["backend-1-vn"]))
        .gateway(
            "gateway-vg",
            "{ listeners: [{ portMapping: { port: 8080, protocol: http } }] }",
        )
        .gateway_route(
            "gateway-vg",
            "gateway-gr",
            "{ httpRoute: { match: { prefix: / },
               action: { target: { virtualService: { virtualServiceName: backend.howto-cross-account.local } } } } }",
        )
}

fn node(host: &str) -> String {
    format!(
        "{{ listeners: [{{ portMapping: {{ port: 80, protocol: http }} }}],
           serviceDiscovery: {{ dns: {{ hostname: {host} }} }} }}"
    )
}

fn route(nodes: &[&str]) -> String {
    let targets = nodes
        .iter()
        .map(|node| format!("{{ virtualNode: {node}, weight: 1 }}"));
    let targets: Vec<_> = targets.collect();
    format!(
        "{{ httpRoute: {{ match: {{ prefix: / }}, action: {{ weightedTargets: [{}] }} }} }}",
        targets.join(", ")
    )
}

pub(crate) async fn replay(mut world: World) {
    world.require_credentials(&[PRIMARY, SECONDARY]);
    // The primary account's proxies say their full ARNs, the secondary's name the mesh with its owner.
    let arn = |kind: &str, name: &str| {
        format!(
            "arn:aws:appmesh:us-west-2:{}:mesh/{MESH}/{kind}/{name}",
            PRIMARY.account
        )
    };
    let first = TaskSpec::plain("backend-1").sidecar(&arn("virtualNode", "backend-1-vn"));
    let first = world.task(first.app(App::http(80)));
    let gateway = TaskSpec::plain("gateway").gateway_sidecar(&arn("virtualGateway", "gateway-vg"));
    let gateway = world.task(gateway);
    let user = world.task(TaskSpec::plain("user"));
    world.name("backend.howto-cross-account.local", [&first]);
    world.name("gateway.howto-cross-account.local", [&gateway]);
    world.apply(mesh());
    let call = Call::get(GATEWAY);
    user.calls(&call, 20).await.assert_share("backend-1", 100.0, 0.0);

    world.act_as(SECONDARY);
    let shared = format!("mesh/{MESH}@{}/virtualNode/backend-2-vn", PRIMARY.account);
    let second = TaskSpec::plain("backend-2").sidecar(&shared);
    let second = world.task(second.app(App::http(80)));
    world.name("backend.secondary.howto-cross-account.local", [&second]);
    let more = Manifests::within(MESH).of_owner(PRIMARY.account);
    world.apply(more.node(
        "backend-2-vn",
        &node("backend.secondary.howto-cross-account.local"),
    ));

    world.act_as(PRIMARY);
    let load = Load::start(&user, &call, 1);
    for nodes in [&["backend-1-vn", "backend-2-vn"][..], &["backend-2-vn"]] {
        world.apply(Manifests::within(MESH).route("backend-vr", "backend-route", &route(nodes)));
        let answers = user.calls(&call, 100).await;
        let expected = 100.0 / f64::from(u8::try_from(nodes.len()).expect("one or two"));
        answers.assert_share("backend-2", expected, if nodes.len() == 1 { 0.0 } else { 20.0 });
    }
    load.stop().await.assert_undisturbed();
}
