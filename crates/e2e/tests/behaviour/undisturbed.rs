//! No request fails because configuration changed, and no connection is cut that need not be.
//!
//! In each test calls go on without pause while something changes, and an answer is streamed all the while.

use std::time::Duration;

use evermesh_e2e::{Answer, App, Call, Load, LongStream, Manifests, MeshTask, TaskSpec, World};

const SERVICE: &str = "http://svc.local:8080";
/// Without it a stream would be cut by the limit of an ordinary request.
const NO_LIMIT: &str =
    "timeout: { http: { perRequest: { value: 0, unit: s }, idle: { value: 0, unit: s } } }";
const BACKEND: &str = "{ backends: [{ virtualService: { virtualServiceName: svc.local } }] }";

/// Servers blue and green, a client, and what goes on between them.
struct Scene {
    world: World,
    client: MeshTask,
    blue: MeshTask,
    green: MeshTask,
    load: Load,
    stream: LongStream,
}

impl Scene {
    /// Everything as [`base`] says, and traffic on its way.
    async fn start(mut world: World) -> Self {
        let server = |name: &str| TaskSpec::node(name).app(App::http(8080)).app(App::http(9090));
        let (blue, green) = (world.task(server("blue")), world.task(server("green")));
        for server in [&blue, &green] {
            server.app(8080).answer(|asked| match asked.path.as_str() {
                "/stream" => Answer::Stream {
                    count: usize::MAX,
                    pause: Duration::from_millis(20),
                },
                // So slow that a new target takes a while until it may be used.
                "/ping" => Answer::Echo.after(Duration::from_millis(300)),
                _ => Answer::Echo,
            });
        }
        let client = world.task(TaskSpec::node("client"));
        world.name("blue.local", [&blue]);
        world.name("green.local", [&green]);
        world.name("svc.local", [&blue]);
        world.name("other.local", [&green]);
        world.apply(base());
        Self {
            load: Load::start(&client, &Call::get(&format!("{SERVICE}/a/b?c")), 3),
            stream: LongStream::start(&client, &Call::get(&format!("{SERVICE}/stream"))).await,
            world,
            client,
            blue,
            green,
        }
    }

    /// After everything, traffic goes on, and nothing has failed or been cut.
    async fn end_undisturbed(mut self) {
        self.stream.assert_flows().await;
        self.load.stop().await.assert_undisturbed();
    }

    /// The same where a listener that is in use is another one afterwards: connections may be asked to end.
    async fn end_without_failure(mut self) {
        self.stream.assert_flows().await;
        self.load.stop().await.assert_no_failure();
    }

    /// Which server answers.
    async fn answers(&self, path: &str) -> String {
        self.client.get(&format!("{SERVICE}{path}")).await
    }
}

fn server(host: &str, protocol: &str) -> String {
    let limits = NO_LIMIT.replace("http:", &format!("{protocol}:"));
    format!(
        "{{ listeners: [{{ portMapping: {{ port: 8080, protocol: {protocol} }}, {limits} }}],
           serviceDiscovery: {{ dns: {{ hostname: {host}.local }} }} }}"
    )
}

/// A server whose health is checked before it is used.
fn checked(host: &str) -> String {
    format!(
        "{{ listeners: [{{ portMapping: {{ port: 8080, protocol: http }}, {NO_LIMIT},
             healthCheck: {{ protocol: http, path: /ping, healthyThreshold: 2, unhealthyThreshold: 2,
               timeoutMillis: 2000, intervalMillis: 5000 }} }}],
           serviceDiscovery: {{ dns: {{ hostname: {host}.local }} }} }}"
    )
}

/// A route that everything takes, without limits.
fn all_to(targets: &[(&str, u32)]) -> String {
    route("httpRoute", "prefix: /", targets, "")
}

fn route(kind: &str, matches: &str, targets: &[(&str, u32)], more: &str) -> String {
    let targets = targets
        .iter()
        .map(|(node, weight)| format!("{{ virtualNode: {node}, weight: {weight} }}"));
    let targets: Vec<_> = targets.collect();
    format!(
        "{{ {kind}: {{ match: {{ {matches} }}, action: {{ weightedTargets: [{}] }},
             timeout: {{ perRequest: {{ value: 0, unit: s }}, idle: {{ value: 0, unit: s }} }} }}{more} }}",
        targets.join(", ")
    )
}

