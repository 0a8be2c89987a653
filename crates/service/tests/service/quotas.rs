//! Quotas: exact, for every kind, one after the other and all at once.

use evermesh_model::Kind;
use evermesh_service::{MeshService, Quotas, ServiceError};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::world::{OWNER, STRANGER, World, caller, create, gateway_route, node, route, service};

fn twos() -> Quotas {
    Quotas {
        meshes_per_account: 2,
        virtual_nodes_per_mesh: 2,
        virtual_services_per_mesh: 2,
        virtual_routers_per_mesh: 2,
        virtual_gateways_per_mesh: 2,
        routes_per_virtual_router: 2,
        gateway_routes_per_virtual_gateway: 2,
        backends_per_virtual_node: 2,
    }
}

fn kinds() -> [(&'static str, Value); 7] {
    [
        ("m", json!({})),
        ("m/virtualNode/n", node("n.local")),
        ("m/virtualRouter/r", json!({})),
        ("m/virtualRouter/r/route/x", route("tcpRoute", &["n"])),
        ("m/virtualService/s.local", json!({})),
        ("m/virtualGateway/g", crate::world::gateway(80)),
        (
            "m/virtualGateway/g/gatewayRoute/y",
            gateway_route("httpRoute", "s.local"),
        ),
    ]
}

#[tokio::test]
async fn every_kind_has_one() {
    let world = World::with_quotas(twos());
    for (path, spec) in kinds() {
        world.create(path, spec.clone()).await.unwrap();
        let (second, third) = (format!("{path}2"), format!("{path}3"));
        world.create(&second, spec.clone()).await.unwrap();
        let refused = world.create(&third, spec.clone()).await;
        assert!(
            matches!(refused, Err(ServiceError::LimitExceeded(_))),
            "{path}: {refused:?}"
        );
        // Which does not hide that a name is taken, and ends when one goes.
        assert!(matches!(
            world.create(&second, spec.clone()).await,
            Err(ServiceError::Conflict(_))
        ));
        world.delete(&second).await.unwrap();
        world.create(&third, spec).await.unwrap();
    }
    // The next parent starts from nothing.
    world.create("m3/virtualNode/n", node("n.local")).await.unwrap();
}

#[tokio::test]
async fn meshes_count_for_their_owner() {
    let world = World::with_quotas(twos());
    for (name, owner) in [("a", OWNER), ("b", OWNER), ("a", STRANGER), ("b", STRANGER)] {
        let request = create(&format!("{name}@{owner}"), json!({}), None);
        world.service.create(&caller(owner), request).await.unwrap();
    }
}

#[tokio::test]
async fn backends_are_counted_on_create_and_update() {
    let world = World::with_quotas(twos());
    world.create("m", json!({})).await.unwrap();
    let backends = |count: usize| {
        let backend = json!({ "virtualService": { "virtualServiceName": "s" } });
        json!({ "backends": vec![backend; count] })
    };
    let refused = world.create("m/virtualNode/n", backends(3)).await;
    assert!(
        matches!(refused, Err(ServiceError::LimitExceeded(_))),
        "{refused:?}"
    );
    world.create("m/virtualNode/n", backends(2)).await.unwrap();
    let refused = world.update("m/virtualNode/n", backends(3)).await;
    assert!(
        matches!(refused, Err(ServiceError::LimitExceeded(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_parent_created_again_starts_from_nothing() {
    let world = World::with_quotas(twos());
    for _ in 0..3 {
        for (path, spec) in kinds() {
            world.create(path, spec).await.unwrap();
        }
        for (path, _) in kinds().iter().rev() {
            world.delete(path).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_lowered_quota_lets_nothing_more_in() {
    let world = World::full().await;
    let lowered = service(
        world.store.clone(),
        Quotas {
            virtual_nodes_per_mesh: 1,
            ..Quotas::default()
        },
    );
    let refused = lowered
        .create(&caller(OWNER), create("m/virtualNode/new", node("n"), None))
        .await;
    assert!(
        matches!(refused, Err(ServiceError::LimitExceeded(_))),
        "{refused:?}"
    );
}

/// 120 creations at once where 20 fit, with deletions between them: beyond what is kept free for those that have
/// read already (64), and up to the quota itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn none_is_exceeded_by_creations_at_once() {
    for quota in [20, 100] {
        let world = World::with_quotas(Quotas {
            virtual_services_per_mesh: quota,
            ..Quotas::default()
        });
        world.create("m", json!({})).await.unwrap();
        let creations = (0..120).map(|index| {
            let request = create(&format!("m/virtualService/s{index}"), json!({}), None);
            let service = world.service.clone();
            tokio::spawn(async move { service.create(&caller(OWNER), request).await })
        });
        let results = join_all(creations).await;
        let mut created = 0;
        for result in results {
            match result.unwrap() {
                Ok(_) => created += 1,
                Err(ServiceError::LimitExceeded(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(created, quota);
        let (names, _) = world.names(Kind::VirtualService, Some("m"), 100).await;
        assert_eq!(names.len(), quota as usize);
    }
}

#[test]
fn defaults_are_ten_times_the_published_ones() {
    let expected = Quotas {
        meshes_per_account: 15 * 10,
        virtual_nodes_per_mesh: 200 * 10,
        virtual_services_per_mesh: 200 * 10,
        virtual_routers_per_mesh: 200 * 10,
        virtual_gateways_per_mesh: 3 * 10,
        routes_per_virtual_router: 50 * 10,
        gateway_routes_per_virtual_gateway: 10 * 10,
        backends_per_virtual_node: 50 * 10,
    };
    assert_eq!(Quotas::default(), expected);
}

#[test]
fn they_can_be_configured_one_by_one() {
    let read: Quotas = serde_json::from_value(json!({ "meshes_per_account": 7 })).unwrap();
    assert_eq!(
        read,
        Quotas {
            meshes_per_account: 7,
            ..Quotas::default()
        }
    );
    assert!(serde_json::from_value::<Quotas>(json!({ "meshes": 7 })).is_err());
}
