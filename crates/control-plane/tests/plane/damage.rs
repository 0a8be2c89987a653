//! Stored records that cannot be understood: they stop their mesh where it is, and nothing else.
//! What happens when one appears while the control plane runs is in the pipeline's own tests.

use evermesh_service::{RESOURCE_PREFIX, ServiceError};
use evermesh_store::{Store, Txn};
use evermesh_xds_server::ResourceType::Route;
use evermesh_xds_server::testing::Peer;
use evermesh_xds_server::{ProxyStatus, SyncState};
use serde_json::json;
use tempfile::TempDir;

use crate::specs::{logging, node, split};
use crate::world::{World, caller, count, everything, has_split, id, received, store};

const TARGET: &str = "resource/within/123456789012/m/virtualNode/t1";
const MESH: &str = "resource/mesh/m/123456789012";

#[tokio::test]
async fn an_unreadable_record_holds_its_mesh_and_no_other() {
    for key in [TARGET, MESH] {
        let world = World::with_mesh().await;
        world.create("other", json!({})).await;
        world.create("other/virtualNode/n", node("n.local")).await;
        let peer = world.proxy("m/virtualNode/n").await;
        let dir = world.stop().await;
        let model = peer.stop().await;
        let (before, held) = (model.log().len(), everything(&model));
        let sound = overwrite(&dir, key, b"{\"format\":".to_vec()).await;

        let world = World::on(dir).await;
        assert_eq!(world.faults().await, 1);
        let returned = Peer::start(world.channel().await, model);
        let new = world.connect("m/virtualNode/free").await;
        let other = world.proxy_of_another_mesh().await;
        // Without the unreadable target, all traffic would go to the other one.
        world.update("m/virtualRouter/r/route/x", split(5, 1)).await;
        world
            .update("m/virtualNode/free", logging(node("free.local")))
            .await;
        world
            .update("other/virtualNode/n", logging(node("n.local")))
            .await;
        let configured = count(&other);
        other
            .wait_for("the other mesh goes on", |model| model.log().len() > configured)
            .await;
        assert_waiting(&world.plane.proxies());
        assert_eq!(everything(&returned.model()), held);
        assert!(new.model().log().is_empty());

        // Nothing that was acknowledged is lost, before or meanwhile.
        let dir = world.stop().await;
        let (returned, new) = (returned.stop().await, new.stop().await);
        assert_eq!(overwrite(&dir, key, sound).await, b"{\"format\":");
        let world = World::on(dir).await;
        assert_eq!(world.faults().await, 0);
        let (returned, new) = (
            Peer::start(world.channel().await, returned),
            Peer::start(world.channel().await, new),
        );
        returned
            .wait_for("the route arrives", |model| has_split(model, 5, 1))
            .await;
        assert_eq!(received(&returned, before), [Route]);
        new.wait_for("it is configured", |model| !model.version(Route).is_empty())
            .await;
    }
}

#[tokio::test]
async fn the_api_answers_for_all_but_the_unreadable_record() {
    let dir = World::with_mesh().await.stop().await;
    overwrite(&dir, TARGET, b"damaged".to_vec()).await;
    let world = World::on(dir).await;
    let service = world.plane.service();
    let refused = service.describe(&caller(), &id("m/virtualNode/t1")).await;
    assert!(matches!(refused, Err(ServiceError::Internal(_))), "{refused:?}");
    for path in ["m", "m/virtualNode/t2", "m/virtualRouter/r/route/x"] {
        service.describe(&caller(), &id(path)).await.unwrap();
    }
    world.create("m/virtualNode/t3", node("t3.local")).await;
    assert_eq!(world.http("GET", "/healthz", "").await.0, 200);
}

#[tokio::test]
async fn a_key_that_names_no_resource_is_counted_and_nothing_else() {
    let dir = World::with_mesh().await.stop().await;
    let strange = format!("{RESOURCE_PREFIX}within/123456789012/m/laterKind/x");
    overwrite(&dir, &strange, b"{\"format\":2}".to_vec()).await;
    let world = World::on(dir).await;
    assert_eq!(world.faults().await, 1);
    let peer = world.proxy("m/virtualNode/n").await;
    world.update("m/virtualRouter/r/route/x", split(5, 1)).await;
    peer.wait_for("the route arrives", |model| has_split(model, 5, 1))
        .await;
}

impl World {
    async fn proxy_of_another_mesh(&self) -> Peer {
        let peer = self.connect("other/virtualNode/n").await;
        peer.wait_for("it is configured", |model| !model.version(Route).is_empty())
            .await;
        peer
    }
}

fn assert_waiting(proxies: &[ProxyStatus]) {
    let of_the_mesh = proxies
        .iter()
        .filter(|proxy| proxy.node_id.starts_with("mesh/m/"));
    let states: Vec<_> = of_the_mesh.map(|proxy| proxy.state).collect();
    assert_eq!(states, [SyncState::AwaitingConfiguration; 2]);
}

/// Puts a value into the database of a control plane that has stopped. Returns the one before, empty if none.
async fn overwrite(dir: &TempDir, key: &str, value: Vec<u8>) -> Vec<u8> {
    let store = store(dir);
    let before = store.get(key).await.unwrap();
    store.commit(Txn::new().put(key, value)).await.unwrap();
    store.close().await;
    before.map(|entry| entry.value.to_vec()).unwrap_or_default()
}
