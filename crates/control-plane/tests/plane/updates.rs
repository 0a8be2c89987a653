//! Changes: whom they reach, whom they do not, and that the last one wins.
//!
//! That nothing was sent is known when something else has arrived: what comes later on a stream comes after it.

use evermesh_control_plane::admin::ProxiesJson;
use evermesh_model::{Arn, Tag};
use evermesh_testkit::{DEADLINE, wait_until_async};
use evermesh_xds_server::ProxyStatus;
use evermesh_xds_server::ResourceType::{Cluster, Listener, Route};
use evermesh_xds_server::testing::{Model, Peer, Wire};
use serde_json::json;

use crate::specs::{caller as calling, logging, node, split, to_nodes};
use crate::world::{Sentinel, World, caller, count, everything, has_split, received};

#[tokio::test]
async fn a_route_reaches_exactly_the_proxies_behind_it() {
    let world = World::with_mesh().await;
    world.create("other", json!({})).await;
    world.create("other/virtualNode/n", node("n.local")).await;
    let through = [
        world.proxy("m/virtualNode/n").await,
        world.proxy("m/virtualGateway/g").await,
    ];
    let beside = [
        (
            world.proxy("m/virtualNode/free").await,
            "m/virtualNode/free",
            "free.local",
        ),
        (
            world.proxy("m/virtualNode/t1").await,
            "m/virtualNode/t1",
            "t1.local",
        ),
        (
            world.proxy("other/virtualNode/n").await,
            "other/virtualNode/n",
            "n.local",
        ),
    ];
    let before = through.each_ref().map(count);
    let beside_before = beside.each_ref().map(|(peer, ..)| count(peer));

    world.update("m/virtualRouter/r/route/x", split(3, 7)).await;
    for (peer, before) in through.iter().zip(before) {
        peer.wait_for("the weights arrive", |model| has_split(model, 3, 7))
            .await;
        assert_eq!(received(peer, before), [Route]);
    }
    for ((peer, path, hostname), before) in beside.iter().zip(beside_before) {
        world.update(path, logging(node(hostname))).await;
        peer.wait_for("a change of its own arrives", |model| model.log().len() > before)
            .await;
        assert_eq!(received(peer, before), [Listener], "{path}");
    }
}

/// Asked at any moment, and asked once.
#[tokio::test]
async fn an_answer_tells_whether_what_was_written_is_in_effect() {
    let world = World::with_mesh().await;
    let peer = world.proxy("m/virtualNode/n").await;
    for weight in 2..40 {
        world.update("m/virtualRouter/r/route/x", split(weight, 1)).await;
        let is_in_effect = async || {
            let (_, answer) = world.http("GET", "/evermesh/proxies", "").await;
            let answer: ProxiesJson = serde_json::from_str(&answer).unwrap();
            let is_published = answer.revision >= answer.stored_revision;
            (is_published && answer.proxies.iter().all(|proxy| proxy.in_sync)).then_some(())
        };
        wait_until_async("it is in effect", DEADLINE, is_in_effect).await;
        assert!(has_split(&peer.model(), weight, 1), "{:?}", peer.model());
    }
}

#[tokio::test]
async fn unrelated_changes_send_nothing() {
    let world = World::with_mesh().await;
    let peer = world.proxy("m/virtualNode/n").await;
    let (before, held) = (count(&peer), everything(&peer.model()));
    let arn =
        |path: &str| Arn::parse(&format!("arn:aws:appmesh:us-west-2:123456789012:mesh/{path}")).unwrap();

    world.create("other", json!({})).await;
    world.create("other/virtualNode/n", node("elsewhere.local")).await;
    world.update("m/virtualNode/t1", logging(node("t1.local"))).await;
    world.create("m/virtualNode/fresh", node("fresh.local")).await;
    world.delete("m/virtualNode/free").await;
    let tag = Tag {
        key: "a".to_owned(),
        value: "1".to_owned(),
    };
    for path in ["m", "m/virtualNode/n", "m/virtualRouter/r/route/x"] {
        let service = world.plane.service();
        service
            .tag(&caller(), &arn(path), vec![tag.clone()])
            .await
            .unwrap();
    }
    // The same spec again is a new version of the resource and no change.
    world.update("m/virtualRouter/r/route/x", split(1, 1)).await;
    assert_eq!(everything(&peer.model()), held);

    world.update("m/virtualRouter/r/route/x", split(2, 1)).await;
    peer.wait_for("the weights arrive", |model| has_split(model, 2, 1))
        .await;
    assert_eq!(received(&peer, before), [Route]);
}

