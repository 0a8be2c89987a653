//! Hostile and unlucky proxies, limits, shutdown, and the ways to listen.

use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest};
use evermesh_xds_server::ResourceType::{Cluster, Endpoint};
use evermesh_xds_server::testing::{DeltaWire, Model, Peer, Wire, delta_request, request};
use evermesh_xds_server::{Options, ProxyStatus, Refusal, RefusalReason};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint as Address;
use tonic::{Code, Status};

use crate::harness::{Harness, set_of};

async fn end_of<Q, R>(mut wire: Wire<Q, R>) -> Status {
    loop {
        match wire.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended without a status"),
            Err(status) => return status,
        }
    }
}

fn node(id: &str) -> Option<Node> {
    Some(Node {
        id: id.to_owned(),
        ..Node::default()
    })
}

#[tokio::test]
async fn a_first_request_without_a_node_id_is_refused() {
    let h = Harness::start(Options::default()).await;
    for node in [None, node("")] {
        let wire = Wire::open(h.channel().await).await.unwrap();
        wire.send(DiscoveryRequest {
            node,
            ..request(Cluster, &[])
        });
        let status = end_of(wire).await;
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains("node"), "{status:?}");
    }
    assert_eq!(h.server.stats().refused(RefusalReason::Node), 2);
    assert_eq!(h.server.stats().all_refusals(), 2);
}

#[tokio::test]
async fn a_node_that_changes_ends_the_stream() {
    let h = Harness::start(Options::default()).await;
    h.source.put("one", set_of(&["a"]));
    let wire = Wire::subscribed(h.channel().await, "one", Cluster, &[])
        .await
        .unwrap();
    wire.send(DiscoveryRequest {
        node: node("one"),
        ..request(Endpoint, &[])
    });
    wire.send(DiscoveryRequest {
        node: node("two"),
        ..request(Endpoint, &["a"])
    });
    let status = end_of(wire).await;
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().contains("\"one\"") && status.message().contains("\"two\""),
        "{status:?}"
    );
}

#[tokio::test]
async fn a_long_node_id_is_refused() {
    let h = Harness::start(Options::default()).await;
    let wire = Wire::subscribed(h.channel().await, &"x".repeat(5000), Cluster, &[])
        .await
        .unwrap();
    assert_eq!(end_of(wire).await.code(), Code::InvalidArgument);
    assert!(h.server.proxies().is_empty());
}

#[tokio::test]
async fn the_refusals_of_the_source_reach_the_proxy() {
    let h = Harness::start(Options::default()).await;
    let cases = [
        (
            Refusal::InvalidNode("not an ARN".to_owned()),
            Code::InvalidArgument,
        ),
        (
            Refusal::Denied("not your mesh".to_owned()),
            Code::PermissionDenied,
        ),
        (
            Refusal::LimitReached("too many".to_owned()),
            Code::ResourceExhausted,
        ),
        (Refusal::Unavailable("starting".to_owned()), Code::Unavailable),
    ];
    for (refusal, code) in cases {
        h.source.refuse("n", refusal.clone());
        let status = end_of(
            Wire::subscribed(h.channel().await, "n", Cluster, &[])
                .await
                .unwrap(),
        )
        .await;
        assert_eq!(
            (status.code(), status.message()),
            (code, refusal.to_string().as_str())
        );
    }
}

#[tokio::test]
async fn too_many_names_end_the_stream() {
    let h = Harness::start(Options {
        max_resource_names: 3,
        ..Options::default()
    })
    .await;
    let wire = Wire::subscribed(h.channel().await, "n", Endpoint, &["a", "b", "c", "d"])
        .await
        .unwrap();
    let status = end_of(wire).await;
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(
        status.message().contains("names 4 resources of type endpoints"),
        "{status:?}"
    );
    assert_eq!(h.server.stats().refused(RefusalReason::ResourceNames), 1);
}

#[tokio::test]
async fn names_that_are_added_one_by_one_are_limited_too() {
    let h = Harness::start(Options {
        max_resource_names: 3,
        ..Options::default()
    })
    .await;
    let wire = DeltaWire::delta(h.channel().await, "n", delta_request(Endpoint, &["a", "b"], &[]))
        .await
        .unwrap();
    wire.send(delta_request(Endpoint, &["c"], &["a"]));
    wire.send(delta_request(Endpoint, &["d"], &[]));
    wire.send(delta_request(Endpoint, &["e"], &[]));
    let status = end_of(wire).await;
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("the limit is 3"), "{status:?}");
    assert_eq!(h.server.stats().requests, 4);
}

