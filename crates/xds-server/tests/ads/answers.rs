//! What is answered to which request, message by message.

use envoy_types::pb::envoy::config::core::v3::{BuildVersion, Node, node::UserAgentVersionType};
use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use envoy_types::pb::envoy::r#type::v3::SemanticVersion;
use evermesh_xds_server::ResourceType::{Cluster, Endpoint, Listener, Route, Secret};
use evermesh_xds_server::testing::fixtures::{endpoints, routes, secret, static_cluster};
use evermesh_xds_server::testing::{Wire, request};
use evermesh_xds_server::{Options, ResourceSet, SyncState};
use prost::Message;

use crate::harness::{Harness, eds_set_of, set_of};

async fn next(wire: &mut Wire) -> DiscoveryResponse {
    wire.next().await.unwrap().expect("the stream goes on")
}

/// The names in a response, which are field 1 of every resource.
fn names(response: &DiscoveryResponse) -> Vec<String> {
    use envoy_types::pb::envoy::config::cluster::v3::Cluster;
    let name = |body: &[u8]| Cluster::decode(&body[..2 + usize::from(body[1])]).unwrap().name;
    response.resources.iter().map(|body| name(&body.value)).collect()
}

/// Proves that nothing else is under way: the next thing to come is the answer to a new question.
async fn nothing_before_secret(wire: &mut Wire, name: &str) {
    wire.send(request(Secret, &[name]));
    assert_eq!(next(wire).await.type_url, Secret.type_url());
}

#[tokio::test]
async fn a_resource_that_does_not_exist_yet_is_sent_the_moment_it_does() {
    let h = Harness::start(Options::default()).await;
    let mut wire = Wire::subscribed(h.channel().await, "later", Cluster, &[])
        .await
        .unwrap();
    let waiting = h.proxy("the proxy is listed", |_| true).await;
    assert_eq!(waiting.state, SyncState::AwaitingConfiguration);

    h.source.put("later", set_of(&["a", "b"]));
    let response = next(&mut wire).await;
    assert_eq!(response.type_url, Cluster.type_url());
    assert_eq!(names(&response), ["a", "b"]);
    assert_eq!(response.control_plane.as_ref().unwrap().identifier, "evermesh");
    wire.ack(&response, &[]);
    h.proxy("the proxy is in sync", |p| p.in_sync() && p.types.len() == 1)
        .await;
}

#[tokio::test]
async fn an_empty_set_is_answered_for_clusters_and_silent_for_names() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", ResourceSet::builder().build());
    let mut wire = Wire::subscribed(h.channel().await, "n", Endpoint, &["a"])
        .await
        .unwrap();
    wire.send(request(Cluster, &[]));
    let response = next(&mut wire).await;
    assert_eq!(
        (response.type_url.as_str(), response.resources.len()),
        (Cluster.type_url(), 0)
    );
}

#[tokio::test]
async fn a_grown_subscription_is_answered_with_all_that_exist() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", eds_set_of(&["a", "b"], 1));
    let mut wire = Wire::subscribed(h.channel().await, "n", Endpoint, &["a"])
        .await
        .unwrap();
    let first = next(&mut wire).await;
    assert_eq!(names(&first), ["a"]);
    wire.ack(&first, &["a", "b", "absent"]);
    let second = next(&mut wire).await;
    assert_eq!(names(&second), ["a", "b"]);
    assert_ne!(first.version_info, second.version_info);
}

#[tokio::test]
async fn the_same_question_again_is_answered_again() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", eds_set_of(&["a"], 1));
    let mut wire = Wire::subscribed(h.channel().await, "n", Endpoint, &["a"])
        .await
        .unwrap();
    let first = next(&mut wire).await;
    wire.ack(&first, &["a"]);
    wire.ack(&first, &["a"]); // the cluster is warming anew
    let second = next(&mut wire).await;
    assert_eq!(
        (&second.version_info, &second.resources),
        (&first.version_info, &first.resources)
    );
    assert_ne!(second.nonce, first.nonce);
}

#[tokio::test]
async fn a_stale_nonce_is_ignored_and_counted() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", eds_set_of(&["a", "b"], 1).with_secret());
    let mut wire = Wire::subscribed(h.channel().await, "n", Endpoint, &["a"])
        .await
        .unwrap();
    let first = next(&mut wire).await;
    wire.send(request(Endpoint, &["a", "b"])); // without the nonce it should have seen
    nothing_before_secret(&mut wire, "s").await;
    assert_eq!(h.server.stats().stale_requests, 1);
    assert_eq!(h.server.stats().acks(), 0);
    wire.ack(&first, &["a", "b"]);
    assert_eq!(names(&next(&mut wire).await), ["a", "b"]);
}

#[tokio::test]
async fn only_types_that_changed_are_sent() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", eds_set_of(&["a"], 1));
    let mut wire = Wire::subscribed(h.channel().await, "n", Cluster, &[])
        .await
        .unwrap();
    let clusters = next(&mut wire).await;
    wire.ack(&clusters, &[]);
    wire.send(request(Endpoint, &["a"]));
    let before = next(&mut wire).await;
    wire.ack(&before, &["a"]);
    h.source.put("n", eds_set_of(&["a"], 2));
    let after = next(&mut wire).await;
    assert_eq!(after.type_url, Endpoint.type_url());
    assert_ne!(after.version_info, before.version_info);
}

