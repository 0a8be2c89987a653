//! Proxies that arrive: before or after their resource, under one name or another, from where they say they are.

use std::collections::HashMap;
use std::net::IpAddr;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::core::v3::address::Address::SocketAddress;
use envoy_types::pb::envoy::config::core::v3::{Address, Node};
use envoy_types::pb::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;
use envoy_types::pb::envoy::config::listener::v3::Listener;
use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value};
use evermesh_xds_server::testing::{Model, Peer, Wire, request};
use evermesh_xds_server::{ResourceType, SyncState};
use prost::Message;
use serde_json::json;
use tonic::Code;

use crate::specs::{self, node};
use crate::world::{World, everything};

#[tokio::test]
async fn a_proxy_that_came_first_is_configured_when_its_resource_appears() {
    let world = World::empty().await;
    let early = world.connect("m/virtualNode/n").await;
    world
        .proxies(
            "it waits",
            |proxies| matches!(proxies, [proxy] if proxy.state == SyncState::AwaitingConfiguration),
        )
        .await;
    let mesh = r#"{"meshName":"m"}"#;
    assert_eq!(world.http("PUT", "/v20190125/meshes", mesh).await.0, 200);
    let body = json!({ "virtualNodeName": "n", "spec": node("n.local") }).to_string();
    let path = "/v20190125/meshes/m/virtualNodes";
    assert_eq!(world.http("PUT", path, &body).await.0, 200);
    world.settled(&early).await;

    let late = world.proxy("m/virtualNode/n").await;
    assert_eq!(everything(&early.model()), everything(&late.model()));
    assert!(early.model().faults().is_empty());
    let (_, shown) = world.http("GET", "/evermesh/proxies", "").await;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["proxies"][0]["nodeId"], "mesh/m/virtualNode/n");
    assert_eq!(shown["proxies"][1]["inSync"], true);
}

#[tokio::test]
async fn every_form_of_a_node_id_is_the_same_proxy() {
    let world = World::with_mesh().await;
    let expected = everything(&world.proxy("m/virtualNode/n").await.model());
    for form in [
        "arn:aws:appmesh:us-west-2:123456789012:mesh/m/virtualNode/n",
        "mesh/m@123456789012/virtualNode/n",
    ] {
        let peer = Peer::start(world.channel().await, Model::new(form));
        world.settled(&peer).await;
        assert_eq!(everything(&peer.model()), expected, "{form}");
    }
    let gateway = world.proxy("m/virtualGateway/g").await;
    assert_ne!(everything(&gateway.model()), expected);
}

#[tokio::test]
async fn what_is_no_proxy_is_refused_with_what_to_do() {
    let world = World::with_mesh().await;
    for (node_id, part) in [
        ("n", "APPMESH_RESOURCE_ARN"),
        ("mesh/m/pod/n", "APPMESH_RESOURCE_ARN"),
        (
            "arn:aws:ecs:us-west-2:123456789012:mesh/m/virtualNode/n",
            "APPMESH_RESOURCE_ARN",
        ),
        ("mesh/m/virtualService/s.local", "is a virtualService"),
        ("mesh/m/virtualRouter/r/route/x", "is a route"),
        ("mesh/m", "is a mesh"),
    ] {
        let peer = Peer::start(world.channel().await, Model::new(node_id));
        let status = peer.ended().await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{node_id}: {status:?}");
        assert!(status.message().contains(part), "{node_id}: {status:?}");
    }
    let nowhere = placed(&world, &[("evermesh.bind_address", "nowhere")]).await;
    let status = nowhere.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("evermesh.bind_address"), "{status:?}");
}

