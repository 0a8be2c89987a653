//! Retry policies: which failures are tried again, how often, and what happens without a policy.

use evermesh_e2e::{Answer, App, Call, MeshTask, TaskSpec, World};

const SERVICE: &str = "http://svc.local:8080/";
const RETRIES: &str = "cluster.cds_egress_m_server_http_8080.upstream_rq_retry";

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
virtualNodeName: server
spec:
  listeners: [{ portMapping: { port: 8080, protocol: http } }]
  serviceDiscovery: { dns: { hostname: server.local } }
";

/// A server behind a route with a retry policy, and a client.
fn start(world: &mut World, policy: &str) -> (MeshTask, MeshTask) {
    let server = world.task(TaskSpec::node("server").app(App::http(8080)));
    let client = world.task(TaskSpec::node("client"));
    world.name("server.local", [&server]);
    world.name("svc.local", [&server]);
    world.apply(format!("{MESH}---{}", route(policy)));
    (server, client)
}

fn route(policy: &str) -> String {
    format!(
        "
meshName: m
virtualRouterName: router
routeName: route
spec:
  httpRoute:
    match: {{ prefix: / }}
    action: {{ weightedTargets: [{{ virtualNode: server, weight: 1 }}] }}
    {policy}
"
    )
}

/// As many failures as there are retries are not seen, one more is; a status that is no server error is never retried.
pub(crate) async fn server_errors_are_tried_again(mut world: World) {
    let policy = "retryPolicy: { maxRetries: 3, perRetryTimeout: { unit: s, value: 5 },
                  httpRetryEvents: [server-error] }";
    let (server, client) = start(&mut world, policy);
    let fail_first = |times: usize, status: u16| {
        move |asked: &evermesh_e2e::Asked| {
            if asked.number < times {
                Answer::Status(status)
            } else {
                Answer::Echo
            }
        }
    };
    for (failures, status, seen, requests) in [
        (3, 500, 200, 4),
        (4, 511, 511, 4),
        (1, 501, 200, 2),
        (1, 418, 418, 1),
    ] {
        server.app(8080).answer(fail_first(failures, status));
        assert_eq!(client.status(SERVICE).await, seen, "{failures} times {status}");
        assert_eq!(server.app(8080).requests(), requests, "{failures} times {status}");
    }
    assert_eq!(client.stat(RETRIES), 3 + 3 + 1);

    world.apply(route(
        "retryPolicy: { maxRetries: 0, perRetryTimeout: { unit: s, value: 5 },
                        httpRetryEvents: [server-error] }",
    ));
    server.app(8080).answer(fail_first(1, 500));
    assert_eq!(client.status(SERVICE).await, 500);
}

/// A route without a policy has one: 503 and connections that are cut are tried twice more, 500 is not.
pub(crate) async fn the_default_policy(mut world: World) {
    let (server, client) = start(&mut world, "");
    let call = Call::get(SERVICE);
    server.app(8080).answer(|asked| match asked.number {
        0 => Answer::Status(503),
        1 => Answer::Reset,
        _ => Answer::Echo,
    });
    let reply = client.call(&call).await.expect("an answer");
    assert_eq!((reply.status.as_u16(), server.app(8080).requests()), (200, 3));

    server.app(8080).answer(|_| Answer::Status(500));
    assert_eq!(client.status(SERVICE).await, 500);
    assert_eq!(server.app(8080).requests(), 1);
}
