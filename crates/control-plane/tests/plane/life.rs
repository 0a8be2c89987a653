//! Start, restart and end of a control plane.

use std::fs;
use std::net::TcpListener;

use evermesh_control_plane::{ControlPlane, Sockets, StartError};
use evermesh_service::ServiceError;
use evermesh_store::StoreError;
use evermesh_testkit::DEADLINE;
use evermesh_xds_server::ResourceType::{Cluster, Route};
use evermesh_xds_server::testing::{Peer, Wire};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tonic::Code;

use crate::specs::{node, split, to_nodes};
use crate::world::{World, caller, everything, has_split, id, loopback, options, received, sockets, splits};

#[tokio::test]
async fn a_restart_gives_equal_versions_and_sends_nothing() {
    sends_nothing_after(|dir| dir).await;
}

#[tokio::test]
async fn a_restored_copy_gives_equal_versions_and_sends_nothing() {
    sends_nothing_after(|dir| {
        let restored = TempDir::new().unwrap();
        let name = "evermesh.db";
        fs::copy(dir.path().join(name), restored.path().join(name)).unwrap();
        restored
    })
    .await;
}

/// A proxy stays while the control plane goes, and another comes on what became of its data.
async fn sends_nothing_after(meanwhile: impl FnOnce(TempDir) -> TempDir) {
    let world = World::with_mesh().await;
    let peer = world.proxy("m/virtualNode/n").await;
    world.update("m/virtualRouter/r/route/x", split(4, 2)).await;
    peer.wait_for("the weights arrive", |model| has_split(model, 4, 2))
        .await;
    let dir = world.stop().await;
    let model = peer.stop().await;
    let (before, held) = (model.log().len(), everything(&model));

    let world = World::on(meanwhile(dir)).await;
    let peer = Peer::start(world.channel().await, model);
    world
        .proxies(
            "it is in sync",
            |proxies| matches!(proxies, [proxy] if proxy.in_sync() && proxy.types.len() == 3),
        )
        .await;
    let fresh = world.proxy("m/virtualNode/n").await;
    assert_eq!(everything(&fresh.model()), held);
    assert_eq!(received(&peer, before), []);

    // It is a stream like any other: the next change arrives.
    world.update("m/virtualRouter/r/route/x", split(5, 2)).await;
    peer.wait_for("the weights arrive", |model| has_split(model, 5, 2))
        .await;
}

#[tokio::test]
async fn what_changed_while_a_proxy_was_away_is_all_it_is_sent() {
    let world = World::with_mesh().await;
    let peer = world.proxy("m/virtualNode/n").await;
    let model = peer.stop().await;
    let before = model.log().len();
    world.update("m/virtualRouter/r/route/x", split(4, 2)).await;
    let world = world.restart().await;
    let peer = Peer::start(world.channel().await, model);
    peer.wait_for("the weights arrive", |model| has_split(model, 4, 2))
        .await;
    assert_eq!(received(&peer, before).len(), 1);
}

/// In state of the world a list without them would take clusters from a proxy before it has the routes without them.
#[tokio::test]
async fn what_goes_before_a_proxy_is_back_from_a_restart_leaves_after_use() {
    let world = World::with_mesh().await;
    let peer = world.proxy("m/virtualNode/n").await;
    let world = world.restart().await;
    let model = peer.stop().await;
    let before = model.log().len();
    world.create("m/virtualNode/t3", node("t3.local")).await;
    let targets = to_nodes(&[("t2", 1), ("t3", 1)]);
    world.update("m/virtualRouter/r/route/x", targets).await;
    world.published().await;

    let peer = Peer::start(world.channel().await, model);
    peer.wait_for("t1 is gone", |model| {
        model.held(Cluster).keys().all(|name| !name.contains("t1"))
    })
    .await;
    world.settled(&peer).await;
    assert_eq!(peer.model().faults(), &[] as &[String]);
    assert_eq!(received(&peer, before), [Cluster, Route, Cluster]);
}

