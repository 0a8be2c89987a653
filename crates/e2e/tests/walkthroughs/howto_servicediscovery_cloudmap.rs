//! howto-servicediscovery-cloudmap: tasks of several families behind one Cloud Map service, told apart by an attribute.

use evermesh_e2e::{App, Call, Instance, Manifests, MeshTask, TaskSpec, World, eventually};

const MESH: &str = "demo";
const FAMILY: &str = "ECS_TASK_DEFINITION_FAMILY";

fn mesh() -> Manifests {
    let check = "healthCheck: { protocol: http, path: /ping, healthyThreshold: 2, unhealthyThreshold: 2,
                   timeoutMillis: 2000, intervalMillis: 5000 }";
    let listeners = format!("listeners: [{{ portMapping: {{ port: 9080, protocol: http }}, {check} }}]");
    let node = |family: &str| {
        format!(
            "{{ {listeners}, serviceDiscovery: {{ awsCloudMap: {{ serviceName: colorteller, namespaceName: demo.local,
                  attributes: [{{ key: {FAMILY}, value: {family} }}] }} }} }}"
        )
    };
    Manifests::mesh(MESH, "{}")
        .node("colorteller-blue-node", &node("blue"))
        .node("colorteller-green-node", &node("green"))
        .gateway("colorgateway", &format!("{{ {listeners} }}"))
        .gateway_route(
            "colorgateway",
            "gatewayroute",
            "{ httpRoute: { match: { prefix: / }, action: { target: { virtualService: {
                 virtualServiceName: colorteller.demo.local } } } } }",
        )
        .service_of_router("colorteller.demo.local", "colorteller-virtual-router")
        .router(
            "colorteller-virtual-router",
            "{ listeners: [{ portMapping: { port: 9080, protocol: http } }] }",
        )
        .route(
            "colorteller-virtual-router",
            "colorteller-route",
            "{ httpRoute: { match: { prefix: / },
               action: { weightedTargets: [{ virtualNode: colorteller-blue-node, weight: 50 },
                                           { virtualNode: colorteller-green-node, weight: 50 }] } } }",
        )
}

pub(crate) async fn replay(mut world: World) {
    let teller = |name: &str, family: &str| {
        let node = format!("mesh/{MESH}/virtualNode/colorteller-{family}-node");
        TaskSpec::plain(name).sidecar(&node).app(App::http(9080))
    };
    let blue = world.task(teller("blue", "blue"));
    let green = world.task(teller("green-1", "green"));
    let more_green = world.task(teller("green-2", "green"));
    let black = world.task(TaskSpec::plain("black").app(App::http(9080)));
    let gateway = format!("mesh/{MESH}/virtualGateway/colorgateway");
    let gateway = world.task(TaskSpec::plain("gateway").gateway_sidecar(&gateway));
    let user = world.task(TaskSpec::plain("user"));
    // As ECS registers its tasks.
    let registered = |task: &MeshTask, family: &str| {
        let instance = Instance::at(task.ipv4()).with("AWS_INSTANCE_PORT", "9080");
        instance.with(FAMILY, family)
    };
    let first = [
        registered(&blue, "blue"),
        registered(&green, "green"),
        registered(&black, "black"),
    ];
    world.instances("demo.local", "colorteller", first.clone());
    world.apply(mesh());

    let call = Call::get(&format!("http://{}:9080/color", gateway.ipv4()));
    eventually("both families are healthy", async || {
        let healthy = |family: &str| {
            let cluster = format!("cluster.cds_egress_{MESH}_colorteller-{family}-node_http_9080");
            gateway.stat(&format!("{cluster}.membership_healthy"))
        };
        healthy("blue") == 1 && healthy("green") == 1
    })
    .await;
    let colors = user.calls(&call, 200).await;
    colors.assert_no_failure();
    colors.assert_share("blue", 50.0, 14.0);
    colors.assert_share("green-1", 50.0, 14.0);
    assert_eq!(black.app(9080).requests(), 0);

    // The family grows, and takes no more of the traffic than before.
    let grown = first.into_iter().chain([registered(&more_green, "green")]);
    world.instances("demo.local", "colorteller", grown);
    eventually("the new task takes calls", async || {
        user.call(&call).await.expect("an answer").seen().app == "green-2"
    })
    .await;
    let colors = user.calls(&call, 200).await;
    colors.assert_no_failure();
    colors.assert_share("blue", 50.0, 14.0);
}
