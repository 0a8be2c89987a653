//! What is counted, and what is timed.

use evermesh_xds_server::ResourceType::{Cluster, Listener, Route};
use evermesh_xds_server::testing::{Model, Peer, Wire};
use evermesh_xds_server::{Options, Protocol, ResponseCounts, SyncState};

use crate::harness::{Harness, set_of, until};

#[tokio::test]
async fn responses_are_counted_by_type() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", set_of(&["a"]));
    let refuse_bad = |_, name: &str, _: &_| (name == "bad").then(|| "no".to_owned());
    let _peer = Peer::start(h.channel().await, Model::new("n").rejecting(refuse_bad));
    h.proxy("it has everything", |p| p.in_sync() && p.types.len() == 3)
        .await;
    h.source.put("n", set_of(&["a", "bad"]));
    h.proxy("it rejects", |p| p.state == SyncState::Rejected).await;

    let stats = h.server.stats();
    let counts = |pushes, acks, nacks| ResponseCounts { pushes, acks, nacks };
    assert_eq!(stats.types[Cluster], counts(2, 1, 1));
    assert_eq!(stats.types[Listener], counts(1, 1, 0));
    assert_eq!(stats.types[Route], counts(1, 1, 0));
    assert_eq!(stats.requests, 3 + 4);
    let streams = stats.streams_of(Protocol::StateOfTheWorld);
    assert_eq!((streams.open, streams.accepted), (1, 1));
}

#[tokio::test]
async fn a_change_is_timed_until_it_is_sent_and_until_it_is_accepted() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", set_of(&["a"]));
    let mut wire = Wire::subscribed(h.channel().await, "n", Cluster, &[])
        .await
        .unwrap();
    let response = wire.next().await.unwrap().unwrap();
    until("it is sent", || match h.server.stats().time_to_send.count() {
        1 => Ok(()),
        count => Err(count.to_string()),
    })
    .await;
    assert_eq!(h.server.stats().time_to_acknowledge.count(), 0);
    wire.ack(&response, &[]);
    until("it is accepted", || {
        match h.server.stats().time_to_acknowledge.count() {
            1 => Ok(()),
            count => Err(count.to_string()),
        }
    })
    .await;
    let stats = h.server.stats();
    assert!(stats.time_to_acknowledge.sum >= stats.time_to_send.sum);
}
