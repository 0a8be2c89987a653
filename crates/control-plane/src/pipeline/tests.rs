//! The pipeline on a store that is written to directly, and watched as streams watch it.

use std::sync::Arc;

use evermesh_model::{MeshSnapshot, Snapshot, Spec, arn};
use evermesh_service::{
    Caller, CreateRequest, MeshService, ServiceOptions, StoreService, UpdateRequest, load_snapshot,
};
use evermesh_store::{SqliteOptions, SqliteStore, Txn};
use evermesh_testkit::{DEADLINE, wait_until_async};
use evermesh_xds_server::{Options, XdsServer};
use futures::FutureExt;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::admin;

mod incremental;
mod supplied;

const ACCOUNT: &str = "123456789012";
const NODE: &str = "resource/within/123456789012/m/virtualNode/n";
const MESH: &str = "resource/mesh/m/123456789012";

type Receiver = watch::Receiver<Option<Arc<ResourceSet>>>;

/// A pipeline that follows a store; it ends when dropped.
struct Followed {
    _dir: TempDir,
    store: Arc<SqliteStore>,
    service: Arc<StoreService>,
    pipeline: Arc<Pipeline>,
    follower: tokio::task::JoinHandle<()>,
}

impl Followed {
    /// One with the meshes `m` and `other`, each with the nodes `n` and `free`.
    async fn start() -> Self {
        Self::start_with(Supplies::default()).await
    }

    async fn start_with(supplies: Supplies) -> Self {
        let dir = TempDir::new().unwrap();
        let store = SqliteStore::open(dir.path().join("store.db"), SqliteOptions::default()).unwrap();
        let store = Arc::new(store);
        let service = Arc::new(StoreService::new(store.clone(), ServiceOptions::default()));
        for mesh in ["m", "other"] {
            create(&service, mesh, json!({})).await;
            create(&service, &format!("{mesh}/virtualNode/n"), node("n.local")).await;
            create(&service, &format!("{mesh}/virtualNode/free"), node("free.local")).await;
        }
        Self::on(dir, store, service, supplies).await
    }

    async fn on(
        dir: TempDir,
        store: Arc<SqliteStore>,
        service: Arc<StoreService>,
        supplies: Supplies,
    ) -> Self {
        let loaded = Pipeline::load(&*store, ACCOUNT.to_owned(), supplies).await;
        let (pipeline, watch) = loaded.unwrap();
        let pipeline = Arc::new(pipeline);
        let follower = {
            let (store, pipeline) = (store.clone(), pipeline.clone());
            tokio::spawn(async move { pipeline.follow(&*store, watch).await })
        };
        Self {
            _dir: dir,
            store,
            service,
            pipeline,
            follower,
        }
    }

    fn subscribe(&self, path: &str) -> Receiver {
        let node = Node {
            id: format!("mesh/{path}"),
            ..Node::default()
        };
        self.pipeline.subscribe(&node).unwrap()
    }

    async fn update(&self, path: &str, value: Value) {
        let id = id(path);
        let request = UpdateRequest {
            spec: Spec::read(id.kind(), &value).unwrap(),
            id,
            client_token: None,
        };
        self.service.update(&caller(), request).await.unwrap();
    }

    async fn value(&self, key: &str) -> Vec<u8> {
        self.store.get(key).await.unwrap().unwrap().value.to_vec()
    }

    async fn put(&self, key: &str, value: Vec<u8>) {
        self.store.commit(Txn::new().put(key, value)).await.unwrap();
        self.caught_up().await;
    }

    /// Waits until everything that is stored is published.
    async fn caught_up(&self) {
        let stored = self.store.revision().await.unwrap();
        wait_until_async("the pipeline has caught up", DEADLINE, async || {
            (self.pipeline.revision() >= stored).then_some(())
        })
        .await;
    }

