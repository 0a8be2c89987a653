//! howto-match-and-rewrite-at-ingress: a gateway that matches hosts and query parameters, and rewrites paths or not.

use evermesh_e2e::{App, Call, Manifests, MeshTask, TaskSpec, World};

const MESH: &str = "match-and-rewrite-mesh";
const GATEWAY: &str = "http://gateway.default.svc.cluster.local:9080";

fn mesh() -> Manifests {
    let node = |color: &str| {
        format!(
            "{{ listeners: [{{ portMapping: {{ port: 9080, protocol: http }},
                 healthCheck: {{ healthyThreshold: 2, intervalMillis: 5000, path: /ping, protocol: http,
                   timeoutMillis: 2000, unhealthyThreshold: 2 }} }}],
               serviceDiscovery: {{ dns: {{ hostname: colorteller-{color}.default.svc.cluster.local }} }} }}"
        )
    };
    let listeners = "{ listeners: [{ portMapping: { port: 9080, protocol: http } }] }";
    Manifests::mesh(MESH, "{}")
        .node("colorteller-red-vn", &node("red"))
        .node("colorteller-yellow-vn", &node("yellow"))
        .router("colorteller-vr-1", listeners)
        .router("colorteller-vr-2", listeners)
        .route("colorteller-vr-1", "colorteller-route-1", &route("/tell", "red"))
        .route(
            "colorteller-vr-2",
            "colorteller-route-2",
            &route("/tell", "yellow"),
        )
        .service_of_router("colorteller-1.default.svc.cluster.local", "colorteller-vr-1")
        .service_of_router("colorteller-2.default.svc.cluster.local", "colorteller-vr-2")
        .gateway("colorgateway-vg", listeners)
        .gateway_route(
            "colorgateway-vg",
            "colorgateway-route-1",
            &gateway_route("prefix: /red", 1, ""),
        )
        .gateway_route(
            "colorgateway-vg",
            "colorgateway-route-2",
            &gateway_route("prefix: /yellow", 2, ""),
        )
}

fn route(prefix: &str, color: &str) -> String {
    format!(
        "{{ httpRoute: {{ match: {{ prefix: {prefix} }},
            action: {{ weightedTargets: [{{ virtualNode: colorteller-{color}-vn, weight: 1 }}] }} }} }}"
    )
}

fn gateway_route(matches: &str, service: u8, rewrite: &str) -> String {
    format!(
        "{{ httpRoute: {{ match: {{ {matches} }}, action: {{ {rewrite}
            target: {{ virtualService: {{ virtualServiceName: colorteller-{service}.default.svc.cluster.local }} }} }} }} }}"
    )
}

/// The color that answers, and the path that it was asked for; the status where none answers.
async fn ask(user: &MeshTask, path: &str, host: &str) -> Result<(String, String), u16> {
    let call = Call::get(&format!("{GATEWAY}{path}")).header("host", host);
    let reply = user.call(&call).await.expect("an answer");
    if reply.status == 200 {
        let seen = reply.seen();
        Ok((seen.app, seen.path))
    } else {
        Err(reply.status.as_u16())
    }
}

pub(crate) async fn replay(mut world: World) {
    let gateway = format!("mesh/{MESH}/virtualGateway/colorgateway-vg");
    let gateway = world.task(TaskSpec::plain("gateway").gateway_sidecar(&gateway));
    let user = world.task(TaskSpec::plain("user"));
    world.name("gateway.default.svc.cluster.local", [&gateway]);
    let _tellers = ["red", "yellow"].map(|color| {
        let spec = TaskSpec::plain(color).app(App::http(9080));
        let task = world.task(spec.sidecar(&format!("mesh/{MESH}/virtualNode/colorteller-{color}-vn")));
        world.name(&format!("colorteller-{color}.default.svc.cluster.local"), [&task]);
        task
    });
    world.apply(mesh());
    let answer = |color: &str, path: &str| Ok((color.to_owned(), path.to_owned()));
    let anyhost = "anything.example";
    assert_eq!(ask(&user, "/red/tell", anyhost).await, answer("red", "/tell"));
    assert_eq!(
        ask(&user, "/yellow/tell", anyhost).await,
        answer("yellow", "/tell")
    );

    let change =
        |spec: &str| Manifests::within(MESH).gateway_route("colorgateway-vg", "colorgateway-route-1", spec);
    let by_host = "prefix: /red, hostname: { exact: www.example.com }";
    world.apply(change(&gateway_route(by_host, 1, "")));
    assert_eq!(
        ask(&user, "/red/tell", "www.example.com").await,
        answer("red", "/tell")
    );
    assert_eq!(ask(&user, "/red/tell", anyhost).await, Err(404));

    // The path arrives as it is, so the service's route has to be one for it.
    let disabled = "rewrite: { prefix: { defaultPrefix: DISABLED } },";
    world.apply(change(&gateway_route("prefix: /red/", 1, disabled)).route(
        "colorteller-vr-1",
        "colorteller-route-1",
        &route("/red/tell", "red"),
    ));
    assert_eq!(ask(&user, "/red/tell", anyhost).await, answer("red", "/red/tell"));

    let nemo = "prefix: /maroon/, queryParameters: [{ name: fishes, match: { exact: nemo } }]";
    world.apply(change(&gateway_route(
        nemo,
        1,
        "rewrite: { prefix: { value: /red/ } },",
    )));
    let found = ask(&user, "/maroon/tell?fishes=nemo", anyhost).await;
    assert_eq!(found, answer("red", "/red/tell?fishes=nemo"));
    assert_eq!(ask(&user, "/maroon/tell?fishes=dory", anyhost).await, Err(404));
    assert_eq!(ask(&user, "/maroon/tell", anyhost).await, Err(404));
}
