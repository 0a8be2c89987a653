//! What is made of supplied values, with supplies that a test fills.

use std::hash::Hash;
use std::net::Ipv4Addr;

use evermesh_graph::supplied::{Addresses, CloudMapService, Instance, Instances, Secret};
use evermesh_store::WatchSource;
use evermesh_xds_server::{Resource, ResourceType};

use super::*;
use crate::supply::Supply;

const CLUSTER: &str = "cds_egress_m_cloud_http_80";

/// A supply of what it is told.
pub(super) struct Told<K, V>(Mutex<HashMap<K, watch::Sender<Option<Arc<V>>>>>);

impl Supply<CloudMapService, Instances> for Told<CloudMapService, Instances> {
    fn follow(&self, key: &CloudMapService) -> watch::Receiver<Option<Arc<Instances>>> {
        lock(&self.0).entry(key.clone()).or_default().subscribe()
    }
}

impl Supply<str, Addresses> for Told<String, Addresses> {
    fn follow(&self, key: &str) -> watch::Receiver<Option<Arc<Addresses>>> {
        lock(&self.0).entry(key.to_owned()).or_default().subscribe()
    }
}

impl Supply<str, Secret> for Told<String, Secret> {
    fn follow(&self, key: &str) -> watch::Receiver<Option<Arc<Secret>>> {
        lock(&self.0).entry(key.to_owned()).or_default().subscribe()
    }
}

impl<K: Clone + Eq + Hash, V> Told<K, V> {
    pub(super) fn nothing() -> Arc<Self> {
        Arc::new(Self(Mutex::default()))
    }

    pub(super) fn tell(&self, key: &K, value: V) {
        let mut known = lock(&self.0);
        let sender = known.entry(key.clone()).or_default();
        sender.send_replace(Some(Arc::new(value)));
    }

    async fn wait_until_followed(&self, key: &K, followed: bool) {
        wait_until_async("a key is followed as it should be", DEADLINE, async || {
            let receivers = lock(&self.0).get(key).map_or(0, watch::Sender::receiver_count);
            ((receivers > 0) == followed).then_some(())
        })
        .await;
    }
}

/// The mesh `m`, where `n` calls a service whose node is found through Cloud Map, and `free` does not.
async fn start() -> (Followed, Arc<Told<CloudMapService, Instances>>) {
    let told = Told::nothing();
    let supplies = Supplies {
        endpoints: told.clone(),
        ..Supplies::default()
    };
    let followed = Followed::start_with(supplies).await;
    let mut cloud = node("unused.local");
    cloud["serviceDiscovery"] =
        json!({ "awsCloudMap": { "namespaceName": "space", "serviceName": "cloud" } });
    create(&followed.service, "m/virtualNode/cloud", cloud).await;
    let provider = json!({ "provider": { "virtualNode": { "virtualNodeName": "cloud" } } });
    create(&followed.service, "m/virtualService/cloud.local", provider).await;
    followed.update("m/virtualNode/n", caller_of_cloud()).await;
    followed.caught_up().await;
    (followed, told)
}

fn caller_of_cloud() -> Value {
    let mut node = node("n.local");
    node["backends"] = json!([{ "virtualService": { "virtualServiceName": "cloud.local" } }]);
    node
}

fn cloud() -> CloudMapService {
    CloudMapService {
        namespace: "space".to_owned(),
        service: "cloud".to_owned(),
        attributes: Default::default(),
    }
}

pub(super) fn instances(last_bytes: &[u8]) -> Instances {
    let instance = |last: &u8| Instance {
        ipv4: Some(Ipv4Addr::new(10, 0, 0, *last)),
        ipv6: None,
    };
    last_bytes.iter().map(instance).collect()
}

fn endpoints(set: &ResourceSet) -> Option<Arc<Resource>> {
    set.get(ResourceType::Endpoint, CLUSTER).cloned()
}

#[tokio::test]
async fn a_supplied_value_reaches_those_who_need_it_and_nothing_else_is_built_anew() {
    let (followed, told) = start().await;
    let mut concerned = followed.subscribe("m/virtualNode/n");
    let mut other = followed.subscribe("m/virtualNode/free");
    other.mark_unchanged();
    let before = newest(&concerned);
    assert!(before.get(ResourceType::Cluster, CLUSTER).is_some());
    assert!(
        endpoints(&before).is_none(),
        "nothing is said of what is not known"
    );

    let recomputed = || followed.pipeline.figures().recompute.count();
    let recomputed_before = recomputed();
    concerned.mark_unchanged();
    told.tell(&cloud(), instances(&[1]));
    concerned.changed().await.unwrap();
    let one = newest(&concerned);
    told.tell(&cloud(), instances(&[1, 2]));
    concerned.changed().await.unwrap();
    let two = newest(&concerned);
    wait_until_async("both are timed", DEADLINE, async || {
        (recomputed() == recomputed_before + 2).then_some(())
    })
    .await;

    assert_ne!(
        endpoints(&one).unwrap().version(),
        endpoints(&two).unwrap().version()
    );
    for kind in [ResourceType::Cluster, ResourceType::Listener, ResourceType::Route] {
        for resource in before.collection(kind).iter() {
            let later = two.get(kind, resource.name()).unwrap();
            assert!(Arc::ptr_eq(resource, later), "{}", resource.name());
        }
    }
    assert!(!other.has_changed().unwrap());
}