#[tokio::test]
async fn the_end_sends_proxies_elsewhere_and_leaves_nothing_open() {
    let world = World::with_mesh().await;
    let peer = world.proxy("m/virtualNode/n").await;
    let node_id = "mesh/m/virtualNode/n";
    // One does not acknowledge, one has said nothing yet, and one is only connected.
    let mut stuck = Wire::subscribed(world.channel().await, node_id, Cluster, &[])
        .await
        .unwrap();
    assert!(stuck.next().await.unwrap().is_some());
    let mut silent = Wire::open(world.channel().await).await.unwrap();
    let _idle = TcpStream::connect(world.plane.api_addresses()[0]).await.unwrap();
    let (api, xds) = (world.plane.api_addresses()[0], world.plane.xds_addresses()[0]);
    let service = world.plane.service().clone();

    let dir = world.stop().await;
    assert_eq!(peer.ended().await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(stuck.next().await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(silent.next().await.unwrap_err().code(), Code::Unavailable);
    let refused = service.describe(&caller(), &id("m")).await;
    assert!(
        matches!(refused, Err(ServiceError::Unavailable(_))),
        "{refused:?}"
    );

    // Addresses and data are free for the next.
    let sockets = Sockets::bind(api, xds, loopback()).unwrap();
    let next = ControlPlane::start(options(dir.path()), sockets).await.unwrap();
    next.shut_down().await;
}

#[tokio::test]
async fn a_data_directory_serves_one_control_plane() {
    let world = World::with_mesh().await;
    let second = ControlPlane::start(options(world.dir.path()), sockets()).await;
    let Err(StartError::Store { path, source }) = second else {
        panic!("{second:?}")
    };
    assert_eq!(path, world.dir.path().join("evermesh.db"));
    let this = std::process::id();
    assert!(
        matches!(source, StoreError::Locked { pid: Some(pid), .. } if pid == this),
        "{source:?}"
    );
    // The first is none the worse for it.
    world.create("m/virtualNode/more", node("more.local")).await;
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let taken = TcpListener::bind(loopback()).unwrap();
    let address = taken.local_addr().unwrap();
    for bound in [
        Sockets::bind(address, loopback(), loopback()),
        Sockets::bind(loopback(), address, loopback()),
        Sockets::bind(loopback(), loopback(), address),
    ] {
        let Err(error @ StartError::Bind { .. }) = bound else {
            panic!("{bound:?}")
        };
        assert_eq!(error.to_string(), format!("cannot listen on {address}"));
    }
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_made_is_named() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let started = ControlPlane::start(options(&file.join("data")), sockets()).await;
    assert!(
        matches!(&started, Err(StartError::DataDir { path, .. }) if *path == file.join("data")),
        "{started:?}"
    );
}

#[tokio::test]
async fn a_start_that_fails_leaves_nothing_running() {
    let dir = World::with_mesh().await.stop().await;
    let with_a_directory_for_hosts = evermesh_control_plane::Options {
        hosts: Some(dir.path().to_owned()),
        ..options(dir.path())
    };
    let started = ControlPlane::start(with_a_directory_for_hosts, sockets()).await;
    assert!(matches!(started, Err(StartError::Dns(_))), "{started:?}");

    let world = World::on(dir).await;
    let peer = world.proxy("m/virtualNode/n").await;
    assert!(!splits(&peer.model()).is_empty());
}

#[tokio::test]
async fn many_proxies_may_come_at_once() {
    let world = World::empty().await;
    for address in [world.plane.xds_addresses()[0], world.plane.api_addresses()[0]] {
        // Nobody accepts meanwhile: the runtime has one thread, which is busy here.
        let connect = || std::net::TcpStream::connect_timeout(&address, DEADLINE);
        let waiting: Result<Vec<_>, _> = (0..400).map(|_| connect()).collect();
        assert_eq!(waiting.unwrap().len(), 400);
    }
}