#[tokio::test]
async fn versions_that_are_brought_along_are_limited_in_number_and_length() {
    let h = Harness::start(Options {
        max_resource_names: 2,
        max_resource_name: 10,
        ..Options::default()
    })
    .await;
    let cases = [
        (vec!["a", "b", "c"], Code::ResourceExhausted),
        (vec!["12345678901"], Code::InvalidArgument),
    ];
    for (names, code) in cases {
        let versions = names.into_iter().map(|name| (name.to_owned(), "1".to_owned()));
        let request = DeltaDiscoveryRequest {
            initial_resource_versions: versions.collect(),
            ..delta_request(Cluster, &[], &[])
        };
        let wire = DeltaWire::delta(h.channel().await, "n", request).await.unwrap();
        assert_eq!(end_of(wire).await.code(), code);
    }
}

#[tokio::test]
async fn a_long_resource_name_ends_the_stream() {
    let h = Harness::start(Options {
        max_resource_name: 3,
        ..Options::default()
    })
    .await;
    let wire = Wire::subscribed(h.channel().await, "n", Endpoint, &["abc", "abcd"])
        .await
        .unwrap();
    let status = end_of(wire).await;
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().contains("has 4 bytes; the limit is 3"),
        "{status:?}"
    );
    assert_eq!(h.server.stats().refused(RefusalReason::ResourceNameLength), 1);
}

#[tokio::test]
async fn a_stream_that_keeps_asking_ends() {
    let h = Harness::start(Options {
        request_burst: 5,
        request_rate: 0,
        ..Options::default()
    })
    .await;
    h.source.put("n", set_of(&["a"]));
    let wire = Wire::subscribed(h.channel().await, "n", Endpoint, &["b"])
        .await
        .unwrap();
    for _ in 0..5 {
        wire.send(request(Endpoint, &["b"]));
    }
    let status = end_of(wire).await;
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("more than 5 requests"), "{status:?}");
    assert_eq!(h.server.stats().refused(RefusalReason::RequestRate), 1);
}

#[tokio::test]
async fn answers_are_not_limited_in_number() {
    let h = Harness::start(Options {
        request_burst: 1,
        request_rate: 0,
        ..Options::default()
    })
    .await;
    let clusters = ["a", "b", "c", "d", "e", "f"];
    h.source.put("n", set_of(&clusters[..1]));
    let mut wire = Wire::subscribed(h.channel().await, "n", Cluster, &[])
        .await
        .unwrap();
    for count in 2..=clusters.len() {
        let response = wire.next().await.unwrap().unwrap();
        wire.ack(&response, &[]);
        h.proxy("it is acknowledged", ProxyStatus::in_sync).await;
        h.source.put("n", set_of(&clusters[..count]));
    }
    assert!(wire.next().await.unwrap().is_some());
    assert_eq!(h.server.stats().all_refusals(), 0);
}

#[tokio::test]
async fn streams_of_a_node_beyond_the_limit_are_refused_until_one_ends() {
    let h = Harness::start(Options {
        max_streams_per_node: 1,
        ..Options::default()
    })
    .await;
    h.source.put("n", set_of(&["a"]));
    let mut first = Wire::subscribed(h.channel().await, "n", Cluster, &[])
        .await
        .unwrap();
    assert!(first.next().await.unwrap().is_some());

    let refused = Wire::subscribed(h.channel().await, "n", Cluster, &[])
        .await
        .unwrap();
    let status = end_of(refused).await;
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(
        status.message().contains("1 streams of node.id \"n\""),
        "{status:?}"
    );
    assert_eq!(h.server.stats().refused(RefusalReason::StreamsOfNode), 1);

    // Another node is not concerned, and an end makes room.
    h.source.put("m", set_of(&["a"]));
    let mut other = Wire::subscribed(h.channel().await, "m", Cluster, &[])
        .await
        .unwrap();
    assert!(other.next().await.unwrap().is_some());
    drop(first);
    h.streams(1).await;
    let mut second = Wire::subscribed(h.channel().await, "n", Cluster, &[])
        .await
        .unwrap();
    assert!(second.next().await.unwrap().is_some());
}

#[tokio::test]
async fn a_message_too_large_ends_its_stream_only() {
    let h = Harness::start(Options {
        max_message_size: 4096,
        ..Options::default()
    })
    .await;
    h.source.put("n", set_of(&["a"]));
    let channel = h.channel().await;
    let mut other = Wire::subscribed(channel.clone(), "n", Cluster, &[])
        .await
        .unwrap();
    let wire = Wire::subscribed(channel, "n", Endpoint, &["x".repeat(5000).as_str()])
        .await
        .unwrap();
    assert_eq!(end_of(wire).await.code(), Code::OutOfRange);
    assert_eq!(h.server.stats().refused(RefusalReason::MessageSize), 1);
    assert!(other.next().await.unwrap().is_some());
}

