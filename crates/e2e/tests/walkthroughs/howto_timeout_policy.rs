//! howto-timeout-policy: per-request limits of routes and listeners, the default, and the gateway that inherits.
//!
//! Where the walkthrough waits for seconds, this waits for tenths of them, but for the default limit, which is 15 s.

use std::time::Duration;

use evermesh_e2e::{Answer, App, Call, Manifests, MeshTask, TaskSpec, World};

const MESH: &str = "timeout-mesh";
const TELLER: &str = "http://colorteller.timeout.local:80/";
const GATEWAY: &str = "http://colorgateway.timeout.local:80";
const PUBLIC: &str = "http://public.timeout.local:8080";

/// A limit in milliseconds; the default without.
fn timeout(limit: Option<u32>) -> String {
    limit.map_or_else(String::new, |ms| {
        format!("perRequest: {{ value: {ms}, unit: ms }}")
    })
}

fn node(host: &str, limit: Option<u32>, backends: &str) -> String {
    let timeout = match limit {
        Some(_) => format!(", timeout: {{ http: {{ {} }} }}", timeout(limit)),
        None => String::new(),
    };
    format!(
        "{{ listeners: [{{ portMapping: {{ port: 80, protocol: http }}{timeout} }}], backends: [{backends}],
           serviceDiscovery: {{ dns: {{ hostname: {host}.timeout.local }} }} }}"
    )
}

fn route(prefix: &str, target: &str, limit: Option<u32>) -> String {
    let timeout = match limit {
        Some(_) => format!("timeout: {{ {} }},", timeout(limit)),
        None => String::new(),
    };
    format!(
        "{{ httpRoute: {{ match: {{ prefix: {prefix} }}, {timeout}
            action: {{ weightedTargets: [{{ virtualNode: {target}, weight: 1 }}] }} }} }}"
    )
}

fn gateway_node(limit: Option<u32>) -> String {
    node(
        "colorgateway",
        limit,
        "{ virtualService: { virtualServiceName: colorteller.timeout.local } }",
    )
}

fn mesh() -> Manifests {
    Manifests::mesh(MESH, "{}")
        .node("ColorGateway", &gateway_node(None))
        .node("ColorTellerWhite", &node("white", None, ""))
        .service_of_router("colorteller.timeout.local", "colorteller-vr")
        .router(
            "colorteller-vr",
            "{ listeners: [{ portMapping: { port: 80, protocol: http } }] }",
        )
        .route(
            "colorteller-vr",
            "colorteller-route",
            &route("/", "ColorTellerWhite", None),
        )
}

fn more() -> Manifests {
    Manifests::within(MESH)
}

/// The status of a request that the teller takes so many milliseconds for.
async fn status(user: &MeshTask, url: &str, latency: u32) -> u16 {
    let call = Call::get(url).header("latency", &latency.to_string());
    user.call(&call).await.expect("an answer").status.as_u16()
}

fn teller(name: &str, node: &str, world: &mut World) -> MeshTask {
    let spec = TaskSpec::plain(name).app(App::http(80));
    let task = world.task(spec.sidecar(&format!("mesh/{MESH}/virtualNode/{node}")));
    task.app(80).answer(|asked| {
        let latency = asked
            .headers
            .get("latency")
            .and_then(|value| value.to_str().ok()?.parse().ok());
        Answer::Echo.after(Duration::from_millis(latency.unwrap_or_default()))
    });
    world.name(&format!("{name}.timeout.local"), [&task]);
    task
}

pub(crate) async fn replay(mut world: World) {
    let white = teller("white", "ColorTellerWhite", &mut world);
    let gateway = TaskSpec::plain("colorgateway").app(App::front(80, Call::get(TELLER)));
    let gateway = world.task(gateway.sidecar(&format!("mesh/{MESH}/virtualNode/ColorGateway")));
    let user = world.task(TaskSpec::plain("user"));
    world.name("colorgateway.timeout.local", [&gateway]);
    world.name("colorteller.timeout.local", [&white]);
    world.apply(mesh());

    let color = format!("{GATEWAY}/color");
    // A limit holds for the requests that began under it, whatever becomes of the route meanwhile.
    let by_default = status(&user, &color, 17_000);
    let stages = async {
        assert_eq!(status(&user, &color, 700).await, 200, "within the default");
        routes_and_listeners(&mut world, &user, &color).await;
        gateway_inherits(&mut world, &user).await;
    };
    let (by_default, ()) = tokio::join!(by_default, stages);
    assert_eq!(by_default, 504, "beyond the default");
}

async fn routes_and_listeners(world: &mut World, user: &MeshTask, color: &str) {
    let white = |limit| route("/", "ColorTellerWhite", limit);
    world.apply(more().route("colorteller-vr", "colorteller-route", &white(Some(500))));
    assert_eq!(status(user, color, 700).await, 504, "beyond the route's limit");

    world.apply(
        more()
            .route("colorteller-vr", "colorteller-route", &white(Some(2000)))
            .node("ColorTellerWhite", &node("white", Some(500), "")),
    );
    assert_eq!(
        status(user, color, 700).await,
        504,
        "a longer limit of the route does not do"
    );

    world.apply(
        more()
            .node("ColorTellerWhite", &node("white", Some(2000), ""))
            .node("ColorGateway", &gateway_node(Some(2000))),
    );
    assert_eq!(status(user, color, 700).await, 200, "within all limits");
}

/// Of a gateway nobody says a limit: it has the largest of the routes of its service.
async fn gateway_inherits(world: &mut World, user: &MeshTask) {
    let public =
        TaskSpec::plain("public").gateway_sidecar(&format!("mesh/{MESH}/virtualGateway/publicgateway-vg"));
    let public = world.task(public);
    let _red = teller("red", "ColorTellerRed", world);
    world.name("public.timeout.local", [&public]);
    world.apply(
        more()
            .node("ColorTellerRed", &node("red", None, ""))
            .node("ColorTellerWhite", &node("white", Some(1800), ""))
            .route("colorteller-vr", "colorteller-route", &route("/color1", "ColorTellerWhite", Some(1800)))
            .route("colorteller-vr", "colorteller-route2", &route("/color2", "ColorTellerRed", Some(1000)))
            .gateway("publicgateway-vg", "{ listeners: [{ portMapping: { port: 8080, protocol: http } }] }")
            .gateway_route(
                "publicgateway-vg",
                "publicgateway-route",
                "{ httpRoute: { match: { prefix: / },
                   action: { target: { virtualService: { virtualServiceName: colorteller.timeout.local } } } } }",
            ),
    );
    let (one, two) = (format!("{PUBLIC}/color1"), format!("{PUBLIC}/color2"));
    assert_eq!(status(user, &one, 1500).await, 200, "/color1 within its limit");
    assert_eq!(status(user, &two, 500).await, 200, "/color2 within its limit");
    assert_eq!(status(user, &one, 2500).await, 504, "/color1 beyond its limit");
    assert_eq!(status(user, &two, 1300).await, 504, "/color2 beyond its limit");
}
