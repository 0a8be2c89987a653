//! howto-http-headers: seven routes that tell requests apart by method, scheme and a header, in order of priority.

use evermesh_e2e::{App, Call, Manifests, MeshTask, TaskSpec, World};

const MESH: &str = "howto-http-headers";
const FRONT: &str = "http://front.howto-http-headers.local:8080/";
const COLOR: &str = "http://color.howto-http-headers.local:8080/";
const COLORS: [&str; 7] = ["blue", "green", "red", "yellow", "purple", "white", "black"];

/// Color, priority, and what a request is to be like beside the prefix.
const ROUTES: [(&str, u32, &str); 7] = [
    (
        "blue",
        900,
        "headers: [{ name: color_header, match: { range: { start: 100, end: 150 } } }]",
    ),
    (
        "green",
        2,
        "headers: [{ name: color_header, match: { regex: 'redor.*' } }]",
    ),
    ("red", 5, RED),
    ("yellow", 990, "headers: [{ name: color_header }]"),
    ("purple", 1000, "headers: [{ name: color_header, invert: true }]"),
    ("white", 995, "method: GET"),
    ("black", 300, "scheme: https"),
];
const RED: &str = "headers: [{ name: color_header, match: { prefix: redorgreen } }]";

fn mesh() -> Manifests {
    let node = |host: &str, backends: &str| {
        format!(
            "{{ listeners: [{{ portMapping: {{ port: 8080, protocol: http }},
                 healthCheck: {{ protocol: http, path: /ping, healthyThreshold: 2, unhealthyThreshold: 2,
                   timeoutMillis: 2000, intervalMillis: 5000 }} }}], backends: [{backends}],
               serviceDiscovery: {{ dns: {{ hostname: {host}.howto-http-headers.local }} }} }}"
        )
    };
    let color = "{ virtualService: { virtualServiceName: color.howto-http-headers.local } }";
    let mesh = Manifests::mesh(MESH, "{}")
        .node("front-node", &node("front", color))
        .service_of_router("color.howto-http-headers.local", "color-router")
        .router(
            "color-router",
            "{ listeners: [{ portMapping: { port: 8080, protocol: http } }] }",
        );
    let add = |mesh: Manifests, (color, priority, matches): (&str, u32, &str)| {
        mesh.node(&format!("{color}-node"), &node(color, "")).route(
            "color-router",
            &format!("color-route-{color}"),
            &route(color, priority, matches),
        )
    };
    ROUTES.into_iter().fold(mesh, add)
}

fn route(color: &str, priority: u32, matches: &str) -> String {
    format!(
        "{{ priority: {priority}, httpRoute: {{ match: {{ prefix: /, {matches} }},
            action: {{ weightedTargets: [{{ virtualNode: {color}-node, weight: 100 }}] }} }} }}"
    )
}

/// The color that a request is answered with.
async fn color(user: &MeshTask, method: &str, headers: &[(&str, &str)]) -> String {
    let call = Call::get(FRONT).method(method);
    let call = headers
        .iter()
        .fold(call, |call, (name, value)| call.header(name, value));
    user.call(&call).await.expect("an answer").seen().app
}

pub(crate) async fn replay(mut world: World) {
    let task =
        |name: &str, node: &str| TaskSpec::plain(name).sidecar(&format!("mesh/{MESH}/virtualNode/{node}"));
    let front = world.task(task("front", "front-node").app(App::front(8080, Call::get(COLOR))));
    let user = world.task(TaskSpec::plain("user"));
    let tellers = COLORS.map(|color| {
        let teller = world.task(task(color, &format!("{color}-node")).app(App::http(8080)));
        world.name(&format!("{color}.howto-http-headers.local"), [&teller]);
        teller
    });
    world.name("front.howto-http-headers.local", [&front]);
    world.name("color.howto-http-headers.local", &tellers);
    world.apply(mesh());

    let header = |value| [("color_header", value)];
    assert_eq!(color(&user, "GET", &header("redorgreencolor")).await, "green");
    assert_eq!(color(&user, "GET", &header("120")).await, "blue");
    assert_eq!(color(&user, "GET", &header("149")).await, "blue");
    assert_eq!(color(&user, "GET", &header("150")).await, "yellow");
    assert_eq!(color(&user, "GET", &header("anything")).await, "yellow");
    assert_eq!(color(&user, "GET", &[]).await, "white");
    assert_eq!(color(&user, "POST", &[]).await, "purple");

    world.apply(Manifests::within(MESH).route("color-router", "color-route-red", &route("red", 1, RED)));
    assert_eq!(color(&user, "GET", &header("redorgreencolor")).await, "red");
    assert_eq!(color(&user, "GET", &header("redorblue")).await, "green");

    let https = front
        .call(&Call::get(COLOR).header("x-forwarded-proto", "https"))
        .await;
    assert_eq!(https.expect("an answer").seen().app, "black");
}
