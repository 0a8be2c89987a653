//! Client tokens: a repeated request is harmless, a reused token is refused.

use evermesh_model::Resource;
use evermesh_service::{CreateRequest, MeshService, ServiceError, UpdateRequest};
use serde_json::json;

use crate::world::{OWNER, STRANGER, World, all, caller, create, node, tag, to_node, update};

async fn send(world: &World, request: &CreateRequest) -> Result<Resource, ServiceError> {
    world.service.create(&caller(OWNER), request.clone()).await
}

async fn send_update(world: &World, request: &UpdateRequest) -> Result<Resource, ServiceError> {
    world.service.update(&caller(OWNER), request.clone()).await
}

#[tokio::test]
async fn a_repeated_creation_answers_with_the_same_resource() {
    let world = World::new();
    for (index, (path, spec)) in all().into_iter().enumerate() {
        let mut request = create(path, spec.clone(), Some(&format!("token-{index}")));
        request.tags = vec![tag("a", "1"), tag("b", "2")];
        let first = send(&world, &request).await.unwrap();
        assert_eq!(send(&world, &request).await.unwrap(), first);
        // The order of tags means nothing.
        request.tags.reverse();
        assert_eq!(send(&world, &request).await.unwrap(), first);
        // Nor does it matter to later requests that it was updated since.
        let updated = world.update(path, spec).await.unwrap();
        assert_eq!(send(&world, &request).await.unwrap(), updated);
    }
}

#[tokio::test]
async fn a_token_used_for_another_request_is_a_conflict() {
    let world = World::full().await;
    let first = create("m/virtualNode/a", node("a.local"), Some("t"));
    send(&world, &first).await.unwrap();
    let mut tagged = first.clone();
    tagged.tags = vec![tag("a", "1")];
    for other in [
        create("m/virtualNode/a", node("b.local"), Some("t")),
        create("m/virtualNode/b", node("a.local"), Some("t")),
        tagged,
    ] {
        let refused = send(&world, &other).await;
        assert!(matches!(refused, Err(ServiceError::Conflict(_))), "{refused:?}");
    }
    let refused = send_update(&world, &update("m/virtualNode/a", node("a.local"), Some("t"))).await;
    assert!(matches!(refused, Err(ServiceError::Conflict(_))), "{refused:?}");
    assert_eq!(
        world.describe("m/virtualNode/a").await.unwrap().metadata.version,
        1
    );
    // Another token is another request, and the name is taken.
    let refused = send(&world, &create("m/virtualNode/a", node("a.local"), Some("u"))).await;
    assert!(matches!(refused, Err(ServiceError::Conflict(_))), "{refused:?}");
}

#[tokio::test]
async fn tokens_of_accounts_are_their_own() {
    let world = World::full().await;
    send(&world, &create("m/virtualNode/a", node("a.local"), Some("t")))
        .await
        .unwrap();
    let theirs = create("m/virtualNode/b", node("b.local"), Some("t"));
    world.service.create(&caller(STRANGER), theirs).await.unwrap();
}

#[tokio::test]
async fn a_repeated_update_is_done_once() {
    let world = World::full().await;
    let request = update("m/virtualNode/free", node("new.local"), Some("t"));
    let first = send_update(&world, &request).await.unwrap();
    assert_eq!(first.metadata.version, 2);
    assert_eq!(send_update(&world, &request).await.unwrap(), first);
    // A late repetition does not undo what others did since.
    let newer = world
        .update("m/virtualNode/free", node("newer.local"))
        .await
        .unwrap();
    assert_eq!(send_update(&world, &request).await.unwrap(), newer);
    assert_eq!(newer.metadata.version, 3);
    for other in [
        update("m/virtualNode/free", node("other.local"), Some("t")),
        update("m/virtualNode/n", node("new.local"), Some("t")),
    ] {
        let refused = send_update(&world, &other).await;
        assert!(matches!(refused, Err(ServiceError::Conflict(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn tokens_go_with_their_resource() {
    let world = World::full().await;
    let request = create("m/virtualService/new", to_node("n"), Some("t"));
    let first = send(&world, &request).await.unwrap();
    world.delete("m/virtualService/new").await.unwrap();
    let second = send(&world, &request).await.unwrap();
    assert_ne!(first.metadata.uid, second.metadata.uid);
}

#[tokio::test]
async fn only_the_latest_tokens_are_kept() {
    let world = World::full().await;
    for index in 0..40 {
        send_update(&world, &update("m", json!({}), Some(&format!("t{index}"))))
            .await
            .unwrap();
    }
    let keys = world.keys().await;
    let mut tokens: Vec<_> = keys
        .iter()
        .filter_map(|key| key.strip_prefix("token/123456789012/t"))
        .collect();
    tokens.sort_by_key(|token| token.parse::<u32>().unwrap());
    assert_eq!(
        tokens,
        (24..40).map(|index| index.to_string()).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn tokens_are_up_to_36_letters_digits_hyphens_and_underscores() {
    let world = World::full().await;
    let longest = "x".repeat(36);
    for (token, accepted) in [
        ("A-z_09", true),
        (longest.as_str(), true),
        ("", false),
        (&format!("{longest}x"), false),
        ("a/b", false),
    ] {
        let result = send_update(&world, &update("m", json!({}), Some(token))).await;
        assert_eq!(result.is_ok(), accepted, "{token:?}: {result:?}");
    }
}
