//! Weighted targets of an HTTP route, and their changes under load.

use evermesh_e2e::{App, Call, Load, TaskSpec, World};

const SERVICE: &str = "http://svc.local:8080/";
const CALLS: usize = 1000;
const TOLERANCE: f64 = 6.0;

const MESH: &str = "
meshName: m
---
meshName: m
virtualNodeName: client
spec:
  backends: [{ virtualService: { virtualServiceName: svc.local } }]
---
meshName: m
virtualServiceName: svc.local
spec: { provider: { virtualRouter: { virtualRouterName: router } } }
---
meshName: m
virtualRouterName: router
spec: { listeners: [{ portMapping: { port: 8080, protocol: http } }] }
---
meshName: m
virtualNodeName: blue
spec:
  listeners: [{ portMapping: { port: 8080, protocol: http } }]
  serviceDiscovery: { dns: { hostname: blue.local } }
---
meshName: m
virtualNodeName: green
spec:
  listeners: [{ portMapping: { port: 8080, protocol: http } }]
  serviceDiscovery: { dns: { hostname: green.local } }
";

fn route(blue: u32, green: u32) -> String {
    format!(
        "
meshName: m
virtualRouterName: router
routeName: route
spec:
  httpRoute:
    match: {{ prefix: / }}
    action: {{ weightedTargets: [{{ virtualNode: blue, weight: {blue} }}, {{ virtualNode: green, weight: {green} }}] }}
"
    )
}

pub(crate) async fn move_without_a_failed_request(mut world: World) {
    let blue = world.task(TaskSpec::node("blue").app(App::http(8080)));
    let green = world.task(TaskSpec::node("green").app(App::http(8080)));
    let client = world.task(TaskSpec::node("client"));
    world.name("blue.local", [&blue]);
    world.name("green.local", [&green]);
    world.name("svc.local", [&blue]);
    world.apply(format!("{MESH}---{}", route(100, 0)));

    let call = Call::get(SERVICE);
    let load = Load::start(&client, &call, 2);
    let all = client.calls(&call, CALLS).await;
    all.assert_share("blue", 100.0, 0.0);
    for (weight_of_blue, weight_of_green, percent) in [(3, 1, 75.0), (50, 50, 50.0), (0, 7, 0.0)] {
        world.apply(route(weight_of_blue, weight_of_green));
        let split = client.calls(&call, CALLS).await;
        split.assert_no_failure();
        split.assert_share("blue", percent, if percent == 0.0 { 0.0 } else { TOLERANCE });
    }
    load.stop().await.assert_undisturbed();
    // Traffic went the way App Mesh names it, which users' dashboards rely on.
    assert!(client.stat("cluster.cds_egress_m_blue_http_8080.upstream_rq_200") > CALLS as u64);
    assert!(green.stat("cluster.cds_ingress_m_green_http_8080.upstream_rq_200") > CALLS as u64);
}
