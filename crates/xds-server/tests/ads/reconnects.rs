//! Proxies that come back: nothing is sent when nothing changed, and only what changed otherwise.

use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::DiscoveryRequest;
use evermesh_xds_server::ResourceType::{Cluster, Endpoint, Listener, Route};
use evermesh_xds_server::testing::{Model, Peer, Wire, request};
use evermesh_xds_server::{Options, ProxyStatus, SyncState};

use crate::harness::{Harness, eds_set_of, set_of};

#[tokio::test]
async fn nothing_is_sent_after_a_restart_without_a_change() {
    keeps_all(Model::new("n")).await;
}

#[tokio::test]
async fn nothing_is_sent_by_delta_after_a_restart_without_a_change() {
    keeps_all(Model::new("n").delta()).await;
}

async fn keeps_all(model: Model) {
    let model = configured(model, &["a", "b"]).await;
    let received = model.log().len();

    let after = Harness::start(Options::default()).await;
    after.source.put("n", eds_set_of(&["a", "b"], 1));
    let peer = Peer::start(after.channel().await, model);
    let proxy = after
        .proxy("it is in sync", |p| p.in_sync() && p.types.len() == 4)
        .await;
    assert!(proxy.types.iter().all(|status| status.acknowledged.is_some()));
    assert_eq!(after.server.stats().pushes(), 0);
    assert_eq!(peer.model().log().len(), received);
}

#[tokio::test]
async fn what_changed_meanwhile_is_sent_in_order() {
    let model = configured(Model::new("n"), &["a"]).await;
    let received = model.log().len();

    let after = Harness::start(Options::default()).await;
    after.source.put("n", eds_set_of(&["a", "b"], 1));
    let peer = Peer::start(after.channel().await, model);
    after
        .proxy("it is in sync", |p| p.in_sync() && p.types.len() == 4)
        .await;
    let model = peer.stop().await;
    let kinds: Vec<_> = model.log()[received..]
        .iter()
        .map(|applied| applied.kind)
        .collect();
    assert_eq!(kinds.first(), Some(&Cluster), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&Route), "{kinds:?}");
    assert!(
        kinds.contains(&Endpoint) && !kinds.contains(&Listener),
        "{kinds:?}"
    );
    assert_eq!(model.faults(), &[] as &[String]);
}

#[tokio::test]
async fn by_delta_only_what_changed_meanwhile_is_sent_and_what_is_gone_leaves_last() {
    let model = configured(Model::new("n").delta(), &["a", "b"]).await;
    let received = model.log().len();

    let after = Harness::start(Options::default()).await;
    after.source.put("n", eds_set_of(&["b", "c"], 1));
    let peer = Peer::start(after.channel().await, model);
    peer.wait_for("a is gone", |m| !m.held(Cluster).contains_key("a"))
        .await;
    after
        .proxy("it is in sync", |p| p.in_sync() && p.types.len() == 4)
        .await;
    let model = peer.stop().await;
    let told: Vec<_> = model.log()[received..]
        .iter()
        .map(|applied| (applied.kind, applied.names.clone(), applied.removed.clone()))
        .collect();
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        told[..4],
        [
            (Cluster, names(&["c"]), names(&[])),
            (Endpoint, names(&["c"]), names(&[])),
            (Route, names(&["out"]), names(&[])),
            (Cluster, names(&[]), names(&["a"])),
        ]
    );
    assert_eq!(model.faults(), &[] as &[String]);
}

/// In state of the world a list of clusters without the old ones would remove them before the routes to them.
#[tokio::test]
async fn what_is_gone_leaves_last_also_where_every_list_is_whole() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", eds_set_of(&["a", "b"], 1));
    let first = Peer::start(h.channel().await, Model::new("n"));
    h.proxy("it has everything", |p| p.in_sync() && p.types.len() == 4)
        .await;
    let model = first.stop().await;
    h.streams(0).await;
    let received = model.log().len();

    h.source.put("n", eds_set_of(&["b", "c"], 1));
    let peer = Peer::start(h.channel().await, model);
    peer.wait_for("a is gone", |m| !m.held(Cluster).contains_key("a"))
        .await;
    h.proxy("it is in sync", |p| p.in_sync() && p.types.len() == 4)
        .await;
    let model = peer.stop().await;
    let clusters: Vec<_> = model.log()[received..]
        .iter()
        .filter(|applied| [Cluster, Route].contains(&applied.kind))
        .map(|applied| (applied.kind, applied.names.join(" ")))
        .collect();
    let expected = [(Cluster, "a b c"), (Route, "out"), (Cluster, "b c")];
    assert_eq!(clusters, expected.map(|(kind, names)| (kind, names.to_owned())));
    assert_eq!(model.faults(), &[] as &[String]);
}

