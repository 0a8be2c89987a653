//! Tags: by ARN, bounded, and no change of the resource.

use evermesh_model::{Arn, Tag};
use evermesh_service::{MeshService, ServiceError};
use serde_json::json;

use crate::world::{OWNER, World, all, arn_of, caller, create, tag};

async fn tags(world: &World, arn: &Arn) -> Vec<Tag> {
    world
        .service
        .list_tags(&caller(OWNER), arn, None, None)
        .await
        .unwrap()
        .items
}

#[tokio::test]
async fn every_kind_is_tagged_from_its_creation_on() {
    let world = World::new();
    for (path, spec) in all() {
        let mut request = create(path, spec, None);
        request.tags = vec![tag("b", "2"), tag("a", "1")];
        let created = world.service.create(&caller(OWNER), request).await.unwrap();
        let arn = Arn::parse(&created.metadata.arn).unwrap();
        assert_eq!(tags(&world, &arn).await, [tag("a", "1"), tag("b", "2")]);
        world
            .service
            .tag(&caller(OWNER), &arn, vec![tag("a", "3"), tag("c", "")])
            .await
            .unwrap();
        assert_eq!(
            tags(&world, &arn).await,
            [tag("a", "3"), tag("b", "2"), tag("c", "")]
        );
        let keys = vec!["b".to_owned(), "absent".to_owned()];
        world.service.untag(&caller(OWNER), &arn, keys).await.unwrap();
        assert_eq!(tags(&world, &arn).await, [tag("a", "3"), tag("c", "")]);
        assert_eq!(world.describe(path).await.unwrap(), created);
    }
}

#[tokio::test]
async fn updates_keep_tags() {
    let world = World::full().await;
    let arn = arn_of("m");
    world
        .service
        .tag(&caller(OWNER), &arn, vec![tag("a", "1")])
        .await
        .unwrap();
    world.update("m", json!({})).await.unwrap();
    assert_eq!(tags(&world, &arn).await, [tag("a", "1")]);
}

#[tokio::test]
async fn a_resource_has_at_most_50() {
    let world = World::full().await;
    let arn = arn_of("m");
    let fifty: Vec<Tag> = (0..50).map(|index| tag(&format!("k{index:02}"), "")).collect();
    world
        .service
        .tag(&caller(OWNER), &arn, fifty.clone())
        .await
        .unwrap();
    // Those that are there already do not count twice.
    world
        .service
        .tag(&caller(OWNER), &arn, vec![tag("k00", "new")])
        .await
        .unwrap();
    let refused = world
        .service
        .tag(&caller(OWNER), &arn, vec![tag("k00", "newer"), tag("k50", "")])
        .await;
    assert!(
        matches!(refused, Err(ServiceError::TooManyTags(_))),
        "{refused:?}"
    );
    assert_eq!(tags(&world, &arn).await[0], tag("k00", "new"));
    let mut request = create("m2", json!({}), None);
    request.tags = fifty;
    request.tags.push(tag("k50", ""));
    let refused = world.service.create(&caller(OWNER), request.clone()).await;
    assert!(matches!(refused, Err(ServiceError::BadRequest(_))), "{refused:?}");
    request.tags.pop();
    world.service.create(&caller(OWNER), request).await.unwrap();
}

#[tokio::test]
async fn keys_and_values_have_rules() {
    let world = World::full().await;
    let arn = arn_of("m");
    let (key, value) = ("\u{e4}".repeat(128), "\u{e4}".repeat(256));
    world
        .service
        .tag(&caller(OWNER), &arn, vec![tag(&key, &value)])
        .await
        .unwrap();
    for (list, path) in [
        (vec![tag("", "")], "tags[0].key"),
        (vec![tag("a", ""), tag(&format!("{key}x"), "")], "tags[1].key"),
        (vec![tag("a", &format!("{value}x"))], "tags[0].value"),
        (vec![tag("a", "1"), tag("a", "2")], "tags[1].key"),
        (vec![tag("aws:cloudformation:stack-name", "")], "tags[0].key"),
        (vec![tag("AWS:x", "")], "tags[0].key"),
    ] {
        let refused = world.service.tag(&caller(OWNER), &arn, list).await;
        let Err(ServiceError::BadRequest(found)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(found.0[0].path, path);
    }
    for keys in [vec![String::new()], vec!["a".to_owned(); 51]] {
        let refused = world.service.untag(&caller(OWNER), &arn, keys).await;
        assert!(matches!(refused, Err(ServiceError::BadRequest(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn tags_come_in_pages_ordered_by_key() {
    let world = World::full().await;
    let arn = arn_of("m");
    let list: Vec<Tag> = (0..5).map(|index| tag(&format!("k{index}"), "")).collect();
    world
        .service
        .tag(&caller(OWNER), &arn, list.iter().rev().cloned().collect())
        .await
        .unwrap();
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let page = world
            .service
            .list_tags(&caller(OWNER), &arn, Some(2), token)
            .await
            .unwrap();
        assert!(page.items.len() <= 2);
        found.extend(page.items);
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(found, list);
    let of_another = world
        .service
        .list_tags(&caller(OWNER), &arn, Some(2), None)
        .await
        .unwrap()
        .next_token;
    for (path, limit, token) in [
        ("m", 0, None),
        ("m", 51, None),
        ("m", 1, Some("junk".to_owned())),
        ("m/virtualNode/n", 1, of_another),
    ] {
        let refused = world
            .service
            .list_tags(&caller(OWNER), &arn_of(path), Some(limit), token)
            .await;
        assert!(matches!(refused, Err(ServiceError::BadRequest(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn the_arn_must_be_the_resources_own() {
    let world = World::full().await;
    for text in [
        "arn:aws:appmesh:us-west-2:123456789012:mesh/other",
        "arn:aws:appmesh:eu-west-1:123456789012:mesh/m",
        "arn:aws-cn:appmesh:us-west-2:123456789012:mesh/m",
        "arn:aws:appmesh:us-west-2:210987654321:mesh/m",
        "arn:aws:appmesh:us-west-2:210987654321:mesh/m@123456789012/virtualNode/n",
    ] {
        let arn = Arn::parse(text).unwrap();
        let (service, caller) = (&world.service, caller(OWNER));
        for refused in [
            service.tag(&caller, &arn, vec![tag("a", "")]).await,
            service.untag(&caller, &arn, vec!["a".to_owned()]).await,
            service.list_tags(&caller, &arn, None, None).await.map(drop),
        ] {
            assert!(
                matches!(refused, Err(ServiceError::NotFound(_))),
                "{text}: {refused:?}"
            );
        }
    }
}
