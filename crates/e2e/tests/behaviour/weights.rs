//! Weighted targets of an HTTP route, and their changes under load.

use evermesh_e2e::{App, Call, Load, Manifests, TaskSpec, World};

const SERVICE: &str = "http://svc.local:8080/";
const CALLS: usize = 1000;
const TOLERANCE: f64 = 6.0;

fn mesh() -> Manifests {
    let colored = |mesh: Manifests, color: &str| {
        let spec = format!(
            "{{ listeners: [{{ portMapping: {{ port: 8080, protocol: http }} }}],
                serviceDiscovery: {{ dns: {{ hostname: {color}.local }} }} }}"
        );
        mesh.node(color, &spec)
    };
    let mesh = Manifests::mesh("m", "{}")
        .node(
            "client",
            "{ backends: [{ virtualService: { virtualServiceName: svc.local } }] }",
        )
        .service_of_router("svc.local", "router")
        .router(
            "router",
            "{ listeners: [{ portMapping: { port: 8080, protocol: http } }] }",
        );
    ["blue", "green"].into_iter().fold(mesh, colored)
}

fn with_weights(mesh: Manifests, blue: u32, green: u32) -> Manifests {
    let targets =
        format!("{{ virtualNode: blue, weight: {blue} }}, {{ virtualNode: green, weight: {green} }}");
    mesh.route(
        "router",
        "route",
        &format!("{{ httpRoute: {{ match: {{ prefix: / }}, action: {{ weightedTargets: [{targets}] }} }} }}"),
    )
}

pub(crate) async fn move_without_a_failed_request(mut world: World) {
    let blue = world.task(TaskSpec::node("blue").app(App::http(8080)));
    let green = world.task(TaskSpec::node("green").app(App::http(8080)));
    let client = world.task(TaskSpec::node("client"));
    world.name("blue.local", [&blue]);
    world.name("green.local", [&green]);
    world.name("svc.local", [&blue]);
    world.apply(with_weights(mesh(), 100, 0));

    let call = Call::get(SERVICE);
    let load = Load::start(&client, &call, 2);
    let all = client.calls(&call, CALLS).await;
    all.assert_share("blue", 100.0, 0.0);
    for (weight_of_blue, weight_of_green, percent) in [(3, 1, 75.0), (50, 50, 50.0), (0, 7, 0.0)] {
        world.apply(with_weights(
            Manifests::within("m"),
            weight_of_blue,
            weight_of_green,
        ));
        let split = client.calls(&call, CALLS).await;
        split.assert_no_failure();
        split.assert_share("blue", percent, if percent == 0.0 { 0.0 } else { TOLERANCE });
    }
    load.stop().await.assert_undisturbed();
    // Traffic went the way App Mesh names it, which users' dashboards rely on.
    assert!(client.stat("cluster.cds_egress_m_blue_http_8080.upstream_rq_200") > CALLS as u64);
    assert!(green.stat("cluster.cds_ingress_m_green_http_8080.upstream_rq_200") > CALLS as u64);
}
