//! Proxies that come back: nothing is sent when nothing changed, and only what changed otherwise.

use evermesh_xds_server::ResourceType::{Cluster, Endpoint, Listener, Route};
use evermesh_xds_server::testing::{Model, Peer};
use evermesh_xds_server::{Options, SyncState};

use crate::harness::{Harness, eds_set_of};

#[tokio::test]
async fn nothing_is_sent_after_a_restart_without_a_change() {
    keeps_all(Model::new("n")).await;
}

#[tokio::test]
async fn nothing_is_sent_by_delta_after_a_restart_without_a_change() {
    keeps_all(Model::new("n").delta()).await;
}

async fn keeps_all(model: Model) {
    let before = Harness::start(Options::default()).await;
    before.source.put("n", eds_set_of(&["a", "b"], 1));
    let peer = Peer::start(before.channel().await, model);
    before
        .proxy("it has everything", |p| p.in_sync() && p.types.len() == 4)
        .await;
    before.stop().await;
    let model = peer.stop().await;
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
    let before = Harness::start(Options::default()).await;
    before.source.put("n", eds_set_of(&["a"], 1));
    let peer = Peer::start(before.channel().await, Model::new("n"));
    before
        .proxy("it has everything", |p| p.in_sync() && p.types.len() == 4)
        .await;
    before.stop().await;
    let model = peer.stop().await;
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
    let before = Harness::start(Options::default()).await;
    before.source.put("n", eds_set_of(&["a", "b"], 1));
    let peer = Peer::start(before.channel().await, Model::new("n").delta());
    before
        .proxy("it has everything", |p| p.in_sync() && p.types.len() == 4)
        .await;
    before.stop().await;
    let model = peer.stop().await;
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