#[tokio::test]
async fn what_is_known_already_goes_out_with_the_rest() {
    let (followed, told) = start().await;
    told.tell(&cloud(), instances(&[]));
    let first = newest(&followed.subscribe("m/virtualNode/n"));
    assert!(
        endpoints(&first).is_some(),
        "that nobody is there is known as well"
    );
}

#[tokio::test]
async fn a_key_is_followed_while_a_proxy_needs_it() {
    let (followed, told) = start().await;
    told.tell(&cloud(), instances(&[1]));
    let _other = followed.subscribe("m/virtualNode/free");
    told.wait_until_followed(&cloud(), false).await;
    let one = followed.subscribe("m/virtualNode/n");
    told.wait_until_followed(&cloud(), true).await;
    // No longer when its view does not name it, ...
    followed.update("m/virtualNode/n", node("n.local")).await;
    told.wait_until_followed(&cloud(), false).await;
    followed.update("m/virtualNode/n", caller_of_cloud()).await;
    told.wait_until_followed(&cloud(), true).await;
    // ... nor when it has left, as soon as anything happens.
    drop(one);
    followed.update("m/virtualNode/free", logging("free.local")).await;
    told.wait_until_followed(&cloud(), false).await;
}

#[tokio::test]
async fn a_view_is_resolved_with_the_addresses_of_the_names_that_it_needs() {
    let told = Told::<String, Addresses>::nothing();
    let supplies = Supplies {
        addresses: told.clone(),
        ..Supplies::default()
    };
    let followed = Followed::start_with(supplies).await;
    let mut caller = node("n.local");
    caller["backends"] = json!([]);
    for name in ["one", "two"] {
        let mut target = node(&format!("{name}.local"));
        target["listeners"] = json!([{ "portMapping": { "port": 6379, "protocol": "tcp" } }]);
        create(&followed.service, &format!("m/virtualNode/{name}"), target).await;
        let provider = json!({ "provider": { "virtualNode": { "virtualNodeName": name } } });
        let service = format!("{name}.local");
        create(
            &followed.service,
            &format!("m/virtualService/{service}"),
            provider,
        )
        .await;
        let backend = json!({ "virtualService": { "virtualServiceName": service } });
        caller["backends"].as_array_mut().unwrap().push(backend);
    }
    followed.update("m/virtualNode/n", caller).await;
    followed.caught_up().await;

    let mut concerned = followed.subscribe("m/virtualNode/n");
    let leads_to = |set: &ResourceSet, name: &str| {
        let cluster = format!("cds_egress_m_{name}_tcp_6379");
        set.get(ResourceType::Cluster, &cluster).is_some()
    };
    told.tell(
        &"one.local".to_owned(),
        Addresses::from(["10.0.0.1".parse().unwrap()]),
    );
    followed.caught_up().await;
    assert!(
        concerned.borrow().is_none(),
        "it is not known yet whether the other resolves"
    );
    told.tell(
        &"two.local".to_owned(),
        Addresses::from(["10.0.0.2".parse().unwrap()]),
    );
    let both = concerned.wait_for(|set| {
        let set = set.as_ref();
        set.is_some_and(|set| leads_to(set, "one") && leads_to(set, "two"))
    });
    tokio::time::timeout(DEADLINE, both).await.unwrap().unwrap();
}

/// Changes that take a while to be read.
struct Slow(Watch);

#[async_trait::async_trait]
impl WatchSource for Slow {
    async fn next(&mut self) -> evermesh_store::Result<Batch> {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        self.0.next().await
    }
}

#[tokio::test]
async fn supplied_values_that_never_rest_do_not_keep_meshes_waiting() {
    let (followed, told) = start().await;
    let _concerned = followed.subscribe("m/virtualNode/n");
    followed.follower.abort();
    let stored = followed.store.revision().await.unwrap();
    let watch = followed.store.watch(RESOURCE_PREFIX, stored + 1).await.unwrap();
    let (pipeline, store) = (followed.pipeline.clone(), followed.store.clone());
    let follower = tokio::spawn(async move { pipeline.follow(&*store, Watch::new(Slow(watch))).await });
    let restless = tokio::spawn(async move {
        for last_byte in (0..=255).cycle() {
            told.tell(&cloud(), instances(&[last_byte]));
            tokio::task::yield_now().await;
        }
    });
    followed.update("m/virtualNode/free", logging("free.local")).await;
    followed.caught_up().await;
    restless.abort();
    follower.abort();
}