#[tokio::test]
async fn placement_decides_where_listeners_and_the_application_are() {
    let world = World::with_mesh().await;
    let default = placed(&world, &[]).await.unwrap();
    let moved = [
        ("evermesh.bind_address", "127.0.0.7"),
        ("evermesh.app_address", "127.0.0.8"),
    ];
    let moved = placed(&world, &moved).await.unwrap();
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let listeners = ["lds_egress_0.0.0.0_15001", "lds_ingress_0.0.0.0_15000"];
    for name in listeners {
        assert_eq!(default[name], ip("0.0.0.0"), "{name}");
        assert_eq!(moved[name], ip("127.0.0.7"), "{name}");
    }
    assert_eq!(default["cds_ingress_m_n_http_80"], ip("127.0.0.1"));
    assert_eq!(moved["cds_ingress_m_n_http_80"], ip("127.0.0.8"));
    assert_eq!(default.len(), moved.len());
}

#[tokio::test]
async fn proxies_of_a_node_in_two_places_both_follow_it() {
    let world = World::with_mesh().await;
    let moved = [("evermesh.bind_address", "127.0.0.7")];
    let mut wire = subscribed(&world, &moved, ResourceType::Listener).await;
    let first = wire.next().await.unwrap().unwrap();
    wire.ack(&first, &[]);
    let peer = world.proxy("m/virtualNode/n").await;
    let before = peer.model().version(ResourceType::Listener).to_owned();

    let changed = specs::logging(specs::caller("n.local", &["s.local"]));
    world.update("m/virtualNode/n", changed).await;
    let second = wire.next().await.unwrap().unwrap();
    assert_eq!(
        addresses_of_listeners(&second)["lds_ingress_0.0.0.0_15000"].to_string(),
        "127.0.0.7"
    );
    peer.wait_for("its listeners change", |model| {
        model.version(ResourceType::Listener) != before
    })
    .await;
    assert_ne!(peer.model().version(ResourceType::Listener), second.version_info);
}

/// Where the listeners and local clusters are that `n` is given when its proxy has this metadata.
async fn placed(world: &World, metadata: &[(&str, &str)]) -> Result<HashMap<String, IpAddr>, tonic::Status> {
    let mut wire = subscribed(world, metadata, ResourceType::Cluster).await;
    let clusters = wire.next().await?.unwrap();
    wire.ack(&clusters, &[]);
    wire.send(request(ResourceType::Listener, &[]));
    let listeners = wire.next().await?.unwrap();
    let mut places = addresses_of_listeners(&listeners);
    for body in &clusters.resources {
        let cluster = Cluster::decode(body.value.as_slice()).unwrap();
        let endpoints = cluster
            .load_assignment
            .into_iter()
            .flat_map(|load| load.endpoints);
        for endpoint in endpoints.flat_map(|locality| locality.lb_endpoints) {
            let Some(HostIdentifier::Endpoint(endpoint)) = endpoint.host_identifier else {
                continue;
            };
            // Those of other nodes are names.
            if let Ok(ip) = host(endpoint.address).parse() {
                places.insert(cluster.name.clone(), ip);
            }
        }
    }
    Ok(places)
}

async fn subscribed(world: &World, metadata: &[(&str, &str)], kind: ResourceType) -> Wire {
    let wire = Wire::open(world.channel().await).await.unwrap();
    let field = |(key, value): &(&str, &str)| {
        let value = Value {
            kind: Some(Kind::StringValue((*value).to_owned())),
        };
        ((*key).to_owned(), value)
    };
    let node = Node {
        id: "mesh/m/virtualNode/n".to_owned(),
        metadata: Some(Struct {
            fields: metadata.iter().map(field).collect(),
        }),
        ..Node::default()
    };
    wire.send(DiscoveryRequest {
        node: Some(node),
        ..request(kind, &[])
    });
    wire
}

fn addresses_of_listeners(response: &DiscoveryResponse) -> HashMap<String, IpAddr> {
    let listeners = response
        .resources
        .iter()
        .map(|body| Listener::decode(body.value.as_slice()).unwrap());
    listeners
        .map(|listener| (listener.name, host(listener.address).parse().unwrap()))
        .collect()
}

fn host(address: Option<Address>) -> String {
    match address.and_then(|address| address.address) {
        Some(SocketAddress(socket)) => socket.address,
        other => panic!("no socket address: {other:?}"),
    }
}
