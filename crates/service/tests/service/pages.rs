//! Lists: order, pages, and tokens that outlive what they were made from.

use evermesh_model::Kind;
use evermesh_service::{ListRequest, MeshService, ServiceError};
use serde_json::json;

use crate::world::{OWNER, STRANGER, World, caller, create, id, list, node, open, service};

#[tokio::test]
async fn every_kind_is_listed_in_its_parent_by_name() {
    let world = World::full().await;
    // What must not appear in any of the lists below.
    world.create("m2", json!({})).await.unwrap();
    world.create("m2/virtualNode/elsewhere", node("n")).await.unwrap();
    world.create("m/virtualRouter/r2", json!({})).await.unwrap();
    for (kind, parent, expected) in [
        (Kind::Mesh, None, vec!["m", "m2"]),
        (Kind::VirtualNode, Some("m"), vec!["free", "n"]),
        (Kind::VirtualRouter, Some("m"), vec!["r", "r2"]),
        (Kind::VirtualService, Some("m"), vec!["s.local"]),
        (Kind::VirtualGateway, Some("m"), vec!["g"]),
        (Kind::Route, Some("m/virtualRouter/r"), vec!["x"]),
        (Kind::Route, Some("m/virtualRouter/r2"), vec![]),
        (Kind::GatewayRoute, Some("m/virtualGateway/g"), vec!["y"]),
    ] {
        assert_eq!(
            world.names(kind, parent, 100).await.0,
            expected,
            "{kind} {parent:?}"
        );
    }
}

#[tokio::test]
async fn items_show_what_a_description_does() {
    let world = World::full().await;
    let page = world
        .service
        .list(&caller(OWNER), list(Kind::VirtualNode, Some("m"), 100))
        .await
        .unwrap();
    for item in page.items {
        let described = world.service.describe(&caller(OWNER), &item.id).await.unwrap();
        assert_eq!(item.metadata, described.metadata);
    }
}

#[tokio::test]
async fn meshes_of_all_accounts_are_listed_by_name() {
    let world = World::new();
    for (name, owner) in [("c", OWNER), ("a", STRANGER), ("b", OWNER), ("b", STRANGER)] {
        let request = create(&format!("{name}@{owner}"), json!({}), None);
        world.service.create(&caller(owner), request).await.unwrap();
    }
    assert_eq!(world.names(Kind::Mesh, None, 1).await.0, ["a", "b", "b", "c"]);
}

#[tokio::test]
async fn pages_are_as_large_as_asked_for() {
    let world = World::full().await;
    let names: Vec<String> = (0..7).map(|index| format!("a{index}")).collect();
    for name in &names {
        world
            .create(&format!("m/virtualService/{name}"), json!({}))
            .await
            .unwrap();
    }
    let expected: Vec<String> = names.into_iter().chain(["s.local".to_owned()]).collect();
    for (limit, sizes) in [
        (1, vec![1; 8]),
        (3, vec![3, 3, 2]),
        (4, vec![4, 4]),
        (8, vec![8]),
        (100, vec![8]),
    ] {
        let (found, found_sizes) = world.names(Kind::VirtualService, Some("m"), limit).await;
        assert_eq!((&found, &found_sizes), (&expected, &sizes), "{limit}");
    }
}

#[tokio::test]
async fn a_token_survives_changes_and_a_restart() {
    let world = World::full().await;
    for name in ["a", "b", "d"] {
        world
            .create(&format!("m/virtualService/{name}"), json!({}))
            .await
            .unwrap();
    }
    let first = world
        .service
        .list(&caller(OWNER), list(Kind::VirtualService, Some("m"), 2))
        .await
        .unwrap();
    let next_token = first.next_token;
    assert!(next_token.is_some());
    // The item that the token was made from goes, one comes before it, one behind.
    world.delete("m/virtualService/b").await.unwrap();
    world.create("m/virtualService/aa", json!({})).await.unwrap();
    world.create("m/virtualService/c", json!({})).await.unwrap();
    world.store.close().await;
    let reopened = service(std::sync::Arc::new(open(&world.dir)), Default::default());
    let request = ListRequest {
        next_token,
        ..list(Kind::VirtualService, Some("m"), 100)
    };
    let second = reopened.list(&caller(OWNER), request).await.unwrap();
    let names: Vec<&str> = second.items.iter().map(|item| item.id.name()).collect();
    assert_eq!(names, ["c", "d", "s.local"]);
    assert_eq!(second.next_token, None);
}

#[tokio::test]
async fn bad_requests_are_told_apart() {
    let world = World::full().await;
    let page = world
        .service
        .list(&caller(OWNER), list(Kind::VirtualNode, Some("m"), 1))
        .await
        .unwrap();
    let token = page.next_token.unwrap();
    let good = list(Kind::VirtualNode, Some("m"), 100);
    for request in [
        ListRequest {
            limit: Some(0),
            ..good.clone()
        },
        ListRequest {
            limit: Some(101),
            ..good.clone()
        },
        ListRequest {
            next_token: Some("junk".to_owned()),
            ..good.clone()
        },
        ListRequest {
            next_token: Some(String::new()),
            ..good.clone()
        },
        ListRequest {
            next_token: Some(token),
            kind: Kind::VirtualRouter,
            ..good.clone()
        },
        ListRequest {
            parent: None,
            ..good.clone()
        },
        ListRequest {
            parent: Some(id("m/virtualRouter/r")),
            ..good.clone()
        },
        ListRequest {
            kind: Kind::Mesh,
            ..good
        },
    ] {
        let refused = world.service.list(&caller(OWNER), request.clone()).await;
        assert!(
            matches!(refused, Err(ServiceError::BadRequest(_))),
            "{request:?}: {refused:?}"
        );
    }
    for (kind, parent) in [
        (Kind::VirtualNode, "other"),
        (Kind::Route, "other/virtualRouter/r"),
        (Kind::Route, "m/virtualRouter/q"),
    ] {
        let refused = world
            .service
            .list(&caller(OWNER), list(kind, Some(parent), 100))
            .await;
        assert!(
            matches!(refused, Err(ServiceError::NotFound(_))),
            "{parent}: {refused:?}"
        );
    }
}
