//! Every kind from creation to deletion, and requests that are refused for what they are.

use evermesh_model::{ResourceId, Spec, Status};
use evermesh_service::{MeshService, ServiceError, UpdateRequest};
use serde_json::{Value, json};

use crate::world::{OWNER, World, all, caller, create, id, node, router, second, spec, to_node};

#[tokio::test]
async fn every_kind_is_created_described_updated_and_deleted() {
    let world = World::new();
    for (path, value) in all() {
        let created = world.create(path, value.clone()).await.unwrap();
        let metadata = &created.metadata;
        assert_eq!(created.id, id(path));
        assert_eq!(created.spec, spec(created.id.kind(), &value));
        assert_eq!(created.status, Status::Active);
        assert_eq!(
            metadata.arn,
            format!("arn:aws:appmesh:us-west-2:{OWNER}:mesh/{path}")
        );
        assert_eq!(
            (metadata.mesh_owner.as_str(), metadata.resource_owner.as_str()),
            (OWNER, OWNER)
        );
        assert_eq!(metadata.version, 1);
        assert_eq!(metadata.created_at, metadata.last_updated_at);
        assert_eq!(uuid_version(&metadata.uid), Some('4'), "{}", metadata.uid);
        assert_eq!(world.describe(path).await.unwrap(), created);
        assert!(
            matches!(
                world.create(path, value.clone()).await,
                Err(ServiceError::Conflict(_))
            ),
            "{path}"
        );

        let updated = world.update(path, value).await.unwrap();
        assert_eq!(updated.metadata.version, 2, "{path}");
        assert_eq!(updated.metadata.uid, metadata.uid);
        assert_eq!(updated.metadata.created_at, metadata.created_at);
        assert!(updated.metadata.last_updated_at > metadata.last_updated_at);
        assert_eq!(world.describe(path).await.unwrap(), updated);
    }
    for (path, value) in all().into_iter().rev() {
        let before = world.describe(path).await.unwrap();
        let deleted = world.delete(path).await.unwrap();
        assert_eq!(deleted.status, Status::Deleted);
        assert_eq!(deleted.metadata.version, 3, "{path}");
        assert_eq!(
            (&deleted.spec, &deleted.metadata.uid),
            (&before.spec, &before.metadata.uid)
        );
        for refused in [
            world.describe(path).await,
            world.delete(path).await,
            world.update(path, value).await,
        ] {
            assert!(matches!(refused, Err(ServiceError::NotFound(_))), "{path}");
        }
    }
}

#[tokio::test]
async fn an_update_replaces_the_spec_and_keeps_what_was_sent() {
    let world = World::full().await;
    let sent =
        json!({ "listeners": [], "backends": [{ "virtualService": { "virtualServiceName": "later" } }] });
    let updated = world.update("m/virtualNode/n", sent.clone()).await.unwrap();
    assert_eq!(serde_json::to_value(&updated.spec).unwrap(), sent);
    let described = world.describe("m/virtualNode/n").await.unwrap();
    assert_eq!(serde_json::to_value(&described.spec).unwrap(), sent);
}

#[tokio::test]
async fn a_name_can_be_used_again_for_another_resource() {
    let world = World::full().await;
    let first = world.delete("m/virtualNode/free").await.unwrap();
    let second = world
        .create("m/virtualNode/free", node("free.local"))
        .await
        .unwrap();
    assert_ne!(first.metadata.uid, second.metadata.uid);
    assert_eq!(second.metadata.version, 1);
}

#[tokio::test]
async fn times_are_the_clocks_and_never_go_backwards() {
    let world = World::new();
    let created = world.create("m", json!({})).await.unwrap();
    assert_eq!(created.metadata.created_at, second(1000));
    let updated = world.update("m", json!({})).await.unwrap();
    assert_eq!(updated.metadata.last_updated_at, second(1001));
    // Its clock begins at 1000 s again.
    let earlier = crate::world::service(world.store.clone(), Default::default());
    let request = UpdateRequest {
        id: id("m"),
        spec: updated.spec,
        client_token: None,
    };
    let updated = earlier.update(&caller(OWNER), request).await.unwrap();
    assert_eq!(updated.metadata.last_updated_at, second(1001));
    assert_eq!(updated.metadata.version, 3);
}

#[tokio::test]
async fn what_is_missing_is_named_from_the_outside_in() {
    let world = World::full().await;
    for (path, value, missing) in [
        ("other/virtualNode/n", node("n"), "mesh/other does"),
        (
            "other/virtualRouter/r/route/x",
            crate::world::route("httpRoute", &["n"]),
            "mesh/other does",
        ),
        (
            "m/virtualRouter/q/route/x",
            crate::world::route("httpRoute", &["n"]),
            "mesh/m/virtualRouter/q does",
        ),
        (
            "m/virtualGateway/h/gatewayRoute/y",
            crate::world::gateway_route("httpRoute", "s.local"),
            "mesh/m/virtualGateway/h does",
        ),
    ] {
        for result in [
            world.create(path, value.clone()).await,
            world.update(path, value.clone()).await,
            world.describe(path).await,
            world.delete(path).await,
        ] {
            let Err(ServiceError::NotFound(message)) = result else {
                panic!("{path}: {result:?}")
            };
            assert!(message.starts_with(missing), "{path}: {message}");
        }
    }
}

#[tokio::test]
async fn all_faults_of_a_request_are_told_at_once_and_nothing_changes() {
    let world = World::full().await;
    let keys = world.keys().await;
    let mesh = id("m").mesh().clone();
    let mut request = create("m/virtualRouter/q", router(80), Some("no spaces"));
    request.id = ResourceId::in_mesh(mesh, evermesh_model::Kind::VirtualRouter, "a/b");
    let Spec::VirtualRouter(spec) = &mut request.spec else {
        unreachable!()
    };
    spec.listeners.as_mut().unwrap().extend_from_within(..);
    request.tags = vec![crate::world::tag("aws:x", "")];
    let Err(ServiceError::BadRequest(found)) = world.service.create(&caller(OWNER), request).await else {
        panic!("was accepted");
    };
    let paths: Vec<&str> = found.0.iter().map(|violation| violation.path.as_str()).collect();
    let expected = [
        "virtualRouterName",
        "spec.listeners[1].portMapping.port",
        "clientToken",
        "tags[0].key",
    ];
    assert_eq!(paths, expected);
    assert_eq!(world.keys().await, keys);
}

#[tokio::test]
async fn a_spec_must_be_of_the_resources_kind() {
    let world = World::full().await;
    let mut request = create("m/virtualRouter/q", router(80), None);
    request.spec = spec(evermesh_model::Kind::VirtualService, &to_node("n"));
    let refused = world.service.create(&caller(OWNER), request).await;
    assert!(matches!(refused, Err(ServiceError::BadRequest(_))), "{refused:?}");
}

#[tokio::test]
async fn names_may_hold_what_keys_and_arns_do_not_give_a_meaning_to() {
    let world = World::full().await;
    for name in [".", "..", "a%2Fb", "svc.local:80", "@", "~", "created", "x\"y"] {
        let path = format!("m/virtualService/{name}");
        world
            .create(&path, Value::Object(Default::default()))
            .await
            .unwrap();
        assert_eq!(world.describe(&path).await.unwrap().id.name(), name);
        world.delete(&path).await.unwrap();
    }
}

/// The digit of a hyphenated UUID that gives its version.
fn uuid_version(uid: &str) -> Option<char> {
    let lengths: Vec<usize> = uid.split('-').map(str::len).collect();
    (lengths == [8, 4, 4, 4, 12]).then(|| uid.chars().nth(14))?
}
