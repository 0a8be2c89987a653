//! Proxies that come back: nothing is sent when nothing changed, and only what changed otherwise.

use evermesh_xds_server::ResourceType::{Cluster, Endpoint, Listener, Route};
use evermesh_xds_server::testing::{Model, Peer};
use evermesh_xds_server::{Options, SyncState};

use crate::harness::{Harness, eds_set_of};

#[tokio::test]
async fn nothing_is_sent_after_a_restart_without_a_change() {
    let before = Harness::start(Options::default()).await;
    before.source.put("n", eds_set_of(&["a", "b"], 1));
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
