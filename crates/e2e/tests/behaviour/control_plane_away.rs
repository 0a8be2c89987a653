//! Proxies go on while the control plane is away, and are sent nothing when it comes back, because nothing changed.

use std::collections::BTreeMap;
use std::fs;

use evermesh_e2e::{App, Call, Load, Manifests, MeshTask, TaskSpec, World, eventually};

const SERVICE: &str = "http://svc.local:8080/";
/// Counters of what was taken over from the control plane.
const UPDATES: &str = "update_success";

fn mesh(target: &str) -> Manifests {
    let server = |host: &str| {
        format!(
            "{{ listeners: [{{ portMapping: {{ port: 8080, protocol: http }} }}],
               serviceDiscovery: {{ dns: {{ hostname: {host}.local }} }} }}"
        )
    };
    let backend = "{ backends: [{ virtualService: { virtualServiceName: svc.local } }] }";
    Manifests::mesh("m", "{}")
        .node("client", backend)
        .node("blue", &server("blue"))
        .node("green", &server("green"))
        .service_of_router("svc.local", "router")
        .router(
            "router",
            "{ listeners: [{ portMapping: { port: 8080, protocol: http } }] }",
        )
        .route("router", "all", &route(target))
}

fn route(target: &str) -> String {
    format!(
        "{{ httpRoute: {{ match: {{ prefix: / }},
             action: {{ weightedTargets: [{{ virtualNode: {target}, weight: 1 }}] }} }} }}"
    )
}

/// How often each kind of resource was taken over; names are looked up by the proxy itself, which is no update.
fn updates(proxies: &[MeshTask]) -> Vec<BTreeMap<String, u64>> {
    let of = |proxy: &MeshTask| {
        let mut found = proxy.stats(UPDATES);
        found.retain(|name, _| {
            [".cds.", ".lds.", ".rds.", ".sds."]
                .iter()
                .any(|kind| name.contains(kind))
        });
        assert!(found.values().sum::<u64>() > 0, "no counters: {found:?}");
        found
    };
    proxies.iter().map(of).collect()
}

/// Starts blue, green, and their client, whose calls go to blue.
fn start(world: &mut World) -> [MeshTask; 3] {
    let [blue, green] = ["blue", "green"].map(|name| world.task(TaskSpec::node(name).app(App::http(8080))));
    let client = world.task(TaskSpec::node("client"));
    world.name("blue.local", [&blue]);
    world.name("green.local", [&green]);
    world.name("svc.local", [&blue]);
    world.apply(mesh("blue"));
    [blue, green, client]
}

async fn until_connected(proxies: &[MeshTask], connected: u64) {
    eventually(
        "all proxies know whether the control plane is there",
        async || {
            proxies
                .iter()
                .all(|proxy| proxy.stat("control_plane.connected_state") == connected)
        },
    )
    .await;
}

pub(crate) async fn nothing_is_sent_when_it_comes_back(mut world: World) {
    let proxies = start(&mut world);
    let client = &proxies[2];
    let load = Load::start(client, &Call::get(SERVICE), 2);
    let before = updates(&proxies);

    world.kill_control_plane();
    until_connected(&proxies, 0).await;
    // Names are the control plane's too, so a new connection needs an address.
    let call = Call::get(SERVICE).via(&format!("{}:8080", proxies[0].ipv4()));
    let reply = client
        .call(&call)
        .await
        .expect("an answer without a control plane");
    assert_eq!(reply.seen().app, "blue");
    world.start_control_plane();
    world.settle();
    until_connected(&proxies, 1).await;
    assert_eq!(updates(&proxies), before, "on the same data");

    world.kill_control_plane();
    until_connected(&proxies, 0).await;
    restore_a_copy(&world);
    world.start_control_plane();
    world.settle();
    until_connected(&proxies, 1).await;
    assert_eq!(updates(&proxies), before, "on a restored copy");
    load.stop().await.assert_undisturbed();

    // It does go on with them from there.
    world.apply(Manifests::within("m").route("router", "all", &route("green")));
    assert_eq!(client.get(SERVICE).await, "green");
    assert_ne!(updates(&proxies), before);
}

/// The route moves to another target, and the one it had goes, before the proxies are back from a restart.
pub(crate) async fn a_change_before_they_are_back_disturbs_nobody(mut world: World) {
    let proxies = start(&mut world);
    let client = &proxies[2];
    let load = Load::start(client, &Call::get(SERVICE), 2);

    world.refuse_proxies();
    world.kill_control_plane();
    until_connected(&proxies, 0).await;
    world.start_control_plane();
    world.submit(
        Manifests::within("m").route("router", "all", &route("green")),
        &[],
    );
    assert_eq!(client.stat("cluster_manager.cluster_removed"), 0);
    world.admit_proxies();
    world.settle();
    assert_eq!(client.get(SERVICE).await, "green");
    assert_eq!(client.stat("cluster_manager.cluster_removed"), 1);
    load.stop().await.assert_undisturbed();
}

/// What an operator does after a machine is lost: other files, with the same content.
fn restore_a_copy(world: &World) {
    let (data, copy) = (world.data_dir(), world.directory().join("copy"));
    fs::create_dir(&copy).expect("the directory is writable");
    for file in fs::read_dir(&data).expect("there is data") {
        let file = file.expect("there is data");
        fs::copy(file.path(), copy.join(file.file_name())).expect("a file can be copied");
    }
    fs::remove_dir_all(&data).expect("the directory is writable");
    fs::rename(&copy, &data).expect("the directory is writable");
}
