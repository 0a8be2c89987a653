//! What refers to what: checked on create and update, and in the way of a deletion.

use evermesh_service::ServiceError;
use serde_json::{Value, json};

use crate::world::{World, gateway_route, node, route, router, to_node, to_router};

/// A resource, its spec when it refers to a name, the member that does, and what is missing when it is not there.
type Row = (&'static str, fn(&str) -> Value, &'static str, &'static str);

const REFERENCES: [Row; 9] = [
    (
        "m/virtualService/new",
        to_node,
        "spec.provider.virtualNode.virtualNodeName",
        "mesh/m/virtualNode/",
    ),
    (
        "m/virtualService/new",
        to_router,
        "spec.provider.virtualRouter.virtualRouterName",
        "mesh/m/virtualRouter/",
    ),
    (
        "m/virtualRouter/r/route/new",
        |name| route("httpRoute", &["n", name]),
        "spec.httpRoute.action.weightedTargets[1].virtualNode",
        "mesh/m/virtualNode/",
    ),
    (
        "m/virtualRouter/r/route/new",
        |name| route("http2Route", &[name]),
        "spec.http2Route.action.weightedTargets[0].virtualNode",
        "mesh/m/virtualNode/",
    ),
    (
        "m/virtualRouter/r/route/new",
        |name| route("grpcRoute", &[name]),
        "spec.grpcRoute.action.weightedTargets[0].virtualNode",
        "mesh/m/virtualNode/",
    ),
    (
        "m/virtualRouter/r/route/new",
        |name| route("tcpRoute", &[name]),
        "spec.tcpRoute.action.weightedTargets[0].virtualNode",
        "mesh/m/virtualNode/",
    ),
    (
        "m/virtualGateway/g/gatewayRoute/new",
        |name| gateway_route("httpRoute", name),
        "spec.httpRoute.action.target.virtualService.virtualServiceName",
        "mesh/m/virtualService/",
    ),
    (
        "m/virtualGateway/g/gatewayRoute/new",
        |name| gateway_route("http2Route", name),
        "spec.http2Route.action.target.virtualService.virtualServiceName",
        "mesh/m/virtualService/",
    ),
    (
        "m/virtualGateway/g/gatewayRoute/new",
        |name| gateway_route("grpcRoute", name),
        "spec.grpcRoute.action.target.virtualService.virtualServiceName",
        "mesh/m/virtualService/",
    ),
];

/// Things to refer to, one per kind, all called the same; and a resource that refers to it.
async fn world_of_targets() -> World {
    let world = World::full().await;
    world
        .create("m/virtualNode/target", node("target.local"))
        .await
        .unwrap();
    world.create("m/virtualRouter/target", router(80)).await.unwrap();
    world.create("m/virtualService/target", json!({})).await.unwrap();
    world
}

#[tokio::test]
async fn what_is_referred_to_must_exist() {
    let world = world_of_targets().await;
    // The last two are names that no resource can have.
    for name in ["nowhere", "\u{e4}", &"\u{1F680}".repeat(250)] {
        for (path, value, member, target) in REFERENCES {
            let created = world.create(path, value(name)).await;
            world.create(path, value("target")).await.unwrap();
            let updated = world.update(path, value(name)).await;
            for result in [created, updated] {
                let Err(ServiceError::NotFound(message)) = result else {
                    panic!("{path}: {result:?}")
                };
                assert!(
                    message.starts_with(&format!("{member}: {target}{name} does not")),
                    "{message}"
                );
            }
            assert_eq!(world.describe(path).await.unwrap().metadata.version, 1);
            world.delete(path).await.unwrap();
        }
    }
}

#[tokio::test]
async fn every_missing_target_is_named() {
    let world = World::full().await;
    let refused = world
        .create(
            "m/virtualRouter/r/route/new",
            route("httpRoute", &["a", "n", "b"]),
        )
        .await;
    let Err(ServiceError::NotFound(message)) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        message.contains("weightedTargets[0]") && message.contains("weightedTargets[2]"),
        "{message}"
    );
    assert!(!message.contains("weightedTargets[1]"), "{message}");
}

