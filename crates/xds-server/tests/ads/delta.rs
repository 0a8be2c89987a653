//! The incremental form of the protocol, message by message.

use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use envoy_types::pb::google::rpc;
use evermesh_xds_server::ResourceType::{self, Cluster, Endpoint, Secret};
use evermesh_xds_server::testing::fixtures::{eds_cluster, endpoints, secret, static_cluster};
use evermesh_xds_server::testing::{DeltaWire, delta_request};
use evermesh_xds_server::{Options, Protocol, ProxyStatus, ResourceSet, SyncState};

use crate::harness::{Harness, set_of};

async fn next(wire: &mut DeltaWire) -> DeltaDiscoveryResponse {
    wire.next().await.unwrap().expect("the stream goes on")
}

async fn open(h: &Harness, kind: ResourceType, names: &[&str]) -> DeltaWire {
    DeltaWire::delta(h.channel().await, "n", delta_request(kind, names, &[]))
        .await
        .unwrap()
}

/// What a response says: its type, what is there, and what is gone.
fn said(response: &DeltaDiscoveryResponse) -> (ResourceType, Vec<&str>, Vec<&str>) {
    (
        ResourceType::from_type_url(&response.type_url).expect("a type that was asked for"),
        response.resources.iter().map(|r| r.name.as_str()).collect(),
        response.removed_resources.iter().map(String::as_str).collect(),
    )
}

fn answer(response: &DeltaDiscoveryResponse) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        type_url: response.type_url.clone(),
        response_nonce: response.nonce.clone(),
        ..DeltaDiscoveryRequest::default()
    }
}

fn secrets(names: &[(&str, &str)]) -> ResourceSet {
    let builder = names.iter().fold(ResourceSet::builder(), |set, (name, text)| {
        set.secret(&secret(name, text))
    });
    builder.build()
}

#[tokio::test]
async fn only_what_is_new_changed_or_gone_is_said() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", set_of(&["a", "b"]));
    let mut wire = open(&h, Cluster, &[]).await;
    let first = next(&mut wire).await;
    assert_eq!(said(&first), (Cluster, vec!["a", "b"], vec![]));
    assert_eq!(first.control_plane.as_ref().unwrap().identifier, "evermesh");
    wire.send(answer(&first));
    h.proxy("it is in sync", ProxyStatus::in_sync).await;

    let changed = ResourceSet::builder()
        .cluster(&static_cluster("b", 2))
        .cluster(&static_cluster("c", 1));
    h.source.put("n", changed.build());
    let second = next(&mut wire).await;
    assert_eq!(said(&second), (Cluster, vec!["b", "c"], vec![]));
    wire.send(answer(&second));
    let third = next(&mut wire).await;
    assert_eq!(said(&third), (Cluster, vec![], vec!["a"]));
    wire.send(answer(&third));
    h.proxy("it is in sync", ProxyStatus::in_sync).await;
    let streams = h.server.stats().streams_of(Protocol::Delta);
    assert_eq!((streams.open, streams.accepted), (1, 1));
}

#[tokio::test]
async fn what_does_not_exist_is_said_to_be_gone_until_it_exists() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", secrets(&[("a", "1")]));
    let mut wire = open(&h, Secret, &["a", "b"]).await;
    let first = next(&mut wire).await;
    assert_eq!(said(&first), (Secret, vec!["a"], vec!["b"]));
    wire.send(answer(&first));
    h.source.put("n", secrets(&[("a", "1"), ("b", "1"), ("c", "1")]));
    assert_eq!(said(&next(&mut wire).await), (Secret, vec!["b"], vec![]));
}

#[tokio::test]
async fn names_come_and_go_one_by_one() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", secrets(&[("a", "1"), ("b", "1"), ("c", "1")]));
    let mut wire = open(&h, Secret, &["a"]).await;
    let first = next(&mut wire).await;
    assert_eq!(said(&first), (Secret, vec!["a"], vec![]));
    // Without waiting for the answer, and in the answer.
    wire.send(delta_request(Secret, &["b"], &[]));
    wire.send(DeltaDiscoveryRequest {
        resource_names_subscribe: vec!["c".to_owned()],
        resource_names_unsubscribe: vec!["a".to_owned()],
        ..answer(&first)
    });
    let second = next(&mut wire).await;
    assert_eq!(said(&second), (Secret, vec!["b", "c"], vec![]));
    wire.send(answer(&second));

    h.source.put("n", secrets(&[("a", "2"), ("b", "1"), ("c", "2")]));
    let third = next(&mut wire).await;
    assert_eq!(said(&third), (Secret, vec!["c"], vec![]));
    wire.send(answer(&third));

    // What is asked for again is said again.
    wire.send(delta_request(Secret, &["b"], &[]));
    assert_eq!(said(&next(&mut wire).await), (Secret, vec!["b"], vec![]));
}