#[tokio::test]
async fn a_rejection_is_recorded_and_repaired_by_the_next_change_only() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", set_of(&["a"]).with_secret());
    let mut wire = Wire::subscribed(h.channel().await, "n", Cluster, &[])
        .await
        .unwrap();
    let good = next(&mut wire).await;
    wire.ack(&good, &[]);

    h.source.put("n", set_of(&["a", "b"]).with_secret());
    let bad = next(&mut wire).await;
    wire.nack(&bad, &[], &format!("b: no such thing {}", "é".repeat(4000)));
    nothing_before_secret(&mut wire, "s").await;

    let proxy = h
        .proxy("the rejection is shown", |p| p.state == SyncState::Rejected)
        .await;
    let status = &proxy.types.iter().find(|status| status.kind == Cluster).unwrap();
    let nack = status.last_nack.as_ref().unwrap();
    assert!(nack.reason.starts_with("b: no such thing é") && nack.reason.len() <= 4096);
    assert_eq!(nack.version.to_string(), bad.version_info);
    assert_eq!(status.acknowledged.unwrap().to_string(), good.version_info);
    assert!(status.is_rejected() && !proxy.in_sync());
    assert_eq!(h.server.stats().nacks(), 1);

    h.source.put("n", set_of(&["a"]).with_secret());
    let again = next(&mut wire).await;
    assert_eq!(again.version_info, good.version_info);
    wire.ack(&again, &[]);
    let healed = h
        .proxy("it is healed", |p| {
            p.types.iter().all(|status| !status.is_rejected())
        })
        .await;
    assert!(
        healed.types.iter().any(|status| status.last_nack.is_some()),
        "history stays"
    );
}

#[tokio::test]
async fn an_unknown_type_is_passed_over_and_counted() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", set_of(&["a"]));
    let mut wire = Wire::subscribed(h.channel().await, "n", Cluster, &[])
        .await
        .unwrap();
    for type_url in [
        "type.googleapis.com/envoy.service.runtime.v3.Runtime",
        "",
        "\u{0}",
    ] {
        wire.send(DiscoveryRequest {
            type_url: type_url.to_owned(),
            ..DiscoveryRequest::default()
        });
    }
    wire.send(request(Listener, &[]));
    let clusters = next(&mut wire).await;
    wire.ack(&clusters, &[]);
    assert_eq!(next(&mut wire).await.type_url, Listener.type_url());
    assert_eq!(h.server.stats().unknown_types, 3);
}

#[tokio::test]
async fn a_proxy_is_listed_with_what_it_says_of_itself() {
    let h = Harness::start(Options::default()).await;
    let version = SemanticVersion {
        major_number: 1,
        minor_number: 40,
        patch: 0,
    };
    let build = BuildVersion {
        version: Some(version),
        metadata: None,
    };
    let node = Node {
        id: "mesh/m/virtualNode/n".to_owned(),
        cluster: "c".to_owned(),
        user_agent_name: "envoy".to_owned(),
        user_agent_version_type: Some(UserAgentVersionType::UserAgentBuildVersion(build)),
        ..Node::default()
    };
    let mut wire = Wire::open(h.channel().await).await.unwrap();
    wire.send(DiscoveryRequest {
        node: Some(node),
        ..request(Route, &["r"])
    });
    let proxy = h.proxy("it is listed", |p| p.types.len() == 1).await;
    assert_eq!(
        (proxy.node_id.as_str(), proxy.cluster.as_str()),
        ("mesh/m/virtualNode/n", "c")
    );
    assert_eq!(proxy.user_agent, "envoy/1.40.0");
    assert!(proxy.peer.unwrap().ip().is_loopback());
    assert_eq!(h.server.stats().open_streams(), 1);
    wire.close();
    assert!(
        wire.next().await.unwrap().is_none(),
        "the server ends its half too"
    );
    h.streams(0).await;
    assert!(h.server.proxies().is_empty());
}

#[test]
fn sets_compare_by_content() {
    let build = |port| {
        ResourceSet::builder()
            .cluster(&static_cluster("a", port))
            .route(&routes("r", &["a"]))
            .endpoints(&endpoints("a", &[port]))
            .build()
    };
    assert_eq!(build(1), build(1));
    assert_ne!(build(1), build(2));
    let version = |set: &ResourceSet| set.get(Route, "r").unwrap().version();
    assert_eq!(version(&build(1)), version(&build(2)));
    // SHA-256 of type URL, NUL and body. Literal: a change of the hash would send everything to every proxy anew.
    assert_eq!(version(&build(1)).to_string(), "1829f3e510679f9c9903f8b019ae2d4a");
}

#[test]
fn secrets_are_not_printed() {
    let set = ResourceSet::builder().secret(&secret("s", "hush")).build();
    let printed = format!("{set:?}");
    assert!(
        printed.contains("\"s\"") && !printed.contains("hush"),
        "{printed}"
    );
    let bytes = format!("{:?}", b"hush");
    assert!(!printed.contains(bytes.trim_matches(['[', ']'])), "{printed}");
}

trait WithSecret {
    /// The same and a secret named `s`.
    fn with_secret(self) -> ResourceSet;
}

impl WithSecret for ResourceSet {
    fn with_secret(self) -> ResourceSet {
        let mut builder = ResourceSet::builder().secret(&secret("s", "text"));
        for kind in evermesh_xds_server::ResourceType::ALL {
            for resource in self.collection(kind).iter() {
                builder = builder.shared(kind, resource);
            }
        }
        builder.build()
    }
}
