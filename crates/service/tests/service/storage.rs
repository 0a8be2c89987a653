//! What is in the store: it survives a restart, is read back as it is, leaves nothing behind, and may be damaged.

use std::sync::Arc;

use evermesh_model::Snapshot;
use evermesh_service::{
    LoadError, MeshService, RESOURCE_PREFIX, RecordError, ServiceError, decode_change, load_snapshot,
};
use evermesh_store::{Event, Store, Txn};
use serde_json::json;

use crate::world::{OWNER, World, all, arn_of, caller, create, id, node, open, service, spec, tag, update};

const KEY: &str = "resource/within/123456789012/m/virtualNode/n";

#[tokio::test]
async fn everything_survives_a_restart() {
    let world = World::full().await;
    let request = update("m/virtualNode/n", node("new.local"), Some("t"));
    let updated = world
        .service
        .update(&caller(OWNER), request.clone())
        .await
        .unwrap();
    world
        .service
        .tag(&caller(OWNER), &arn_of("m"), vec![tag("a", "1")])
        .await
        .unwrap();
    let mut before = Vec::new();
    for (path, _) in all() {
        before.push(world.describe(path).await.unwrap());
    }
    world.store.close().await;

    let reopened = service(Arc::new(open(&world.dir)), Default::default());
    for resource in before {
        assert_eq!(
            reopened.describe(&caller(OWNER), &resource.id).await.unwrap(),
            resource
        );
    }
    assert_eq!(reopened.update(&caller(OWNER), request).await.unwrap(), updated);
    let tags = reopened
        .list_tags(&caller(OWNER), &arn_of("m"), None, None)
        .await
        .unwrap();
    assert_eq!(tags.items, [tag("a", "1")]);
    let refused = reopened.delete(&caller(OWNER), &id("m/virtualNode/n")).await;
    assert!(
        matches!(refused, Err(ServiceError::ResourceInUse(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_snapshot_and_the_watch_from_it_are_all_there_is() {
    let world = World::new();
    let (empty, revision) = load_snapshot(world.store.as_ref()).await.unwrap();
    assert_eq!(empty, Snapshot::default());
    let mut watch = world.store.watch(RESOURCE_PREFIX, revision + 1).await.unwrap();
    for (path, value) in all() {
        world.create(path, value).await.unwrap();
    }
    world.update("m/virtualNode/n", node("new.local")).await.unwrap();
    world.delete("m/virtualGateway/g/gatewayRoute/y").await.unwrap();
    world
        .service
        .tag(&caller(OWNER), &arn_of("m"), vec![tag("a", "1")])
        .await
        .unwrap();

    let mut expected = Snapshot::default();
    for (path, value) in all() {
        expected.put(&id(path), spec(id(path).kind(), &value));
    }
    expected.put(
        &id("m/virtualNode/n"),
        spec(id("m/virtualNode/n").kind(), &node("new.local")),
    );
    expected.remove(&id("m/virtualGateway/g/gatewayRoute/y"));
    let (loaded, revision) = load_snapshot(world.store.as_ref()).await.unwrap();
    assert_eq!(loaded, expected);

    let mut watched = empty;
    loop {
        let batch = watch.next().await.unwrap();
        for event in &batch.events {
            let value = match event {
                Event::Put(entry) => Some(entry.value.as_ref()),
                Event::Delete { .. } => None,
            };
            decode_change(event.key(), value).unwrap().apply(&mut watched);
        }
        if batch.revision == revision {
            break;
        }
    }
    assert_eq!(watched, expected);
}

#[tokio::test]
async fn deletion_leaves_nothing_but_the_count_of_meshes() {
    let world = World::new();
    for (index, (path, value)) in all().into_iter().enumerate() {
        let request = create(path, value.clone(), Some(&format!("c{index}")));
        world.service.create(&caller(OWNER), request).await.unwrap();
        let request = update(path, value, Some(&format!("u{index}")));
        world.service.update(&caller(OWNER), request).await.unwrap();
    }
    for (path, _) in all().iter().rev() {
        world.delete(path).await.unwrap();
    }
    assert_eq!(
        world.keys().await,
        [
            "count/mesh/123456789012/created",
            "count/mesh/123456789012/deleted"
        ]
    );
}

#[tokio::test]
async fn the_stored_form_is_the_documented_one() {
    let world = World::full().await;
    let request = update("m/virtualNode/n", node("n.local"), Some("t"));
    let updated = world.service.update(&caller(OWNER), request).await.unwrap();
    world
        .service
        .tag(&caller(OWNER), &arn_of("m/virtualNode/n"), vec![tag("a", "1")])
        .await
        .unwrap();
    let stored = world.store.get(KEY).await.unwrap().unwrap();
    let expected = json!({
        "format": 1,
        "spec": node("n.local"),
        "arn": "arn:aws:appmesh:us-west-2:123456789012:mesh/m/virtualNode/n",
        "uid": updated.metadata.uid,
        "version": 2,
        "createdAt": 1_001_000,
        "lastUpdatedAt": 1_008_000,
        "resourceOwner": "123456789012",
        "tags": { "a": "1" },
        "clientTokens": ["t"],
    });
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&stored.value).unwrap(),
        expected
    );
}

#[tokio::test]
async fn a_damaged_record_is_an_error_that_names_it() {
    let world = World::full().await;
    let sound = world.store.get(KEY).await.unwrap().unwrap().value;
    let mut newer: serde_json::Value = serde_json::from_slice(&sound).unwrap();
    newer["format"] = json!(2);
    let mut misfit: serde_json::Value = serde_json::from_slice(&sound).unwrap();
    misfit["spec"] = json!({ "nothing": 1 });
    for damaged in [
        Vec::new(),
        b"{".to_vec(),
        b"{\"format\":1}".to_vec(),
        sound[..sound.len() / 2].to_vec(),
        newer.to_string().into_bytes(),
        misfit.to_string().into_bytes(),
    ] {
        let shown = String::from_utf8_lossy(&damaged).into_owned();
        world.store.commit(Txn::new().put(KEY, damaged)).await.unwrap();
        let error = load_snapshot(world.store.as_ref()).await.unwrap_err();
        assert!(
            matches!(error, LoadError::Record(_)) && error.to_string().contains(KEY),
            "{shown}: {error}"
        );
        for refused in [
            world.describe("m/virtualNode/n").await,
            world.update("m/virtualNode/n", node("n")).await,
            world.create("m/virtualNode/n", node("n")).await,
            world.delete("m/virtualNode/n").await,
        ] {
            assert!(
                matches!(refused, Err(ServiceError::Internal(_))),
                "{shown}: {refused:?}"
            );
        }
    }
    for key in ["resource/strange", "elsewhere"] {
        assert!(
            matches!(decode_change(key, None), Err(RecordError::Key { .. })),
            "{key}"
        );
    }
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let world = World::full().await;
    world.store.close().await;
    for refused in [
        world.describe("m").await,
        world.create("m2", json!({})).await,
        world.delete("m").await,
    ] {
        assert!(
            matches!(refused, Err(ServiceError::Unavailable(_))),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_spec_that_the_store_cannot_hold_is_a_bad_request() {
    let world = World::full().await;
    let backend = json!({ "virtualService": { "virtualServiceName": "s".repeat(10_000) } });
    let refused = world
        .update("m/virtualNode/n", json!({ "backends": vec![backend; 200] }))
        .await;
    let Err(ServiceError::BadRequest(found)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(found.0[0].path, "spec");
}
