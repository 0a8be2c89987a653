//! Changes on the way to simulated proxies: their order, and their independence of each other.

use std::time::Duration;

use envoy_types::pb::envoy::service::discovery::v3::DiscoveryRequest;
use evermesh_xds_server::ResourceType::{self, Cluster, Endpoint, Listener, Route};
use evermesh_xds_server::testing::fixtures::{dns_cluster, listener, routes, static_cluster};
use evermesh_xds_server::testing::{Model, Peer, Wire, request};
use evermesh_xds_server::{Options, ProxyStatus, ResourceSet, SyncState};

use crate::harness::{Harness, eds_set_of, set_of};

/// The types and names received since `from`, without what only answers a question again.
fn received(model: &Model, from: usize) -> Vec<(ResourceType, String)> {
    model.log()[from..]
        .iter()
        .map(|applied| (applied.kind, applied.names.join(" ")))
        .collect()
}

#[tokio::test]
async fn a_target_is_added_before_its_routes_and_removed_after() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", set_of(&["old"]));
    let peer = Peer::start(h.channel().await, Model::new("n"));
    h.proxy("it has everything", |p| p.in_sync() && p.types.len() == 3)
        .await;
    let before = peer.model().log().len();

    h.source.put("n", set_of(&["new"]));
    h.proxy("it is in sync", ProxyStatus::in_sync).await;
    peer.wait_for("the old cluster is gone", |m| {
        !m.held(Cluster).contains_key("old")
    })
    .await;
    let expected = [(Cluster, "new old"), (Route, "out"), (Cluster, "new")];
    assert_eq!(
        received(&peer.model(), before),
        expected.map(|(kind, names)| (kind, names.to_owned()))
    );
    assert_eq!(peer.model().faults(), &[] as &[String]);
}

#[tokio::test]
async fn routes_wait_for_the_endpoints_of_new_clusters() {
    // Long enough that the test fails if it is time that lets the routes through.
    let h = Harness::start(Options {
        warm_up: Duration::from_secs(3600),
        ..Options::default()
    })
    .await;
    h.source.put("n", eds_set_of(&["old"], 1));
    let peer = Peer::start(h.channel().await, Model::new("n"));
    h.proxy("it has everything", |p| p.in_sync() && p.types.len() == 4)
        .await;
    let before = peer.model().log().len();

    h.source.put("n", eds_set_of(&["new"], 1));
    peer.wait_for("the old cluster is gone", |m| {
        !m.held(Cluster).contains_key("old")
    })
    .await;
    let kinds: Vec<_> = received(&peer.model(), before)
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    let routes = kinds.iter().position(|kind| *kind == Route).unwrap();
    assert!(kinds[..routes].contains(&Endpoint), "{kinds:?}");
    assert_eq!(peer.model().faults(), &[] as &[String]);
}

#[tokio::test]
async fn routes_wait_for_clusters_that_warm_unseen() {
    let h = Harness::start(Options {
        warm_up: Duration::from_secs(3600),
        ..Options::default()
    })
    .await;
    h.source.put("n", set_of(&["old"]));
    let peer = Peer::start(h.channel().await, Model::new("n"));
    h.proxy("it has everything", |p| p.in_sync() && p.types.len() == 3)
        .await;
    let version = peer.model().version(Route).to_owned();

    let builder = ResourceSet::builder()
        .listener(&listener("in", 0, "out"))
        .route(&routes("out", &["dns"]));
    h.source.put("n", builder.cluster(&dns_cluster("dns", 1)).build());
    h.proxy("clusters are accepted", |p| {
        p.types
            .iter()
            .any(|t| t.kind == Cluster && t.sent == t.acknowledged)
            && h.server.stats().acks() == 4
    })
    .await;
    assert_eq!(peer.model().version(Route), version);
    assert!(peer.model().held(Cluster).contains_key("old"));
    assert_eq!(h.server.proxies()[0].state, SyncState::Updating);

    // Back to where it was: nothing waits any longer for a cluster that no one is to use.
    h.source.put("n", set_of(&["old"]));
    peer.wait_for("the DNS cluster is gone", |m| {
        !m.held(Cluster).contains_key("dns")
    })
    .await;
}

#[tokio::test]
async fn a_listener_is_removed_before_its_routes() {
    let h = Harness::start(Options::default()).await;
    let two = ResourceSet::builder()
        .cluster(&static_cluster("a", 1))
        .listener(&listener("l1", 0, "r1"))
        .route(&routes("r1", &["a"]))
        .listener(&listener("l2", 0, "r2"))
        .route(&routes("r2", &["a"]));
    h.source.put("n", two.build());
    let peer = Peer::start(h.channel().await, Model::new("n"));
    peer.wait_for("both routes are there", |m| m.held(Route).len() == 2)
        .await;
    h.proxy("it is in sync", ProxyStatus::in_sync).await;
    let before = peer.model().log().len();

    let one = ResourceSet::builder()
        .cluster(&static_cluster("a", 1))
        .listener(&listener("l1", 0, "r1"));
    h.source.put("n", one.route(&routes("r1", &["a"])).build());
    peer.wait_for("a route is gone", |m| m.held(Route).len() == 1)
        .await;
    h.proxy("it is in sync", ProxyStatus::in_sync).await;
    assert_eq!(received(&peer.model(), before)[0], (Listener, "l1".to_owned()));
}

