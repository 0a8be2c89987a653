//! The getting-started document: a router in front of two versions of a service, and a route that shifts.
//!
//! Every command of the document runs as it stands there. At the two places where the document speaks of traffic the
//! test sends some: all of it reaches the first version, and after `update-route` three quarters do.

use std::future::Future;

use evermesh_e2e::{Answers, Client, MeshTask, World};
use evermesh_testkit::walkthrough::{GETTING_STARTED, Step, steps};

const SERVICE: &str = "svc1.pgMesh.local";
/// Requests whose split is measured, and by how many points it may be off.
const REQUESTS: usize = 2000;
const TOLERANCE: f64 = 3.0;

pub(crate) fn replay() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime can be made").block_on(walk_through());
}

async fn walk_through() {
    let mut world = World::start();
    let tasks = start_tasks(&mut world);
    let (before, after) = split_at_update_route();

    for step in before {
        follow(&world, &step);
    }
    world.wait_until_in_sync(tasks.len());
    tasks.iter().for_each(MeshTask::wait_until_ready);
    let caller = tasks.last().expect("three tasks");

    let mut client = Client::connect(caller, SERVICE)
        .await
        .expect("a backend can be called");
    let all = client.ask(REQUESTS).await;
    assert_eq!(all.percent("svcNode1"), 100.0, "{all:?}");
    assert_eq!(all.failures.len(), 0, "{all:?}");

    let during = while_asking(client, async {
        for step in after {
            follow(&world, &step);
        }
        world.wait_until_in_sync(3);
    });
    let (mut client, during) = during.await;
    assert_eq!(
        during.failures.len(),
        0,
        "requests failed during the change: {during:?}"
    );
    let split = client.ask(REQUESTS).await;
    assert_eq!(split.failures.len(), 0, "{split:?}");
    assert!((split.percent("svcNode1") - 75.0).abs() <= TOLERANCE, "{split:?}");
    assert!(
        (split.percent("svcNode1v2") - 25.0).abs() <= TOLERANCE,
        "{split:?}"
    );

    refuses_what_is_no_backend(caller, &tasks[0]).await;
    // Traffic went the way App Mesh names it, which users' dashboards rely on.
    assert!(caller.stat("cluster.cds_egress_pgMesh_svcNode1_http2_80.upstream_rq_200") > 0);
    assert!(caller.stat("http.egress.downstream_rq_2xx") > 0);
    assert!(tasks[0].stat("cluster.cds_ingress_pgMesh_svcNode1_http2_80.upstream_rq_200") > 0);
}

/// svcNode2 lists svc1 only, so another host on the same port gets 404; svcNode1 lists nothing, so it cannot even
/// connect to svc2.
async fn refuses_what_is_no_backend(svc_node2: &MeshTask, svc_node1: &MeshTask) {
    let mut client = Client::connect(svc_node2, "svcNode1v2.pgMesh.local")
        .await
        .expect("the port is captured");
    let (status, _) = client.get("/").await.expect("an answer");
    assert_eq!(status, 404);
    let closed = match Client::connect(svc_node1, "svc2.pgMesh.local").await {
        Ok(mut client) => client.get("/").await.map(|answer| format!("{answer:?}")),
        Err(error) => Err(error),
    };
    assert!(closed.is_err(), "answered: {closed:?}");
}

/// The actual services, which are there before the mesh is: names as in the document.
fn start_tasks(world: &mut World) -> Vec<MeshTask> {
    let task = |world: &World, name: &str| world.task(name, &format!("mesh/pgMesh/virtualNode/{name}"));
    let tasks = vec![
        task(world, "svcNode1"),
        task(world, "svcNode1v2"),
        task(world, "svcNode2"),
    ];
    for (name, index) in [
        ("svcNode1.pgMesh.local", 0),
        ("svcNode1v2.pgMesh.local", 1),
        ("svc1.pgMesh.local", 0),
        ("svc2.pgMesh.local", 2),
    ] {
        world.name(name, &tasks[index]);
    }
    tasks
}

/// The document's steps up to the one that moves the weights, and from there on.
fn split_at_update_route() -> (Vec<Step>, Vec<Step>) {
    let mut before = steps(GETTING_STARTED).expect("the document can be followed");
    let moves =
        |step: &Step| matches!(step, Step::Run { argv } if argv.iter().any(|word| word == "update-route"));
    let at = before
        .iter()
        .position(moves)
        .expect("the document updates the route");
    let after = before.split_off(at);
    (before, after)
}

fn follow(world: &World, step: &Step) {
    match step {
        Step::WriteFile { name, content } => world.write(name, content),
        Step::Run { argv } => {
            let output = world.aws(&argv[1..]);
            assert_eq!(output.code, 0, "{argv:?}: {}", output.stderr);
            assert!(output.json().is_object(), "{argv:?} answers with an object");
        }
    }
}

/// Asks without pause until `change` is done, on a runtime thread of its own.
async fn while_asking(mut client: Client, change: impl Future<Output = ()>) -> (Client, Answers) {
    let (done, mut is_done) = tokio::sync::oneshot::channel::<()>();
    let asking = tokio::spawn(async move {
        let mut answers = Answers::default();
        while is_done.try_recv().is_err() {
            answers.add(&client.ask(20).await);
        }
        (client, answers)
    });
    change.await;
    done.send(()).expect("the client is still asking");
    let (client, answers) = asking.await.expect("the client does not panic");
    assert!(answers.succeeded() > 0, "no request was made during the change");
    (client, answers)
}
