//! TCP routes, and several TCP services on one port.

use std::collections::BTreeMap;

use evermesh_e2e::{App, Call, Manifests, MeshTask, TaskSpec, World, eventually};

use crate::timeouts::echoes;

const TCP_ON_6379: &str = "{ listeners: [{ portMapping: { port: 6379, protocol: tcp } }],
    serviceDiscovery: { dns: { hostname: NAME } } }";

fn backends(names: &[&str]) -> String {
    let each = names
        .iter()
        .map(|name| format!("{{ virtualService: {{ virtualServiceName: {name} }} }}"));
    format!("{{ backends: [{}] }}", each.collect::<Vec<_>>().join(", "))
}

/// Who answers new connections, and how often.
async fn answers(client: &MeshTask, place: &str, connections: usize) -> BTreeMap<String, usize> {
    let mut answers = BTreeMap::new();
    for _ in 0..connections {
        *answers.entry(client.says(place).await).or_default() += 1;
    }
    answers
}

pub(crate) async fn routes_have_weights_and_ports(mut world: World) {
    const CONNECTIONS: usize = 400;
    const NODE: &str = "{ listeners: [{ portMapping: { port: 6379, protocol: tcp } },
                                      { portMapping: { port: 6380, protocol: tcp } }],
        serviceDiscovery: { dns: { hostname: NAME } } }";
    let both_ports = |name: &str| {
        let second = format!("{name} on 6380\n");
        let task = TaskSpec::node(name).app(App::tcp(6379));
        task.app(App::tcp_banner(6380, &second))
    };
    let blue = world.task(both_ports("blue"));
    let green = world.task(both_ports("green"));
    let client = world.task(TaskSpec::node("client"));
    world.name("blue.local", [&blue]);
    world.name("green.local", [&green]);
    world.name("svc.local", [&blue]);
    let route = |port: u16, blue: u32, green: u32, target: u16| {
        format!(
            "{{ tcpRoute: {{ match: {{ port: {port} }}, action: {{ weightedTargets: [
                {{ virtualNode: blue, weight: {blue}, port: {target} }},
                {{ virtualNode: green, weight: {green}, port: {target} }}] }} }} }}"
        )
    };
    let mesh = Manifests::mesh("m", "{}")
        .node("client", &backends(&["svc.local"]))
        .node("blue", &NODE.replace("NAME", "blue.local"))
        .node("green", &NODE.replace("NAME", "green.local"))
        .service_of_router("svc.local", "r")
        .router(
            "r",
            "{ listeners: [{ portMapping: { port: 1000, protocol: tcp } }, { portMapping: { port: 2000, protocol: tcp } }] }",
        )
        .route("r", "first", &route(1000, 3, 1, 6379))
        .route("r", "second", &route(2000, 0, 1, 6380));
    world.apply(&mesh);

    let split = answers(&client, "svc.local:1000", CONNECTIONS).await;
    assert_eq!(split["blue\n"] + split["green\n"], CONNECTIONS, "{split:?}");
    assert!(
        (260..=340).contains(&split["blue\n"]),
        "three quarters of {split:?}"
    );
    let second = answers(&client, "svc.local:2000", 20).await;
    assert_eq!(second, BTreeMap::from([("green on 6380\n".to_owned(), 20)]));

    let mut open = client.tcp("svc.local:2000").await.expect("a connection");
    echoes(&mut open).await;
    let moved = mesh.route("r", "first", &route(1000, 0, 1, 6379));
    world.apply(moved.route("r", "second", &route(2000, 1, 0, 6380)));
    let moved = answers(&client, "svc.local:1000", 20).await;
    assert_eq!(moved, BTreeMap::from([("green\n".to_owned(), 20)]));
    let moved = answers(&client, "svc.local:2000", 20).await;
    assert_eq!(moved, BTreeMap::from([("blue on 6380\n".to_owned(), 20)]));
    // What is open goes on where it is.
    echoes(&mut open).await;
}

/// Names have addresses of other tasks, so that what were passed through would show.
pub(crate) async fn services_of_one_port_are_told_apart_by_address(mut world: World) {
    let one = world.task(TaskSpec::node("one").app(App::tcp(6379)));
    let two = world.task(TaskSpec::node("two").app(App::tcp(6379)));
    let other = world.task(TaskSpec::plain("other").app(App::tcp(6379)));
    let client = world.task(TaskSpec::node("client"));
    world.name("one.local", [&one]);
    world.name("two.local", [&two]);
    world.name("first.svc.local", [&two]);
    world.name("second.svc.local", [&one]);
    let mesh = Manifests::mesh("m", "{}")
        .node("client", &backends(&["first.svc.local", "second.svc.local"]))
        .node("one", &TCP_ON_6379.replace("NAME", "one.local"))
        .node("two", &TCP_ON_6379.replace("NAME", "two.local"))
        .service("first.svc.local", "virtualNode: { virtualNodeName: one }")
        .service("second.svc.local", "virtualNode: { virtualNodeName: two }");
    world.apply(&mesh);
    let say = async |name: &str| client.says(&format!("{name}:6379")).await;
    assert_eq!(say("first.svc.local").await, "one\n");
    assert_eq!(say("second.svc.local").await, "two\n");
    assert_eq!(
        say(&other.ipv4().to_string()).await,
        "",
        "no service has that address"
    );

    // Addresses are followed.
    world.name("second.svc.local", [&other]);
    world.wait_until_named();
    eventually("the new address leads to the service", async || {
        say("second.svc.local").await == "two\n"
    })
    .await;
    assert_eq!(say("first.svc.local").await, "one\n");

    // What cannot be told apart is the first one's, and told.
    world.name("second.svc.local", [&two]);
    world.wait_until_named();
    eventually("one address has one service", async || {
        say("second.svc.local").await == "one\n" && say(&other.ipv4().to_string()).await.is_empty()
    })
    .await;
    assert!(world.diagnostics().contains(&"port-conflict".to_owned()));
}

pub(crate) async fn a_port_of_requests_takes_connections_by_address(mut world: World) {
    let db = world.task(TaskSpec::node("db").app(App::tcp(8080)));
    let web = world.task(TaskSpec::node("web").app(App::http(8080)));
    let client = world.task(TaskSpec::node("client"));
    for (name, task) in [
        ("db.local", &db),
        ("web.local", &web),
        ("db.svc.local", &db),
        ("web.svc.local", &web),
    ] {
        world.name(name, [task]);
    }
    let node = |name: &str, protocol: &str| {
        format!(
            "{{ listeners: [{{ portMapping: {{ port: 8080, protocol: {protocol} }} }}],
                serviceDiscovery: {{ dns: {{ hostname: {name} }} }} }}"
        )
    };
    world.apply(
        Manifests::mesh("m", "{}")
            .node("client", &backends(&["web.svc.local", "db.svc.local"]))
            .node("db", &node("db.local", "tcp"))
            .node("web", &node("web.local", "http"))
            .service("db.svc.local", "virtualNode: { virtualNodeName: db }")
            .service("web.svc.local", "virtualNode: { virtualNodeName: web }"),
    );
    assert_eq!(client.says("db.svc.local:8080").await, "db\n");
    let reply = client.call(&Call::get("http://web.svc.local:8080/")).await;
    assert_eq!(reply.expect("an answer").seen().app, "web");
    assert_eq!(world.diagnostics(), [] as [String; 0]);
}
