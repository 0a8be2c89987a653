//! The getting-started document: a router in front of two versions of a service, and a route that shifts.
//!
//! Every command of the document runs as it stands there. At the two places where the document speaks of traffic the
//! test sends some: all of it reaches the first version, and after `update-route` three quarters do.

use evermesh_e2e::{App, Call, Load, MeshTask, TaskSpec, World, eventually};
use evermesh_testkit::walkthrough::{GETTING_STARTED, Step, steps};

const SERVICE: &str = "http://svc1.pgMesh.local/";
/// Requests whose split is measured, and by how many points it may be off.
const REQUESTS: usize = 2000;
const TOLERANCE: f64 = 4.0;

pub(crate) async fn replay(mut world: World) {
    let tasks = start_tasks(&mut world);
    let (before, after) = split_at_update_route();

    for step in before {
        follow(&world, &step);
    }
    world.settle();
    let caller = tasks.last().expect("three tasks");
    let call = Call::get(SERVICE).http2();
    let all = caller.calls(&call, REQUESTS).await;
    all.assert_undisturbed();
    all.assert_share("svcNode1", 100.0, 0.0);

    let load = Load::start(caller, &call, 1);
    for step in after {
        follow(&world, &step);
    }
    eventually("the route has shifted", async || {
        caller.calls(&call, 10).await.of("svcNode1v2") > 0
    })
    .await;
    load.stop().await.assert_undisturbed();
    let split = caller.calls(&call, REQUESTS).await;
    split.assert_undisturbed();
    split.assert_share("svcNode1", 75.0, TOLERANCE);
    split.assert_share("svcNode1v2", 25.0, TOLERANCE);

    refuses_what_is_no_backend(caller, &tasks[0]).await;
    // Traffic went the way App Mesh names it, which users' dashboards rely on.
    assert!(caller.stat("cluster.cds_egress_pgMesh_svcNode1_http2_80.upstream_rq_200") > 0);
    assert!(caller.stat("http.egress.downstream_rq_2xx") > 0);
    assert!(tasks[0].stat("cluster.cds_ingress_pgMesh_svcNode1_http2_80.upstream_rq_200") > 0);
}

/// svcNode2 lists svc1 only, so another host on the same port gets 404; svcNode1 lists nothing, so it cannot even
/// connect to svc2.
async fn refuses_what_is_no_backend(svc_node2: &MeshTask, svc_node1: &MeshTask) {
    let no_backend = Call::get("http://svcNode1v2.pgMesh.local/").http2();
    let reply = svc_node2.call(&no_backend).await.expect("the port is captured");
    assert_eq!(reply.status, 404);
    let closed = svc_node1
        .call(&Call::get("http://svc2.pgMesh.local/").http2())
        .await;
    assert!(closed.is_err(), "answered: {closed:?}");
}

/// The actual services, which are there before the mesh is: names as in the document.
fn start_tasks(world: &mut World) -> Vec<MeshTask> {
    let tasks: Vec<MeshTask> = ["svcNode1", "svcNode1v2", "svcNode2"]
        .into_iter()
        .map(|name| {
            let resource = format!("mesh/pgMesh/virtualNode/{name}");
            world.task(TaskSpec::plain(name).app(App::http(80)).sidecar(&resource))
        })
        .collect();
    for (name, index) in [
        ("svcNode1.pgMesh.local", 0),
        ("svcNode1v2.pgMesh.local", 1),
        ("svc1.pgMesh.local", 0),
        ("svc2.pgMesh.local", 2),
    ] {
        world.name(name, [&tasks[index]]);
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
        Step::WriteFile { name, content } => drop(world.write(name, content)),
        Step::Run { argv } => {
            let output = world.aws(&argv[1..]);
            assert_eq!(output.code, 0, "{argv:?}: {}", output.stderr);
            assert!(output.json().is_object(), "{argv:?} answers with an object");
        }
    }
}