#[tokio::test]
async fn backends_may_name_what_does_not_exist() {
    let world = World::full().await;
    let spec = json!({ "backends": [{ "virtualService": { "virtualServiceName": "nowhere" } }] });
    world.create("m/virtualNode/new", spec).await.unwrap();
}

#[tokio::test]
async fn what_is_referred_to_stays_until_the_reference_goes() {
    let world = world_of_targets().await;
    for (path, value, _, target) in REFERENCES {
        let target = format!("{}target", target.strip_prefix("mesh/").unwrap());
        let other = if path.contains("Service") {
            to_node("n")
        } else {
            value(other_target(path))
        };
        world.create(path, value("target")).await.unwrap();
        assert_in_use(&world, &target, path).await;
        // By an update to something else ...
        world.update(path, other.clone()).await.unwrap();
        world.delete(&target).await.unwrap();
        recreate(&world, &target).await;
        // ... which an update can take back ...
        world.update(path, value("target")).await.unwrap();
        assert_in_use(&world, &target, path).await;
        // ... or by deletion.
        world.delete(path).await.unwrap();
        world.delete(&target).await.unwrap();
        recreate(&world, &target).await;
    }
}

#[tokio::test]
async fn what_contains_something_stays_until_it_is_empty() {
    let world = World::full().await;
    for (parent, child) in [
        ("m/virtualGateway/g", "m/virtualGateway/g/gatewayRoute/y"),
        ("m/virtualRouter/r", "m/virtualRouter/r/route/x"),
    ] {
        assert_in_use(&world, parent, child).await;
        world.delete(child).await.unwrap();
    }
    for child in [
        "m/virtualGateway/g",
        "m/virtualService/s.local",
        "m/virtualRouter/r",
        "m/virtualNode/free",
    ] {
        assert!(matches!(
            world.delete("m").await,
            Err(ServiceError::ResourceInUse(_))
        ));
        world.delete(child).await.unwrap();
    }
    assert_in_use(&world, "m", "m/virtualNode/n").await;
    world.delete("m/virtualNode/n").await.unwrap();
    world.delete("m").await.unwrap();
}

#[tokio::test]
async fn only_the_first_dependants_are_named() {
    let world = World::full().await;
    for name in ["a", "b", "c", "d"] {
        world
            .create(&format!("m/virtualService/{name}"), to_node("free"))
            .await
            .unwrap();
    }
    let Err(ServiceError::ResourceInUse(message)) = world.delete("m/virtualNode/free").await else {
        panic!("was deleted");
    };
    assert_eq!(message.matches("mesh/m/virtualService/").count(), 3, "{message}");
    assert!(message.contains(" and others"), "{message}");
}

#[tokio::test]
async fn a_target_named_twice_is_one_reference() {
    let world = World::full().await;
    world
        .create(
            "m/virtualRouter/r/route/new",
            route("httpRoute", &["free", "free"]),
        )
        .await
        .unwrap();
    assert_in_use(&world, "m/virtualNode/free", "m/virtualRouter/r/route/new").await;
    world
        .update("m/virtualRouter/r/route/new", route("tcpRoute", &["free", "n"]))
        .await
        .unwrap();
    assert_in_use(&world, "m/virtualNode/free", "m/virtualRouter/r/route/new").await;
    world.delete("m/virtualRouter/r/route/new").await.unwrap();
    world.delete("m/virtualNode/free").await.unwrap();
}

async fn assert_in_use(world: &World, path: &str, by: &str) {
    let refused = world.delete(path).await;
    let Err(ServiceError::ResourceInUse(message)) = refused else {
        panic!("{path}: {refused:?}")
    };
    assert!(message.contains(&format!("mesh/{by}")), "{message}");
    world.describe(path).await.unwrap();
}

/// Something else that a route or gateway route can lead to.
fn other_target(path: &str) -> &'static str {
    if path.contains("gatewayRoute") {
        "s.local"
    } else {
        "n"
    }
}

async fn recreate(world: &World, path: &str) {
    let spec = match path {
        "m/virtualNode/target" => node("target.local"),
        "m/virtualRouter/target" => router(80),
        _ => json!({}),
    };
    world.create(path, spec).await.unwrap();
}