#[tokio::test]
async fn a_burst_ends_in_the_newest_state() {
    const LAST: u32 = 100;
    let world = World::with_mesh().await;
    let channel = world.channel().await;
    let model = || Model::new("mesh/m/virtualNode/n");
    let peers: Vec<Peer> = (0..40).map(|_| Peer::start(channel.clone(), model())).collect();
    for weight in 2..=LAST {
        world.update("m/virtualRouter/r/route/x", split(weight, 1)).await;
    }
    for peer in &peers {
        peer.wait_for("the last weights arrive", |model| has_split(model, LAST, 1))
            .await;
    }
    world
        .proxies("all are in sync", |proxies| {
            proxies.iter().all(ProxyStatus::in_sync)
        })
        .await;
    let fresh = world.proxy("m/virtualNode/n").await;
    for peer in &peers {
        assert_eq!(everything(&peer.model()), everything(&fresh.model()));
        assert!(peer.model().faults().is_empty(), "{:?}", peer.model());
    }
}

#[tokio::test]
async fn a_new_target_is_known_before_it_is_used() {
    let world = World::with_mesh().await;
    let peer = world.proxy("m/virtualNode/n").await;
    let before = count(&peer);
    world.create("m/virtualNode/t3", node("t3.local")).await;
    let only_new = to_nodes(&[("t3", 1)]);
    world.update("m/virtualRouter/r/route/x", only_new).await;
    peer.wait_for("the old targets are gone", |model| {
        let clusters = model.held(Cluster);
        clusters.contains_key("cds_egress_m_t3_http_80") && !clusters.contains_key("cds_egress_m_t1_http_80")
    })
    .await;
    assert_eq!(received(&peer, before), [Cluster, Route, Cluster]);
    assert!(peer.model().faults().is_empty(), "{:?}", peer.model());
}

#[tokio::test]
async fn a_deleted_node_leaves_its_proxy_on_what_it_has() {
    let world = World::with_mesh().await;
    let sentinel = Sentinel::in_mesh(&world).await;
    let peer = world.proxy("m/virtualNode/free").await;
    let (before, held) = (count(&peer), everything(&peer.model()));
    let path = "m/virtualNode/free";

    world.delete(path).await;
    sentinel.pass(&world).await;
    world.create(path, node("free.local")).await;
    sentinel.pass(&world).await;
    assert_eq!(everything(&peer.model()), held);

    world.delete(path).await;
    sentinel.pass(&world).await;
    world.create(path, logging(node("free.local"))).await;
    peer.wait_for("what differs arrives", |model| model.log().len() > before)
        .await;
    world.settled(&peer).await;
    assert_eq!(received(&peer, before), [Listener]);
}

#[tokio::test]
async fn a_proxy_of_a_node_that_is_gone_waits() {
    let world = World::with_mesh().await;
    let sentinel = Sentinel::in_mesh(&world).await;
    let last = world.proxy("m/virtualNode/free").await;
    world.delete("m/virtualNode/free").await;
    sentinel.pass(&world).await;
    last.stop().await;
    world.proxies("it has left", |proxies| proxies.len() == 1).await;

    // Not what the one before had: the node does not exist.
    let wire = world.connect("m/virtualNode/free").await;
    world.proxies("it is there", |proxies| proxies.len() == 2).await;
    sentinel.pass(&world).await;
    assert!(wire.model().log().is_empty(), "{:?}", wire.model());
    world
        .create("m/virtualNode/free", calling("free.local", &["s.local"]))
        .await;
    wire.wait_for("it is configured", |model| !model.version(Route).is_empty())
        .await;
}

#[tokio::test]
async fn a_proxy_that_never_answers_delays_no_other() {
    let world = World::with_mesh().await;
    let node_id = "mesh/m/virtualNode/n";
    let names = ["rds_egress_http_80"];
    let mut stuck = Wire::subscribed(world.channel().await, node_id, Route, &names)
        .await
        .unwrap();
    let first = stuck.next().await.unwrap().unwrap();
    // This one does not even read.
    let _deaf = Wire::subscribed(world.channel().await, node_id, Route, &names)
        .await
        .unwrap();
    let peer = world.connect("m/virtualNode/n").await;
    peer.wait_for("it is configured", |model| has_split(model, 1, 1))
        .await;
    for weight in 2..50 {
        world.update("m/virtualRouter/r/route/x", split(weight, 1)).await;
        peer.wait_for("the weights arrive", |model| has_split(model, weight, 1))
            .await;
    }
    // It has skipped what it was too slow for.
    stuck.ack(&first, &names);
    let newest = stuck.next().await.unwrap().unwrap();
    let held = peer.model().held(Route)["rds_egress_http_80"].value.clone();
    assert_eq!(newest.resources[0].value, held);
    assert_eq!(newest.resources.len(), 1);
}