#[tokio::test]
async fn streams_beyond_the_limit_are_refused_until_one_ends() {
    let h = Harness::start(Options {
        max_streams: 1,
        ..Options::default()
    })
    .await;
    h.source.put("n", set_of(&["a"]));
    let first = Wire::subscribed(h.channel().await, "n", Cluster, &[])
        .await
        .unwrap();
    h.streams(1).await;

    let refused = Wire::open(h.channel().await).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(h.server.stats().refused(RefusalReason::Streams), 1);

    drop(first);
    h.streams(0).await;
    let mut second = Wire::subscribed(h.channel().await, "n", Cluster, &[])
        .await
        .unwrap();
    assert!(second.next().await.unwrap().is_some());
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_until_one_ends() {
    let h = Harness::start(Options {
        max_connections: 1,
        ..Options::default()
    })
    .await;
    let first = TcpStream::connect(h.address).await.unwrap();
    h.connections(1).await;

    let refused = TcpStream::connect(h.address).await.unwrap();
    assert_eq!(all_of(refused).await.len(), 0);
    assert_eq!(h.server.stats().refused(RefusalReason::Connections), 1);

    drop(first);
    h.connections(0).await;
    h.source.put("n", set_of(&["a"]));
    let mut second = Wire::subscribed(h.channel().await, "n", Cluster, &[])
        .await
        .unwrap();
    assert!(second.next().await.unwrap().is_some());
}

#[tokio::test]
async fn a_connection_without_a_stream_is_closed() {
    let h = Harness::start(Options {
        idle_timeout: Duration::from_millis(500),
        ..Options::default()
    })
    .await;
    h.source.put("n", set_of(&["a"]));
    let channel = h.channel().await;
    let mut wire = Wire::subscribed(channel.clone(), "n", Cluster, &[])
        .await
        .unwrap();
    // One that says nothing and one that is a client without a request.
    let silent = TcpStream::connect(h.address).await.unwrap();
    let _unused = h.channel().await;
    all_of(silent).await;
    h.connections(1).await;
    assert_eq!(h.server.stats().refused(RefusalReason::IdleConnection), 2);

    // So the one with a stream was there for longer than that, and goes on as long as the stream.
    assert!(wire.next().await.unwrap().is_some());
    drop(wire);
    h.connections(0).await;
    drop(channel);
    assert_eq!(h.server.stats().refused(RefusalReason::IdleConnection), 3);
}

/// Everything that the server sends until it closes the connection.
async fn all_of(mut connection: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    connection.read_to_end(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test]
async fn a_silent_stream_ends() {
    let options = Options {
        initial_request_timeout: Duration::from_millis(20),
        ..Options::default()
    };
    let h = Harness::start(options).await;
    let status = end_of(Wire::open(h.channel().await).await.unwrap()).await;
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_source_that_goes_away_ends_the_stream() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", set_of(&["a"]));
    let mut wire = Wire::subscribed(h.channel().await, "n", Cluster, &[])
        .await
        .unwrap();
    assert!(wire.next().await.unwrap().is_some());
    h.source.remove("n");
    assert_eq!(end_of(wire).await.code(), Code::Unavailable);
}

#[tokio::test]
async fn shutdown_sends_proxies_elsewhere() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", set_of(&["a"]));
    let peer = Peer::start(h.channel().await, Model::new("n"));
    let unready = Wire::open(h.channel().await).await.unwrap();
    h.proxy("the peer is in sync", |p| p.in_sync() && p.types.len() == 3)
        .await;
    h.stop().await;
    assert_eq!(peer.ended().await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(end_of(unready).await.code(), Code::Unavailable);
}

#[tokio::test]
async fn one_server_listens_in_several_places() {
    let h = Harness::start(Options::default()).await;
    h.source.put("n", set_of(&["a"]));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("xds.sock");
    let stop = CancellationToken::new();
    let unix = UnixListener::bind(&path).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let second = format!("http://{}", tcp.local_addr().unwrap());
    let (server, token) = (h.server.clone(), stop.clone());
    let over_unix = tokio::spawn(async move { server.serve_unix(unix, token.cancelled()).await });
    let (server, token) = (h.server.clone(), stop.clone());
    let over_tcp = tokio::spawn(async move { server.serve(tcp, token.cancelled()).await });

    for (address, by_unix_socket) in [(format!("unix://{}", path.display()), true), (second, false)] {
        let channel = Address::from_shared(address).unwrap().connect().await.unwrap();
        let peer = Peer::start(channel, Model::new("n"));
        let proxy = h
            .proxy("it is in sync", |p| p.in_sync() && p.types.len() == 3)
            .await;
        assert_eq!(proxy.peer.is_none(), by_unix_socket);
        peer.stop().await;
        h.streams(0).await;
    }
    stop.cancel();
    over_unix.await.unwrap().unwrap();
    over_tcp.await.unwrap().unwrap();
    // The first listener serves on.
    let peer = Peer::start(h.channel().await, Model::new("n"));
    peer.wait_for("it has listeners", |m| m.log().len() == 3).await;
}