#[tokio::test]
async fn a_star_is_everything_until_it_is_taken_back() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", set_of(&["a", "b"]));
    let mut wire = open(&h, Cluster, &["*", "a"]).await;
    let first = next(&mut wire).await;
    assert_eq!(said(&first), (Cluster, vec!["a", "b"], vec![]));
    wire.send(DeltaDiscoveryRequest {
        resource_names_unsubscribe: vec!["*".to_owned()],
        ..answer(&first)
    });
    h.proxy("it is in sync", ProxyStatus::in_sync).await;
    let changed = ResourceSet::builder()
        .cluster(&static_cluster("a", 2))
        .cluster(&static_cluster("b", 2));
    h.source.put("n", changed.build());
    assert_eq!(said(&next(&mut wire).await), (Cluster, vec!["a"], vec![]));
}

#[tokio::test]
async fn what_is_brought_along_is_not_said_again() {
    let h = Harness::start(Options::default()).await;
    let set = set_of(&["a", "b"]);
    let held = set.get(Cluster, "a").unwrap().version().to_string();
    h.source.put("n", set);
    let versions = [("a", held.as_str()), ("b", "from elsewhere"), ("gone", "1")];
    let request = DeltaDiscoveryRequest {
        initial_resource_versions: versions
            .map(|(name, version)| (name.to_owned(), version.to_owned()))
            .into(),
        ..delta_request(Cluster, &[], &[])
    };
    let options = h.channel().await;
    let mut wire = DeltaWire::delta(options, "n", request).await.unwrap();
    let first = next(&mut wire).await;
    assert_eq!(said(&first), (Cluster, vec!["b"], vec![]));
    wire.send(answer(&first));
    // Removed in the end, as it says nothing of routes that might use it.
    assert_eq!(said(&next(&mut wire).await), (Cluster, vec![], vec!["gone"]));
}

#[tokio::test]
async fn a_rejection_is_shown_and_repaired_by_the_next_change_only() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", set_of(&["a"]));
    let mut wire = open(&h, Cluster, &[]).await;
    let first = next(&mut wire).await;
    wire.send(answer(&first));
    h.proxy("it is in sync", ProxyStatus::in_sync).await;

    h.source.put("n", set_of(&["a", "bad"]));
    let second = next(&mut wire).await;
    assert_eq!(said(&second), (Cluster, vec!["bad"], vec![]));
    let error = rpc::Status {
        message: "no such thing".to_owned(),
        ..rpc::Status::default()
    };
    wire.send(DeltaDiscoveryRequest {
        error_detail: Some(error),
        ..answer(&second)
    });
    let proxy = h.proxy("it rejects", |p| p.state == SyncState::Rejected).await;
    let status = &proxy.types[0];
    assert_eq!(status.last_nack.as_ref().unwrap().reason, "no such thing");
    assert_eq!(
        status.acknowledged.unwrap().to_string(),
        first.system_version_info
    );
    assert_eq!(h.server.stats().types[Cluster].nacks, 1);

    // Nothing comes of it by itself: the next to come is the answer to a new question.
    wire.send(delta_request(Secret, &["absent"], &[]));
    let other = next(&mut wire).await;
    assert_eq!(said(&other), (Secret, vec![], vec!["absent"]));
    wire.send(answer(&other));

    h.source.put("n", set_of(&["a"]));
    let third = next(&mut wire).await;
    assert_eq!(said(&third), (Cluster, vec![], vec!["bad"]));
    wire.send(answer(&third));
    h.proxy("it is in sync", ProxyStatus::in_sync).await;
}

#[tokio::test]
async fn endpoints_follow_a_changed_cluster_though_they_are_the_same() {
    let h = Harness::start(Options::default()).await;
    let set = |timeout| {
        let mut cluster = eds_cluster("a");
        cluster.connect_timeout.as_mut().unwrap().seconds = timeout;
        ResourceSet::builder()
            .cluster(&cluster)
            .endpoints(&endpoints("a", &[1]))
            .build()
    };
    h.source.put("n", set(1));
    let mut wire = open(&h, Cluster, &[]).await;
    let clusters = next(&mut wire).await;
    wire.send(answer(&clusters));
    wire.send(delta_request(Endpoint, &["a"], &[]));
    let first = next(&mut wire).await;
    wire.send(answer(&first));
    h.proxy("it is in sync", |p| p.in_sync() && p.types.len() == 2)
        .await;

    h.source.put("n", set(2));
    assert_eq!(said(&next(&mut wire).await), (Cluster, vec!["a"], vec![]));
    let second = next(&mut wire).await;
    assert_eq!(said(&second), (Endpoint, vec!["a"], vec![]));
    assert_eq!(first.resources, second.resources);
}