fn base() -> Manifests {
    Manifests::mesh("m", "{}")
        .node("client", BACKEND)
        .node("blue", &server("blue", "http"))
        .node("green", &server("green", "http"))
        .service_of_router("svc.local", "router")
        .router(
            "router",
            "{ listeners: [{ portMapping: { port: 8080, protocol: http } }] }",
        )
        .route("router", "all", &all_to(&[("blue", 1)]))
}

fn more() -> Manifests {
    Manifests::within("m")
}

pub(crate) async fn routes_come_change_and_go(world: World) {
    let mut scene = Scene::start(world).await;
    let to_green = |matches: &str, priority: u32| {
        route(
            "httpRoute",
            matches,
            &[("green", 1)],
            &format!(", priority: {priority}"),
        )
    };
    let with = |name: &str, spec: &str| base().route("router", name, spec);

    scene.world.apply(with("a", &to_green("prefix: /a", 5)));
    assert_eq!(scene.answers("/a").await, "green");
    scene.world.apply(with("a", &to_green("prefix: /a/x", 7)));
    assert_eq!(scene.answers("/a").await, "blue");
    assert_eq!(scene.answers("/a/x").await, "green");
    // The same two routes the other way round: what takes everything first, then last.
    let first = route("httpRoute", "prefix: /", &[("blue", 1)], ", priority: 1");
    scene
        .world
        .apply(with("a", &to_green("prefix: /a", 2)).route("router", "all", &first));
    assert_eq!(scene.answers("/a").await, "blue");
    scene
        .world
        .apply(with("a", &to_green("prefix: /a", 0)).route("router", "all", &first));
    assert_eq!(scene.answers("/a").await, "green");
    scene.world.apply_and_prune("m", base());
    assert_eq!(scene.answers("/a").await, "blue");
    scene.end_undisturbed().await;
}

pub(crate) async fn weights_move_by_one_percent(world: World) {
    let mut scene = Scene::start(world).await;
    for percent in 1..=100 {
        let targets = [("blue", 100 - percent), ("green", percent)];
        scene
            .world
            .submit(more().route("router", "all", &all_to(&targets)), &[]);
    }
    scene.world.settle();
    assert_eq!(scene.answers("/").await, "green");
    scene.end_undisturbed().await;
}

pub(crate) async fn targets_and_backends_come_and_go(world: World) {
    let mut scene = Scene::start(world).await;
    let other = "{ backends: [{ virtualService: { virtualServiceName: svc.local } },
                              { virtualService: { virtualServiceName: other.local } }] }";
    for _ in 0..2 {
        // A target, with its node; the load is on both then.
        let both = base().route("router", "all", &all_to(&[("blue", 1), ("blue2", 1)]));
        scene.world.apply(both.node("blue2", &checked("blue")));
        // Another backend, which another node provides.
        let second = base()
            .node("client", other)
            .service_of_node("other.local", "green");
        scene.world.apply_and_prune("m", second);
        assert_eq!(scene.client.get("http://other.local:8080/").await, "green");
        scene.world.apply_and_prune("m", base());
        assert_eq!(scene.client.status("http://other.local:8080/").await, 404);
    }
    scene.end_undisturbed().await;
}