/// A connection may be dead for as long as a keepalive takes before the server knows.
#[tokio::test]
async fn the_same_holds_while_the_last_stream_seems_to_be_open() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", set_of(&["a"]));
    let mut dead = Wire::subscribed(h.channel().await, "n", Cluster, &[])
        .await
        .unwrap();
    let held = dead.next().await.unwrap().unwrap();
    dead.ack(&held, &[]);
    h.proxy("it is acknowledged", ProxyStatus::in_sync).await;
    h.source.put("n", set_of(&["b"]));

    let mut back = Wire::open(h.channel().await).await.unwrap();
    back.send(DiscoveryRequest {
        version_info: held.version_info,
        node: node("n"),
        ..request(Cluster, &[])
    });
    let clusters = back.next().await.unwrap().unwrap();
    assert_eq!(clusters.resources.len(), 2, "a and b");
}

#[tokio::test]
async fn a_proxy_that_came_back_is_in_sync_when_it_has_told_what_it_holds() {
    let h = Harness::start(Options {
        warm_up: Duration::from_secs(3600),
        ..Options::default()
    })
    .await;
    let set = set_of(&["a"]);
    let version = |kind| set.collection(kind).version().to_string();
    let versions = [Cluster, Listener, Route].map(version);
    h.source.put("n", set);
    let wire = Wire::open(h.channel().await).await.unwrap();
    for (kind, version_info) in [Cluster, Listener, Route].into_iter().zip(versions) {
        let names: &[&str] = if kind == Route { &["out"] } else { &[] };
        wire.send(DiscoveryRequest {
            version_info,
            node: node("n"),
            ..request(kind, names)
        });
        let told_all = kind == Route;
        h.proxy("it is in sync at the end", |p| {
            p.types.last().is_some_and(|told| told.kind == kind) && p.in_sync() == told_all
        })
        .await;
    }
    assert_eq!(h.server.stats().pushes(), 0);
}

/// A proxy that was configured with these clusters, and whose server is gone.
async fn configured(model: Model, clusters: &[&str]) -> Model {
    let server = Harness::start(Options::default()).await;
    server.source.put("n", eds_set_of(clusters, 1));
    let peer = Peer::start(server.channel().await, model);
    server
        .proxy("it has everything", |p| p.in_sync() && p.types.len() == 4)
        .await;
    server.stop().await;
    peer.stop().await
}

fn node(id: &str) -> Option<Node> {
    Some(Node {
        id: id.to_owned(),
        ..Node::default()
    })
}

#[tokio::test]
async fn a_rejected_change_is_tried_once_per_stream_and_the_old_kept() {
    let before = Harness::start(Options::default()).await;
    before.source.put("n", eds_set_of(&["a"], 1));
    let refuse_b = |_, name: &str, _: &_| (name == "b").then(|| "no b here".to_owned());
    let peer = Peer::start(before.channel().await, Model::new("n").rejecting(refuse_b));
    before
        .proxy("it has everything", |p| p.in_sync() && p.types.len() == 4)
        .await;
    before.source.put("n", eds_set_of(&["b"], 1));
    before
        .proxy("it rejects", |p| p.state == SyncState::Rejected)
        .await;
    before.stop().await;
    let model = peer.stop().await;
    assert!(model.held(Cluster).contains_key("a") && !model.held(Cluster).contains_key("b"));

    let after = Harness::start(Options::default()).await;
    after.source.put("n", eds_set_of(&["a"], 1));
    let peer = Peer::start(after.channel().await, model);
    after
        .proxy("it is in sync", |p| p.in_sync() && p.types.len() == 4)
        .await;
    assert_eq!(peer.model().faults(), &[] as &[String]);
    assert_eq!(after.server.stats().nacks(), 0);
}
