//! howto-alb: one version of a backend behind a load balancer, the other found by itself, half of the traffic each.

use evermesh_e2e::{App, Call, Manifests, TaskSpec, World};

const MESH: &str = "howto-alb";
const FRONT: &str = "http://front.howto-alb.local:8080/";
const BACKEND: &str = "http://backend.howto-alb.hosted.local:8080/";

fn mesh() -> Manifests {
    let node = |host: &str, backends: &str| {
        format!(
            "{{ listeners: [{{ portMapping: {{ port: 8080, protocol: http }} }}], backends: [{backends}],
               serviceDiscovery: {{ dns: {{ hostname: {host} }} }} }}"
        )
    };
    let backend = "{ virtualService: { virtualServiceName: backend.howto-alb.hosted.local } }";
    Manifests::mesh(MESH, "{}")
        .node("howto-alb-front-node", &node("front.howto-alb.local", backend))
        .node("howto-alb-backend-v1-node", &node("internal-alb.elb.local", ""))
        .node(
            "howto-alb-backend-v2-node",
            &node("backend-v2.howto-alb.local", ""),
        )
        .service_of_router("backend.howto-alb.hosted.local", "howto-alb-backend-router")
        .router(
            "howto-alb-backend-router",
            "{ listeners: [{ portMapping: { port: 8080, protocol: http } }] }",
        )
        .route(
            "howto-alb-backend-router",
            "howto-alb-backend-route",
            "{ httpRoute: { match: { prefix: / },
               action: { weightedTargets: [{ virtualNode: howto-alb-backend-v1-node, weight: 50 },
                                           { virtualNode: howto-alb-backend-v2-node, weight: 50 }] } } }",
        )
}

pub(crate) async fn replay(mut world: World) {
    let node =
        |name: &str| TaskSpec::plain(name).sidecar(&format!("mesh/{MESH}/virtualNode/howto-alb-{name}-node"));
    let front = world.task(node("front").app(App::front(8080, Call::get(BACKEND))));
    let v1 = world.task(node("backend-v1").app(App::http(8080)));
    let v2 = world.task(node("backend-v2").app(App::http(8080)));
    // The load balancer is outside the mesh, and knows the tasks of its target group by itself.
    let target = format!("http://{}:8080/", v1.ipv4());
    let balancer = world.task(TaskSpec::plain("alb").app(App::front(8080, Call::get(&target))));
    let user = world.task(TaskSpec::plain("user"));
    world.name("front.howto-alb.local", [&front]);
    world.name("internal-alb.elb.local", [&balancer]);
    world.name("backend-v2.howto-alb.local", [&v2]);
    world.name("backend.howto-alb.hosted.local", [&balancer]);
    world.apply(mesh());

    let answers = user.calls(&Call::get(FRONT), 200).await;
    answers.assert_no_failure();
    answers.assert_share("backend-v1", 50.0, 14.0);
    assert_eq!(
        answers.of("backend-v1") + answers.of("backend-v2"),
        200,
        "{answers:?}"
    );
    assert_eq!(balancer.app(8080).requests(), answers.of("backend-v1"));
}
