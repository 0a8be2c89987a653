//! Meshes that several accounts use: who may do what, and whose account is where.

use evermesh_model::Arn;
use evermesh_service::{MeshService, ServiceError};
use serde_json::json;

use crate::world::{OWNER, STRANGER, World, arn_of, caller, create, id, node, tag, update};

const SHARED: &str = "arn:aws:appmesh:us-west-2:210987654321:mesh/m@123456789012/virtualNode/theirs";

/// The owner's mesh with a node of the stranger.
async fn shared() -> World {
    let world = World::full().await;
    let request = create("m/virtualNode/theirs", node("theirs.local"), None);
    let created = world.service.create(&caller(STRANGER), request).await.unwrap();
    assert_eq!(created.metadata.mesh_owner, OWNER);
    assert_eq!(created.metadata.resource_owner, STRANGER);
    assert_eq!(created.metadata.arn, SHARED);
    world
}

#[tokio::test]
async fn only_its_owner_creates_a_mesh() {
    let world = World::new();
    let refused = world
        .service
        .create(&caller(STRANGER), create("m", json!({}), None))
        .await;
    assert!(matches!(refused, Err(ServiceError::Forbidden(_))), "{refused:?}");
}

#[tokio::test]
async fn meshes_of_two_owners_may_share_a_name() {
    let world = World::full().await;
    let theirs = create("m@210987654321", json!({}), None);
    world.service.create(&caller(STRANGER), theirs).await.unwrap();
    assert!(world.describe("m@210987654321/virtualNode/n").await.is_err());
    world.delete("m@210987654321").await.unwrap_err();
    world
        .service
        .delete(&caller(STRANGER), &id("m@210987654321"))
        .await
        .unwrap();
    world.describe("m").await.unwrap();
}

#[tokio::test]
async fn only_who_created_a_resource_changes_and_tags_it() {
    let world = shared().await;
    let arn = Arn::parse(SHARED).unwrap();
    let (service, change) = (
        &world.service,
        update("m/virtualNode/theirs", node("new.local"), None),
    );
    let owner = caller(OWNER);
    for refused in [
        service.update(&owner, change.clone()).await.map(drop),
        service.tag(&owner, &arn, vec![tag("a", "")]).await,
        service.untag(&owner, &arn, vec!["a".to_owned()]).await,
        service.list_tags(&owner, &arn, None, None).await.map(drop),
        service
            .update(&caller(STRANGER), update("m/virtualNode/n", node("n"), None))
            .await
            .map(drop),
        service
            .update(&caller(STRANGER), update("m", json!({}), None))
            .await
            .map(drop),
        service
            .tag(&caller(STRANGER), &arn_of("m"), vec![tag("a", "")])
            .await,
    ] {
        assert!(matches!(refused, Err(ServiceError::Forbidden(_))), "{refused:?}");
    }
    service.update(&caller(STRANGER), change).await.unwrap();
    service
        .tag(&caller(STRANGER), &arn, vec![tag("a", "")])
        .await
        .unwrap();
}

#[tokio::test]
async fn who_created_a_resource_and_who_owns_the_mesh_delete_it() {
    let world = shared().await;
    for path in ["m/virtualNode/free", "m"] {
        let refused = world.service.delete(&caller(STRANGER), &id(path)).await;
        assert!(matches!(refused, Err(ServiceError::Forbidden(_))), "{refused:?}");
    }
    world
        .service
        .delete(&caller(STRANGER), &id("m/virtualNode/theirs"))
        .await
        .unwrap();
    let again = create("m/virtualNode/theirs", node("theirs.local"), Some("t"));
    world.service.create(&caller(STRANGER), again).await.unwrap();
    world.delete("m/virtualNode/theirs").await.unwrap();
    // The token was the stranger's, whoever deletes.
    assert!(!world.keys().await.iter().any(|key| key.starts_with("token/")));
}
