//! What is made of supplied values, with supplies that a test fills.

use std::net::Ipv4Addr;

use evermesh_graph::supplied::{CloudMapService, Instance, Instances};
use evermesh_xds_server::{Resource, ResourceType};

use super::*;
use crate::supply::Supply;

const CLUSTER: &str = "cds_egress_m_cloud_http_80";

/// A supply of what it is told.
#[derive(Default)]
struct Told(Mutex<HashMap<CloudMapService, watch::Sender<Option<Arc<Instances>>>>>);

impl Supply<CloudMapService, Instances> for Told {
    fn follow(&self, key: &CloudMapService) -> watch::Receiver<Option<Arc<Instances>>> {
        lock(&self.0).entry(key.clone()).or_default().subscribe()
    }
}

impl Told {
    fn tell(&self, key: &CloudMapService, last_bytes: &[u8]) {
        let instance = |last: &u8| Instance {
            ipv4: Some(Ipv4Addr::new(10, 0, 0, *last)),
            ipv6: None,
        };
        let instances = Arc::new(last_bytes.iter().map(instance).collect());
        let mut known = lock(&self.0);
        known
            .entry(key.clone())
            .or_default()
            .send_replace(Some(instances));
    }

    async fn wait_until_followed(&self, key: &CloudMapService, followed: bool) {
        wait_until_async("a key is followed as it should be", DEADLINE, async || {
            let receivers = lock(&self.0).get(key).map_or(0, watch::Sender::receiver_count);
            ((receivers > 0) == followed).then_some(())
        })
        .await;
    }
}

/// The mesh `m`, where `n` calls a service whose node is found through Cloud Map, and `free` does not.
async fn start() -> (Followed, Arc<Told>) {
    let told = Arc::<Told>::default();
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

    concerned.mark_unchanged();
    told.tell(&cloud(), &[1]);
    concerned.changed().await.unwrap();
    let one = newest(&concerned);
    told.tell(&cloud(), &[1, 2]);
    concerned.changed().await.unwrap();
    let two = newest(&concerned);

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
    told.tell(&cloud(), &[]);
    let first = newest(&followed.subscribe("m/virtualNode/n"));
    assert!(
        endpoints(&first).is_some(),
        "that nobody is there is known as well"
    );
}

#[tokio::test]
async fn a_key_is_followed_while_a_proxy_needs_it() {
    let (followed, told) = start().await;
    told.tell(&cloud(), &[1]);
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
