//! Retry policies: which failures are tried again, how often, and what happens without a policy.

use evermesh_e2e::{Answer, Call, Manifests, World};

use crate::one_server::{self, OneServer, PORT};

const SERVICE: &str = "http://svc.local:8080/";
const RETRIES: &str = "cluster.cds_egress_m_server_http_8080.upstream_rq_retry";

/// A server behind a route with a retry policy, and a client.
fn start(world: &mut World, policy: &str) -> OneServer {
    let tasks = OneServer::start(world, &[PORT]);
    world.apply(with_policy(one_server::mesh("http", &[PORT]), policy));
    tasks
}

fn with_policy(mesh: Manifests, policy: &str) -> Manifests {
    mesh.route(
        "router",
        "route",
        &one_server::route("httpRoute", "prefix: /", PORT, policy),
    )
}

/// As many failures as there are retries are not seen, one more is; a status that is no server error is never retried.
pub(crate) async fn server_errors_are_tried_again(mut world: World) {
    let policy = "retryPolicy: { maxRetries: 3, perRetryTimeout: { unit: s, value: 5 },
                  httpRetryEvents: [server-error] },";
    let OneServer { server, client } = start(&mut world, policy);
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
        server.app(PORT).answer(fail_first(failures, status));
        assert_eq!(client.status(SERVICE).await, seen, "{failures} times {status}");
        assert_eq!(server.app(PORT).requests(), requests, "{failures} times {status}");
    }
    assert_eq!(client.stat(RETRIES), 3 + 3 + 1);

    let policy = "retryPolicy: { maxRetries: 0, perRetryTimeout: { unit: s, value: 5 },
                  httpRetryEvents: [server-error] },";
    world.apply(with_policy(Manifests::within("m"), policy));
    server.app(PORT).answer(fail_first(1, 500));
    assert_eq!(client.status(SERVICE).await, 500);
}

/// A route without a policy has one: 503 and connections that are cut are tried twice more, 500 is not.
pub(crate) async fn the_default_policy(mut world: World) {
    let OneServer { server, client } = start(&mut world, "");
    let call = Call::get(SERVICE);
    server.app(PORT).answer(|asked| match asked.number {
        0 => Answer::Status(503),
        1 => Answer::Reset,
        _ => Answer::Echo,
    });
    let reply = client.call(&call).await.expect("an answer");
    assert_eq!((reply.status.as_u16(), server.app(PORT).requests()), (200, 3));

    server.app(PORT).answer(|_| Answer::Status(500));
    assert_eq!(client.status(SERVICE).await, 500);
    assert_eq!(server.app(PORT).requests(), 1);
}
