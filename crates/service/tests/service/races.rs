//! Operations that meet: what one has checked is still so when it commits, and strangers are never in each other's way.

use std::sync::Arc;

use evermesh_model::{MeshSnapshot, Resource, spec::VirtualServiceProvider};
use evermesh_service::{MeshService, ServiceError, StoreService, load_snapshot};
use futures::future::join_all;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::observed::Observed;
use crate::world::{
    OWNER, World, caller, create, gateway_route, id, node, route, router, service, to_node, to_router, update,
};

/// An operation on the world of `World::full`.
#[derive(Clone)]
enum Step {
    Create(&'static str, Value),
    Update(&'static str, Value),
    Delete(&'static str),
}

impl Step {
    async fn run(self, service: &StoreService) -> Result<Resource, ServiceError> {
        match self {
            Self::Create(path, value) => service.create(&caller(OWNER), create(path, value, None)).await,
            Self::Update(path, value) => service.update(&caller(OWNER), update(path, value, None)).await,
            Self::Delete(path) => service.delete(&caller(OWNER), &id(path)).await,
        }
    }
}

/// Runs an operation with another one between its reads and its commit.
async fn overtaken(step: Step, by: Step) -> Result<Resource, ServiceError> {
    let world = World::full().await;
    let observed = Arc::new(Observed::new(world.store.clone()));
    let other = world.service.clone();
    let meanwhile = async move { drop(by.run(&other).await.unwrap()) };
    observed.let_happen_before_a_commit(meanwhile);
    let service = service(observed.clone(), Default::default());
    let result = step.run(&service).await;
    assert_eq!(observed.refused(), 1);
    result
}

#[tokio::test]
async fn what_was_checked_still_holds_at_the_commit() {
    use Step::{Create, Delete, Update};
    let free = "m/virtualNode/free";
    for (step, by, expected) in [
        (
            Create("m/virtualService/a", to_node("free")),
            Delete(free),
            "NotFound",
        ),
        (
            Create("m/virtualRouter/r/route/a", route("tcpRoute", &["free"])),
            Delete(free),
            "NotFound",
        ),
        (
            Update("m/virtualRouter/r/route/x", route("tcpRoute", &["free"])),
            Delete(free),
            "NotFound",
        ),
        (
            Update("m/virtualService/s.local", to_node("free")),
            Delete(free),
            "NotFound",
        ),
        (
            Delete(free),
            Create("m/virtualService/a", to_node("free")),
            "ResourceInUse",
        ),
        (
            Delete(free),
            Update("m/virtualRouter/r/route/x", route("tcpRoute", &["free"])),
            "ResourceInUse",
        ),
        (
            Create("m/virtualNode/a", node("a")),
            Create("m/virtualNode/a", node("b")),
            "Conflict",
        ),
        (Update(free, node("a")), Delete(free), "NotFound"),
        (Delete(free), Delete(free), "NotFound"),
    ] {
        let error = overtaken(step, by).await.unwrap_err();
        let kind = format!("{error:?}");
        assert!(kind.starts_with(expected), "{kind} instead of {expected}");
    }
    // And what an update has overtaken is done on top of it.
    assert_eq!(
        overtaken(Update(free, node("a")), Update(free, node("b")))
            .await
            .unwrap()
            .metadata
            .version,
        3
    );
    assert_eq!(
        overtaken(Delete(free), Update(free, node("b")))
            .await
            .unwrap()
            .metadata
            .version,
        3
    );
}

#[tokio::test]
async fn a_parent_that_goes_meanwhile_is_not_found() {
    let world = World::new();
    world.create("m", json!({})).await.unwrap();
    let observed = Arc::new(Observed::new(world.store.clone()));
    let other = world.service.clone();
    let meanwhile = async move { drop(other.delete(&caller(OWNER), &id("m")).await.unwrap()) };
    observed.let_happen_before_a_commit(meanwhile);
    let overtaken = service(observed, Default::default());
    let refused = overtaken
        .create(&caller(OWNER), create("m/virtualNode/n", node("n"), None))
        .await;
    assert!(matches!(refused, Err(ServiceError::NotFound(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn unrelated_writers_never_refuse_each_other() {
    let world = World::full().await;
    let observed = Arc::new(Observed::new(world.store.clone()));
    let service = Arc::new(service(observed.clone(), Default::default()));
    // All in one mesh, all for the same node, all routes in the same router.
    let writers = (0..48).map(|index| {
        let service = service.clone();
        tokio::spawn(async move {
            let token = format!("t{index}");
            let (path, spec) = match index % 3 {
                0 => (format!("m/virtualNode/n{index}"), node("n.local")),
                1 => (format!("m/virtualService/s{index}"), to_node("free")),
                _ => (
                    format!("m/virtualRouter/r/route/x{index}"),
                    route("httpRoute", &["free", "n"]),
                ),
            };
            let created = create(&path, spec.clone(), Some(&token));
            service.create(&caller(OWNER), created).await.unwrap();
            service
                .update(&caller(OWNER), update(&path, spec, None))
                .await
                .unwrap();
            service.delete(&caller(OWNER), &id(&path)).await.unwrap();
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    assert_eq!(observed.refused(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_update_of_one_resource_counts() {
    let world = World::full().await;
    let updates = (0..40).map(|_| {
        let service = world.service.clone();
        tokio::spawn(async move { service.update(&caller(OWNER), update("m", json!({}), None)).await })
    });
    let results = join_all(updates).await;
    let mut versions: Vec<u64> = results
        .into_iter()
        .map(|r| r.unwrap().unwrap().metadata.version)
        .collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..42).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_creations_of_a_name_wins_and_one_token_is_one_creation() {
    let world = World::full().await;
    let race = |token: Option<&'static str>| {
        let tries = (0..20).map(|_| {
            let service = world.service.clone();
            let request = create("m/virtualService/new", json!({}), token);
            tokio::spawn(async move { service.create(&caller(OWNER), request).await })
        });
        join_all(tries.collect::<Vec<_>>())
    };
    let created = race(None)
        .await
        .into_iter()
        .filter(|result| result.as_ref().unwrap().is_ok());
    assert_eq!(created.count(), 1);
    world.delete("m/virtualService/new").await.unwrap();
    let answers = race(Some("t"))
        .await
        .into_iter()
        .map(|result| result.unwrap().unwrap());
    let mut uids: Vec<String> = answers.map(|resource| resource.metadata.uid).collect();
    uids.dedup();
    assert_eq!(uids.len(), 1);
}

#[tokio::test]
async fn an_operation_does_not_try_for_ever() {
    let world = World::full().await;
    let contended = service(
        Arc::new(Observed::contended(world.store.clone())),
        Default::default(),
    );
    for step in [
        Step::Create("m/virtualNode/a", node("a")),
        Step::Update("m", json!({})),
        Step::Delete("m/virtualNode/free"),
    ] {
        let refused = step.run(&contended).await;
        assert!(
            matches!(refused, Err(ServiceError::Unavailable(_))),
            "{refused:?}"
        );
    }
}

/// Many clients create, update and delete few resources that refer to each other. Whatever order that comes to, no
/// reference dangles and nothing is miscounted.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_reference_ever_dangles() {
    for seed in 0..3 {
        let world = World::new();
        world.create("m", json!({})).await.unwrap();
        world
            .create("m/virtualGateway/g", crate::world::gateway(80))
            .await
            .unwrap();
        let clients = (0..12).map(|client| {
            let service = world.service.clone();
            tokio::spawn(act(service, StdRng::seed_from_u64(seed * 100 + client), 60))
        });
        for client in join_all(clients).await {
            client.unwrap();
        }
        let (snapshot, _) = load_snapshot(world.store.as_ref()).await.unwrap();
        assert_nothing_dangles(snapshot.mesh(id("m").mesh()).unwrap());
        take_down(&world).await;
        assert_eq!(
            world.keys().await,
            [
                "count/mesh/123456789012/created",
                "count/mesh/123456789012/deleted"
            ]
        );
    }
}

/// Does random operations; any of them may be refused, none may fail.
async fn act(service: Arc<StoreService>, mut random: StdRng, operations: usize) {
    for _ in 0..operations {
        let (path, spec) = any_resource(&mut random);
        let result = match random.random_range(0..3) {
            0 => service.create(&caller(OWNER), create(&path, spec, None)).await,
            1 => service.update(&caller(OWNER), update(&path, spec, None)).await,
            _ => service.delete(&caller(OWNER), &id(&path)).await,
        };
        match result {
            Ok(_)
            | Err(ServiceError::NotFound(_) | ServiceError::Conflict(_) | ServiceError::ResourceInUse(_)) => {
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

fn any_resource(random: &mut StdRng) -> (String, Value) {
    let [name, target, other] = std::array::from_fn(|_| random.random_range(0..3).to_string());
    match random.random_range(0..5) {
        0 => (format!("m/virtualNode/{name}"), node("n.local")),
        1 => (format!("m/virtualRouter/{name}"), router(80)),
        2 => (
            format!("m/virtualRouter/{name}/route/x"),
            route("httpRoute", &[&target, &other]),
        ),
        3 if random.random() => (format!("m/virtualService/{name}"), to_node(&target)),
        3 => (format!("m/virtualService/{name}"), to_router(&target)),
        _ => (
            format!("m/virtualGateway/g/gatewayRoute/{name}"),
            gateway_route("httpRoute", &target),
        ),
    }
}

fn assert_nothing_dangles(mesh: &MeshSnapshot) {
    for service in mesh.virtual_services.values() {
        let found = match service.provider.as_ref().unwrap() {
            VirtualServiceProvider::VirtualNode(p) => mesh.virtual_nodes.contains_key(&p.virtual_node_name),
            VirtualServiceProvider::VirtualRouter(p) => {
                mesh.virtual_routers.contains_key(&p.virtual_router_name)
            }
        };
        assert!(found, "{service:?}");
    }
    for (router, routes) in &mesh.routes {
        assert!(mesh.virtual_routers.contains_key(router), "{router}");
        for route in routes.values() {
            for target in &route.http_route.as_ref().unwrap().action.weighted_targets {
                assert!(mesh.virtual_nodes.contains_key(&target.virtual_node), "{route:?}");
            }
        }
    }
    for route in mesh.gateway_routes.values().flat_map(|routes| routes.values()) {
        let target = &route.http_route.as_ref().unwrap().action.target.virtual_service;
        assert!(
            mesh.virtual_services.contains_key(&target.virtual_service_name),
            "{route:?}"
        );
    }
}

/// Deletes all there is, dependants first: it is refused if a reference or a child is left that should not be.
async fn take_down(world: &World) {
    let (snapshot, _) = load_snapshot(world.store.as_ref()).await.unwrap();
    let mesh = snapshot.mesh(id("m").mesh()).unwrap();
    let gateway_routes = mesh.gateway_routes.iter().flat_map(|(gateway, routes)| {
        routes
            .keys()
            .map(move |name| format!("m/virtualGateway/{gateway}/gatewayRoute/{name}"))
    });
    let routes = mesh.routes.iter().flat_map(|(router, routes)| {
        routes
            .keys()
            .map(move |name| format!("m/virtualRouter/{router}/route/{name}"))
    });
    let services = mesh
        .virtual_services
        .keys()
        .map(|name| format!("m/virtualService/{name}"));
    let routers = mesh
        .virtual_routers
        .keys()
        .map(|name| format!("m/virtualRouter/{name}"));
    let nodes = mesh
        .virtual_nodes
        .keys()
        .map(|name| format!("m/virtualNode/{name}"));
    let rest = ["m/virtualGateway/g".to_owned(), "m".to_owned()];
    for path in gateway_routes
        .chain(routes)
        .chain(services)
        .chain(routers)
        .chain(nodes)
        .chain(rest)
    {
        world.delete(&path).await.unwrap();
    }
}