    fn kept(&self) -> usize {
        self.pipeline.lock().published.len()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

#[tokio::test]
async fn proxies_of_one_key_share_one_set() {
    let followed = Followed::start().await;
    let (one, two) = (
        followed.subscribe("m/virtualNode/n"),
        followed.subscribe("m/virtualNode/n"),
    );
    assert!(Arc::ptr_eq(&newest(&one), &newest(&two)));
    followed.update("m/virtualNode/n", node("new.local")).await;
    followed.update("m/virtualNode/n", logging("n.local")).await;
    followed.caught_up().await;
    assert!(one.has_changed().unwrap() && two.has_changed().unwrap());
    assert!(Arc::ptr_eq(&newest(&one), &newest(&two)));
}

#[tokio::test]
async fn only_what_a_change_concerns_is_resolved_again() {
    let followed = Followed::start().await;
    let proxies = ["m/virtualNode/n", "m/virtualNode/missing", "other/virtualNode/n"];
    let receivers = proxies.map(|path| followed.subscribe(path));
    let mut resolved = followed.pipeline.figures().resolved;
    for (changed, views) in [
        ("m/virtualNode/free", 0),
        ("m/virtualNode/n", 1),
        ("m/virtualNode/missing", 1),
        ("other/virtualNode/n", 1),
    ] {
        if changed.ends_with("missing") {
            create(&followed.service, changed, logging("a.local")).await;
        } else {
            followed.update(changed, logging("a.local")).await;
        }
        followed.caught_up().await;
        resolved += views;
        assert_eq!(followed.pipeline.figures().resolved, resolved, "{changed}");
    }
    assert!(receivers.iter().all(|receiver| receiver.borrow().is_some()));
}

#[tokio::test]
async fn an_unreadable_record_stops_its_mesh_until_it_is_put_right() {
    for key in [NODE, MESH] {
        let followed = Followed::start().await;
        let concerned = followed.subscribe("m/virtualNode/free");
        let mut other = followed.subscribe("other/virtualNode/free");
        let before = newest(&concerned);
        let sound = followed.value(key).await;

        followed.put(key, b"garbage".to_vec()).await;
        assert_eq!(followed.pipeline.faults(), 1);
        followed.update("m/virtualNode/free", logging("free.local")).await;
        followed
            .update("other/virtualNode/free", logging("free.local"))
            .await;
        other.changed().await.unwrap();
        assert!(Arc::ptr_eq(&newest(&concerned), &before));
        // A node of which no proxy was connected is what it was when the mesh last was whole.
        let late = followed.subscribe("m/virtualNode/n");
        assert!(late.borrow().is_some());

        followed.put(key, sound).await;
        assert_ne!(newest(&concerned), before, "what was written meanwhile arrives");
    }
}

#[tokio::test]
async fn a_mesh_goes_on_without_an_unreadable_record_that_is_deleted() {
    let followed = Followed::start().await;
    let concerned = followed.subscribe("m/virtualNode/free");
    let before = newest(&concerned);
    followed.put(NODE, b"{}".to_vec()).await;
    followed.update("m/virtualNode/free", logging("free.local")).await;
    followed.store.commit(Txn::new().delete(NODE)).await.unwrap();
    followed.caught_up().await;
    assert_ne!(newest(&concerned), before);
}

#[tokio::test]
async fn a_mesh_that_was_never_whole_keeps_its_proxies_waiting() {
    for key in [NODE, MESH] {
        let followed = Followed::start().await;
        let sound = followed.value(key).await;
        followed.put(key, b"garbage".to_vec()).await;
        let after = Followed::on(
            TempDir::new().unwrap(),
            followed.store.clone(),
            followed.service.clone(),
            Supplies::default(),
        )
        .await;
        assert_eq!(after.pipeline.faults(), 1);
        let concerned = after.subscribe("m/virtualNode/free");
        let other = after.subscribe("other/virtualNode/free");
        assert!(concerned.borrow().is_none() && other.borrow().is_some());
        let found = after.pipeline.diagnostics();
        assert!(found.iter().all(|found| found.resource.mesh().name != "m"));

        after.update("m/virtualNode/free", logging("free.local")).await;
        after.caught_up().await;
        assert!(concerned.borrow().is_none());
        after.put(key, sound).await;
        assert_eq!(newest(&concerned), newest(&followed_anew(&after).await));
    }
}

#[tokio::test]
async fn a_store_that_is_loaded_anew_does_not_forget_what_was_whole() {
    let followed = Followed::start().await;
    let concerned = followed.subscribe("m/virtualNode/free");
    let before = newest(&concerned);
    followed.put(NODE, b"garbage".to_vec()).await;
    followed.update("m/virtualNode/free", logging("free.local")).await;
    let _watch = followed.pipeline.read(&*followed.store).await.unwrap();
    assert!(Arc::ptr_eq(&newest(&concerned), &before));
    let late = followed.subscribe("m/virtualNode/n");
    assert!(late.borrow().is_some());
}

#[tokio::test]
async fn what_falls_behind_the_history_is_loaded_anew() {
    let followed = Followed::start().await;
    let behind = followed.store.watch(RESOURCE_PREFIX, 1).await.unwrap();
    followed.follower.abort();
    let concerned = followed.subscribe("m/virtualNode/free");
    let before = newest(&concerned);
    followed.update("m/virtualNode/free", logging("free.local")).await;
    let stored = followed.store.revision().await.unwrap();
    followed.store.compact(stored).await.unwrap();

    let (pipeline, store) = (followed.pipeline.clone(), followed.store.clone());
    let follower = tokio::spawn(async move { pipeline.follow(&*store, behind).await });
    followed.caught_up().await;
    assert_ne!(newest(&concerned), before);
    followed.update("m/virtualNode/free", node("free.local")).await;
    followed.caught_up().await;
    assert_eq!(newest(&concerned), before);
    // It ends when the store does.
    followed.store.close().await;
    follower.await.unwrap();
}

#[tokio::test]
async fn proxies_that_come_and_go_leave_nothing_behind() {
    let followed = Followed::start().await;
    let stays = followed.subscribe("m/virtualNode/n");
    for passing in 0..10_000 {
        drop(followed.subscribe(&format!("m/virtualNode/p{passing}")));
    }
    assert!(followed.kept() < 10, "{}", followed.kept());
    drop(followed.subscribe("other/virtualNode/n"));
    let figures = followed.pipeline.figures();
    assert_eq!(
        (figures.configurations, figures.resources),
        (1, newest(&stays).len())
    );
    followed.update("other/virtualNode/n", node("new.local")).await;
    followed.caught_up().await;
    assert_eq!(followed.kept(), 1);
    assert!(stays.borrow().is_some());
}

#[tokio::test]
async fn a_step_that_panics_is_counted_and_leaves_what_is_published() {
    let followed = Followed::start().await;
    let mut receiver = followed.subscribe("m/virtualNode/n");
    let before = newest(&receiver);
    let published = followed.pipeline.lock().published.values().next().cloned();
    let key = &published.expect("one is connected").key;
    let built: Option<()> = followed.pipeline.build(key, || panic!("a fault on purpose"));
    assert!(built.is_none() && Arc::ptr_eq(&newest(&receiver), &before));
    assert_eq!(followed.pipeline.faults(), 1);

    receiver.mark_unchanged();
    followed.update("m/virtualNode/n", node("n.local")).await;
    followed.update("m/virtualNode/n", logging("n.local")).await;
    receiver.changed().await.unwrap();
    assert_ne!(newest(&receiver), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_leave_the_state_of_the_store() {
    let followed = Followed::start().await;
    let receiver = followed.subscribe("m/virtualNode/free");
    let writers: Vec<_> = (0..16)
        .map(|writer| {
            let service = followed.service.clone();
            tokio::spawn(async move {
                for round in 0..20 {
                    let path = format!("m/virtualNode/w{writer}-{round}");
                    create(&service, &path, node("w.local")).await;
                    let path = format!("m/virtualNode/w{writer}-{}", round / 2);
                    // Gone already in every second round.
                    let _ = service.delete(&caller(), &id(&path)).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    followed.update("m/virtualNode/free", logging("free.local")).await;
    followed.caught_up().await;
    let (stored, revision) = load_snapshot(&*followed.store).await.unwrap();
    assert_eq!(followed.pipeline.revision(), revision);
    assert_eq!(snapshot(&followed.pipeline), snapshot_of(&stored));
    assert_eq!(newest(&receiver), newest(&followed_anew(&followed).await));
}

/// What a pipeline publishes of `m/virtualNode/free` that is loaded now.
async fn followed_anew(followed: &Followed) -> Receiver {
    let fresh = Followed::on(
        TempDir::new().unwrap(),
        followed.store.clone(),
        followed.service.clone(),
        Supplies::default(),
    )
    .await;
    fresh.subscribe("m/virtualNode/free")
}

fn snapshot(pipeline: &Pipeline) -> Vec<Arc<MeshSnapshot>> {
    pipeline.lock().meshes.all().cloned().collect()
}

fn snapshot_of(snapshot: &Snapshot) -> Vec<Arc<MeshSnapshot>> {
    snapshot.meshes().cloned().collect()
}

fn newest(receiver: &Receiver) -> Arc<ResourceSet> {
    receiver.borrow().clone().expect("something is published")
}

async fn create(service: &StoreService, path: &str, value: Value) {
    let id = id(path);
    let request = CreateRequest {
        spec: Spec::read(id.kind(), &value).unwrap(),
        id,
        tags: Vec::new(),
        client_token: None,
    };
    service.create(&caller(), request).await.unwrap();
}

fn caller() -> Caller {
    Caller {
        account: ACCOUNT.to_owned(),
        region: "us-west-2".to_owned(),
    }
}

fn id(path: &str) -> evermesh_model::ResourceId {
    arn::parse_node_id(&format!("mesh/{path}"), ACCOUNT).unwrap()
}

fn node(hostname: &str) -> Value {
    json!({
        "listeners": [{ "portMapping": { "port": 80, "protocol": "http" } }],
        "serviceDiscovery": { "dns": { "hostname": hostname } },
    })
}

fn logging(hostname: &str) -> Value {
    let mut node = node(hostname);
    node["logging"] = json!({ "accessLog": { "file": { "path": "/dev/stdout" } } });
    node
}

#[tokio::test]
async fn it_is_known_that_nobody_follows_any_more() {
    let followed = Followed::start().await;
    followed.update("m/virtualNode/n", json!({})).await;
    followed.caught_up().await;
    assert!(followed.pipeline.is_followed());
    followed.follower.abort();
    let pipeline = &followed.pipeline;
    wait_until_async("the end is noted", DEADLINE, async || {
        (!pipeline.is_followed()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn who_asks_what_is_wrong_keeps_nobody_else_waiting() {
    let followed = Followed::start().await;
    let shared = admin::Shared {
        pipeline: followed.pipeline.clone(),
        certificates: None,
        xds: XdsServer::new(followed.pipeline.clone(), Options::default()),
        store: followed.store.clone(),
        diagnosing: Arc::default(),
    };
    let mut answer = pin!(admin::diagnostics(axum::extract::State(shared)));
    // On this thread it could not wait for what this thread holds.
    let held = followed.pipeline.lock();
    assert!(answer.as_mut().now_or_never().is_none());
    drop(held);
    assert_eq!(answer.await["faults"], 0);
}