pub(crate) async fn listeners_come_and_go(world: World) {
    let mut scene = Scene::start(world).await;
    let two = format!(
        "{{ listeners: [{{ portMapping: {{ port: 8080, protocol: http }}, {NO_LIMIT} }},
                        {{ portMapping: {{ port: 9090, protocol: http }} }}],
           serviceDiscovery: {{ dns: {{ hostname: blue.local }} }} }}"
    );
    let routers = "{ listeners: [{ portMapping: { port: 8080, protocol: http } },
                                   { portMapping: { port: 9090, protocol: http } }] }";
    let to = |port: u16| {
        format!(
            "{{ httpRoute: {{ match: {{ prefix: /, port: {port} }},
                 action: {{ weightedTargets: [{{ virtualNode: blue, weight: 1, port: {port} }}] }},
                 timeout: {{ perRequest: {{ value: 0, unit: s }}, idle: {{ value: 0, unit: s }} }} }} }}"
        )
    };
    for _ in 0..2 {
        let both = base().node("blue", &two).router("router", routers);
        scene.world.apply(
            both.route("router", "all", &to(8080))
                .route("router", "second", &to(9090)),
        );
        let reply = scene
            .client
            .call(&Call::get("http://svc.local:9090/"))
            .await
            .expect("an answer");
        assert_eq!(reply.seen().port, 9090);
        scene.world.apply_and_prune("m", base());
    }
    scene.end_without_failure().await;
}

pub(crate) async fn a_service_changes_its_provider(world: World) {
    let mut scene = Scene::start(world).await;
    for _ in 0..3 {
        scene.world.apply(more().service_of_node("svc.local", "green"));
        assert_eq!(scene.answers("/").await, "green");
        scene.world.apply(more().service_of_router("svc.local", "router"));
        assert_eq!(scene.answers("/").await, "blue");
    }
    scene.end_undisturbed().await;
}

/// All at once, and then back, one resource after the other.
pub(crate) async fn http_becomes_http2_on_both_sides(world: World) {
    let mut scene = Scene::start(world).await;
    let http2 = |kind: &str| route(kind, "prefix: /", &[("blue", 1)], "");
    let router = |protocol: &str| {
        format!("{{ listeners: [{{ portMapping: {{ port: 8080, protocol: {protocol} }} }}] }}")
    };
    scene.world.apply(
        more()
            .node("blue", &server("blue", "http2"))
            .router("router", &router("http2"))
            .route("router", "all", &http2("http2Route")),
    );
    let reply = scene
        .client
        .call(&Call::get(SERVICE).http2())
        .await
        .expect("an answer");
    assert_eq!(reply.seen().version, "HTTP/2.0");

    scene.world.apply(more().node("blue", &server("blue", "http")));
    scene.world.apply(more().router("router", &router("http")));
    scene
        .world
        .apply(more().route("router", "all", &http2("httpRoute")));
    let reply = scene.client.call(&Call::get(SERVICE)).await.expect("an answer");
    assert_eq!(reply.seen().version, "HTTP/1.1");
    scene.end_without_failure().await;
}

/// Names cannot be changed, so users create under the new name, switch to it, and delete the old one.
pub(crate) async fn renamed_by_create_switch_delete(world: World) {
    let mut scene = Scene::start(world).await;
    let target = || {
        Manifests::mesh("m", "{}")
            .node("client", BACKEND)
            .node("green", &server("green", "http"))
            .service_of_router("svc.local", "router2")
            .router(
                "router2",
                "{ listeners: [{ portMapping: { port: 8080, protocol: http } }] }",
            )
    };
    let spec = "{ listeners: [{ portMapping: { port: 8080, protocol: http } }] }";
    scene.world.apply(
        more()
            .router("router2", spec)
            .route("router2", "all", &all_to(&[("blue", 1)])),
    );
    scene
        .world
        .apply(more().service_of_router("svc.local", "router2"));
    scene.world.apply_and_prune(
        "m",
        target()
            .node("blue", &server("blue", "http"))
            .route("router2", "all", &all_to(&[("blue", 1)])),
    );
    scene
        .world
        .apply(more().route("router2", "all", &all_to(&[("green", 1)])));
    assert_eq!(scene.answers("/").await, "green");
    // The old node's proxy keeps what it has: its stream and its task go on until somebody stops them.
    scene.world.submit(
        target().route("router2", "all", &all_to(&[("green", 1)])),
        &["--prune", "m"],
    );
    assert_eq!(scene.answers("/").await, "green");
    assert_eq!(scene.blue.stat("server.live"), 1);
    assert!(scene.green.stat("http.ingress.downstream_rq_2xx") > 0);
    scene.end_undisturbed().await;
}
