//! howto-ecs-basics: tasks registered with Cloud Map come into a mesh, and traffic is shared with a second version.

use evermesh_e2e::{App, Call, Instance, Manifests, MeshTask, TaskSpec, World};

const MESH: &str = "basics";
const COLOR: &str = "http://color.basics.mesh.local:8080/color";

/// Stage 2, where a virtual node provides the service.
fn meshified() -> Manifests {
    let color = |family: &str| {
        format!(
            "{{ listeners: [{{ portMapping: {{ port: 8080, protocol: http }} }}], serviceDiscovery: {{ awsCloudMap: {{
                  namespaceName: basics.pvtdns, serviceName: color,
                  attributes: [{{ key: ECS_TASK_DEFINITION_FAMILY, value: {family} }}] }} }} }}"
        )
    };
    Manifests::mesh(MESH, "{}")
        .node("basics-color-node", &color("basics-color"))
        .node("basics-color-v2-node", &color("basics-color-v2"))
        .service(
            "color.basics.mesh.local",
            "virtualNode: { virtualNodeName: basics-color-node }",
        )
        .node(
            "basics-front-node",
            "{ listeners: [{ portMapping: { port: 8080, protocol: http } }],
               serviceDiscovery: { dns: { hostname: front.elb.local } },
               backends: [{ virtualService: { virtualServiceName: color.basics.mesh.local } }] }",
        )
}

/// Stage 3, where a router does.
fn routed() -> Manifests {
    meshified()
        .router(
            "basics-color-router",
            "{ listeners: [{ portMapping: { port: 8080, protocol: http } }] }",
        )
        .route(
            "basics-color-router",
            "basics-color-route",
            "{ httpRoute: { match: { prefix: / },
               action: { weightedTargets: [{ virtualNode: basics-color-node, weight: 50 },
                                           { virtualNode: basics-color-v2-node, weight: 50 }] } } }",
        )
        .service_of_router("color.basics.mesh.local", "basics-color-router")
}

pub(crate) async fn replay(mut world: World) {
    let node =
        |name: &str| TaskSpec::plain(name).sidecar(&format!("mesh/{MESH}/virtualNode/basics-{name}-node"));
    let front = world.task(node("front").app(App::front(8080, Call::get(COLOR))));
    let color = world.task(node("color").app(App::http(8080)));
    let color_v2 = world.task(node("color-v2").app(App::http(8080)));
    let user = world.task(TaskSpec::plain("user"));
    let registered = |task: &MeshTask, family: &str| {
        let instance = Instance::at(task.ipv4());
        instance.with("ECS_TASK_DEFINITION_FAMILY", family)
    };
    let instances = [
        registered(&color, "basics-color"),
        registered(&color_v2, "basics-color-v2"),
    ];
    world.instances("basics.pvtdns", "color", instances);
    world.name("front.elb.local", [&front]);
    // Virtual services have names of a zone of their own, with an address where nothing listens: only the mesh answers.
    world.name("color.basics.mesh.local", [&user]);
    let loop_of_calls = Call::get("http://front.elb.local:8080/color");

    world.apply(meshified());
    let colors = user.calls(&loop_of_calls, 50).await;
    colors.assert_no_failure();
    assert_eq!(colors.of("color"), 50, "{colors:?}");

    world.apply(routed());
    let colors = user.calls(&loop_of_calls, 200).await;
    colors.assert_no_failure();
    colors.assert_share("color", 50.0, 14.0);
    colors.assert_share("color-v2", 50.0, 14.0);
}
