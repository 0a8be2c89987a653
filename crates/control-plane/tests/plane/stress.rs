//! Many writers at once: whatever the order, everybody ends with the same configuration, which is that of the store.

use std::sync::Arc;

use evermesh_xds_server::testing::{Model, Peer};
use evermesh_xds_server::{ProxyStatus, ResourceType};
use serde_json::json;

use crate::specs::{caller as calling, logging, node, split, to_nodes};
use crate::world::{World, everything};

const WRITERS: usize = 16;
const ROUNDS: u32 = 6;
const PROXIES: [&str; 5] = [
    "m/virtualNode/n",
    "m/virtualNode/t1",
    "m/virtualNode/w3",
    "m/virtualNode/free",
    "m/virtualGateway/g",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_leave_all_proxies_with_what_is_stored() {
    let world = Arc::new(World::with_mesh().await);
    let mut peers = Vec::new();
    for path in PROXIES.iter().chain(&PROXIES) {
        peers.push((*path, world.connect(path).await));
    }
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write(Arc::clone(&world), writer)))
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    // The last change concerns everybody, so who has it has all.
    world
        .update("m", json!({ "egressFilter": { "type": "ALLOW_ALL" } }))
        .await;
    for (_, peer) in &peers {
        peer.wait_for("the last change arrives", has_last_change).await;
    }
    assert_all_equal(&world, &peers).await;

    let world = Arc::into_inner(world).unwrap().restart().await;
    assert_all_equal(&world, &peers).await;
    for (path, peer) in peers {
        assert_eq!(peer.model().faults(), &[] as &[String], "{path}");
    }
}

/// Every kind of write, most of them to what other writers change too.
async fn write(world: Arc<World>, writer: usize) {
    let own = format!("m/virtualNode/w{writer}");
    let route = format!("m/virtualRouter/r/route/w{writer}");
    let name = format!("w{writer}");
    for round in 1..=ROUNDS {
        world.create(&own, node(&format!("{name}.local"))).await;
        world.create(&route, to_nodes(&[(&name, round), ("t1", 1)])).await;
        world.update("m/virtualRouter/r/route/x", split(round, 1)).await;
        let changed = calling(&format!("{name}-{round}.local"), &["s.local"]);
        world.update(&own, changed.clone()).await;
        world
            .update("m/virtualNode/free", logging(node(&format!("free-{name}.local"))))
            .await;
        if round < ROUNDS {
            world.delete(&route).await;
            world.delete(&own).await;
        }
    }
}

fn has_last_change(model: &Model) -> bool {
    model
        .held(ResourceType::Cluster)
        .contains_key("cds_egress_m_mesh-allow-all")
}

/// Every proxy holds what one holds that comes now.
async fn assert_all_equal(world: &World, peers: &[(&str, Peer)]) {
    for path in PROXIES {
        let fresh = world.proxy(path).await;
        world
            .proxies("all are in sync", |proxies| {
                proxies.iter().all(ProxyStatus::in_sync)
            })
            .await;
        for (_, peer) in peers.iter().filter(|(of, _)| *of == path) {
            assert_eq!(everything(&peer.model()), everything(&fresh.model()), "{path}");
        }
    }
}