#[tokio::test]
async fn a_rejection_stops_removal_and_the_next_change_goes_on() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", set_of(&["old"]));
    let refuse_bad = |_, name: &str, _: &_| (name == "bad").then(|| "bad by name".to_owned());
    let peer = Peer::start(h.channel().await, Model::new("n").rejecting(refuse_bad));
    h.proxy("it has everything", |p| p.in_sync() && p.types.len() == 3)
        .await;
    let version = peer.model().version(Route).to_owned();

    h.source.put("n", set_of(&["bad", "new"]));
    let proxy = h.proxy("it rejects", |p| p.state == SyncState::Rejected).await;
    let nack = proxy
        .types
        .iter()
        .find_map(|status| status.last_nack.clone())
        .unwrap();
    assert_eq!(nack.reason, "bad: bad by name");
    assert_eq!(peer.model().version(Route), version);
    assert!(peer.model().held(Cluster).contains_key("old"));

    h.source.put("n", set_of(&["new"]));
    h.proxy("it is in sync", ProxyStatus::in_sync).await;
    assert_eq!(peer.model().held(Cluster).keys().collect::<Vec<_>>(), [&"new"]);
    assert_eq!(h.server.stats().nacks(), 1);
    assert_eq!(peer.model().faults(), &[] as &[String]);
}

#[tokio::test]
async fn a_proxy_that_never_answers_delays_no_other() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", set_of(&["c0"]));
    let mut stuck = Wire::subscribed(h.channel().await, "n", Cluster, &[])
        .await
        .unwrap();
    let first = stuck.next().await.unwrap().unwrap();
    let peer = Peer::start(h.channel().await, Model::new("n"));
    for round in 0..50 {
        let name = format!("c{round}");
        h.source.put("n", set_of(&[&name]));
        peer.wait_for("the change arrives", |m| {
            m.held(Cluster).keys().eq([&name.as_str()])
        })
        .await;
    }
    // It has skipped what it was too slow for.
    stuck.ack(&first, &[]);
    let second = stuck.next().await.unwrap().unwrap();
    assert_eq!(second.resources.len(), 1);
    assert_eq!(second.version_info, peer.model().version(Cluster));
}

/// Large enough that a few of them fill what a connection buffers.
fn large_set(round: usize) -> ResourceSet {
    let mut cluster = static_cluster("c", 1);
    cluster.alt_stat_name = format!("{round}:{}", "x".repeat(200_000));
    ResourceSet::builder().cluster(&cluster).build()
}

#[tokio::test]
async fn a_proxy_that_answers_without_reading_is_sent_no_more_than_fits() {
    const ROUNDS: usize = 60;
    let h = Harness::start(Options::default()).await;
    h.source.put("stuck", large_set(0));
    h.source.put("well", large_set(0));
    let stuck = Wire::subscribed(h.channel().await, "stuck", Cluster, &[])
        .await
        .unwrap();
    let mut well = Wire::subscribed(h.channel().await, "well", Cluster, &[])
        .await
        .unwrap();
    for round in 1..=ROUNDS {
        let response = well.next().await.unwrap().unwrap();
        well.ack(&response, &[]);
        // Nonces can be guessed.
        stuck.send(DiscoveryRequest {
            response_nonce: round.to_string(),
            ..request(Cluster, &[])
        });
        h.source.put("stuck", large_set(round));
        h.source.put("well", large_set(round));
    }
    let last = well.next().await.unwrap().unwrap();
    assert_eq!(
        last.resources[0],
        large_set(ROUNDS).get(Cluster, "c").unwrap().body()
    );
    let to_stuck = h.server.stats().pushes() - (ROUNDS as u64 + 1);
    assert!(
        to_stuck < ROUNDS as u64 / 2,
        "{to_stuck} responses for one who does not read"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_proxies_follow_every_change() {
    const PROXIES: usize = 300;
    let h = Harness::start(Options::default()).await;
    h.source.put("n", eds_set_of(&["c0"], 1));
    let mut peers = Vec::new();
    for _ in 0..10 {
        let channel = h.channel().await;
        peers.extend((0..PROXIES / 10).map(|_| Peer::start(channel.clone(), Model::new("n"))));
    }
    for round in 1..4 {
        let name = format!("c{round}");
        h.source.put("n", eds_set_of(&[&name], 1));
        for peer in &peers {
            peer.wait_for("the change arrives", |m| {
                m.held(Cluster).keys().eq([&name.as_str()])
            })
            .await;
        }
    }
    assert_eq!(h.server.proxies().len(), PROXIES);
    for peer in peers {
        assert_eq!(peer.stop().await.faults(), &[] as &[String]);
    }
}

/// One thread, so the proxy's stream has not run between the change and the question.
#[tokio::test]
async fn a_proxy_whose_stream_has_not_seen_a_change_is_not_in_sync() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", set_of(&["old"]));
    let _peer = Peer::start(h.channel().await, Model::new("n"));
    h.proxy("it has everything", |p| p.in_sync() && p.types.len() == 3)
        .await;

    h.source.put("n", set_of(&["new"]));
    assert_eq!(h.server.proxies()[0].state, SyncState::Updating);
    h.proxy("it follows", ProxyStatus::in_sync).await;
}
