//! How the tasks of a virtual node are found: by DNS, and through Cloud Map.

use evermesh_e2e::{App, Call, Instance, Manifests, MeshTask, TaskSpec, World, eventually};

const SERVICE: &str = "http://svc.local:8080/";
const CALLS: usize = 100;
const MEMBERS: &str = "cluster.cds_egress_m_svc_http_8080.membership_total";

/// A client of a service whose node is found so.
fn mesh(discovery: &str) -> Manifests {
    let node = format!(
        "{{ listeners: [{{ portMapping: {{ port: 8080, protocol: http }} }}], serviceDiscovery: {discovery} }}"
    );
    Manifests::mesh("m", "{}")
        .node(
            "client",
            "{ backends: [{ virtualService: { virtualServiceName: svc.local } }] }",
        )
        .service("svc.local", "virtualNode: { virtualNodeName: svc }")
        .node("svc", &node)
}

fn tasks<const N: usize>(world: &mut World, names: [&str; N]) -> [MeshTask; N] {
    names.map(|name| world.task(TaskSpec::plain(name).app(App::http(8080))))
}

pub(crate) async fn a_load_balancer_is_one_host_and_endpoints_are_many(mut world: World) {
    let [one, two, three] = tasks(&mut world, ["one", "two", "three"]);
    let client = world.task(TaskSpec::node("client"));
    world.name("tasks.local", [&one, &two]);
    world.name("svc.local", [&one]);
    let call = Call::get(SERVICE);

    world.apply(mesh("{ dns: { hostname: tasks.local } }"));
    let to_balancer = client.calls(&call, CALLS).await;
    to_balancer.assert_no_failure();
    assert_eq!(
        to_balancer.answers.len(),
        1,
        "one address of several: {to_balancer:?}"
    );
    assert_eq!(client.stat(MEMBERS), 1);

    world.apply(mesh(
        "{ dns: { hostname: tasks.local, responseType: ENDPOINTS } }",
    ));
    eventually("both tasks are found", async || client.stat(MEMBERS) == 2).await;
    let to_endpoints = client.calls(&call, CALLS).await;
    to_endpoints.assert_no_failure();
    to_endpoints.assert_share("one", 50.0, 16.0);
    to_endpoints.assert_share("two", 50.0, 16.0);

    world.name("tasks.local", [&three]);
    eventually("the name is asked for again", async || {
        client.get(SERVICE).await == "three" && client.stat(MEMBERS) == 1
    })
    .await;
}

pub(crate) async fn instances_of_cloud_map_come_and_go(mut world: World) {
    const DISCOVERY: &str = "{ awsCloudMap: { namespaceName: space, serviceName: svc,
        attributes: [{ key: family, value: blue }, { key: stage, value: live }] } }";
    let [one, two, green] = tasks(&mut world, ["one", "two", "green"]);
    let client = world.task(TaskSpec::node("client"));
    world.name("svc.local", [&one]);
    let at = |task: &MeshTask| Instance::at(task.ipv4()).with("stage", "live");
    let blue = |task: &MeshTask| at(task).with("family", "blue");
    let others = [
        at(&green).with("family", "green"),
        Instance::at(green.ipv4()).with("family", "blue"),
        blue(&green).with("AWS_INIT_HEALTH_STATUS", "UNHEALTHY"),
    ];
    let with = |these: &[&MeshTask]| {
        let blue = these.iter().map(|task| blue(task));
        blue.chain(others.clone()).collect::<Vec<_>>()
    };
    let call = Call::get(SERVICE);

    // Nobody is there, which is no reason to wait.
    world.instances("space", "svc", with(&[]));
    world.apply(mesh(DISCOVERY));
    assert_eq!(client.status(SERVICE).await, 503);

    world.instances("space", "svc", with(&[&one]));
    eventually("the first one takes calls", async || {
        client.status(SERVICE).await == 200
    })
    .await;
    let updates = || {
        let counts = [
            "cluster_manager.cds",
            "listener_manager.lds",
            "http.egress.rds.rds_egress_http_8080",
        ];
        counts.map(|kind| client.stat(&format!("{kind}.update_success")))
    };
    let before = updates();
    world.instances("space", "svc", with(&[&one, &two]));
    eventually("another one takes calls", async || client.stat(MEMBERS) == 2).await;
    let both = client.calls(&call, CALLS).await;
    both.assert_no_failure();
    both.assert_share("one", 50.0, 16.0);
    assert_eq!(both.of("one") + both.of("two"), CALLS, "{both:?}");
    assert_eq!(updates(), before, "nothing but endpoints is sent");

    world.instances("space", "svc", with(&[&two]));
    eventually("the first one has left", async || client.stat(MEMBERS) == 1).await;
    client.calls(&call, CALLS).await.assert_share("two", 100.0, 0.0);
    world.instances("space", "svc", with(&[]));
    eventually("the last one has left", async || {
        client.status(SERVICE).await == 503
    })
    .await;
}
