//! That a pipeline which follows random changes, of meshes, of supplied values and of proxies, publishes what one does
//! that begins with their result.

use evermesh_graph::supplied::{Addresses, CloudMapService, Instances, Secret};
use evermesh_model::Tag;
use proptest::prelude::*;
use proptest::sample::select;

use super::supplied::{Told, instances};
use super::*;

const PROXIES: [&str; 5] = [
    "m/virtualNode/a",
    "m/virtualNode/b",
    "m/virtualNode/c",
    "m/virtualGateway/g",
    "other/virtualNode/n",
];
/// In an order in which they can be created.
const RESOURCES: [&str; 11] = [
    "m",
    "m/virtualNode/a",
    "m/virtualNode/b",
    "m/virtualNode/c",
    "m/virtualRouter/r",
    "m/virtualRouter/r/route/x",
    "m/virtualRouter/r/route/y",
    "m/virtualService/s.local",
    "m/virtualService/t.local",
    "m/virtualGateway/g",
    "m/virtualGateway/g/gatewayRoute/x",
];
const CERTIFICATES: [&str; 2] = [
    "arn:aws:acm:us-west-2:123456789012:certificate/1",
    "arn:aws:acm:us-west-2:123456789012:certificate/2",
];
const AUTHORITY: &str = "arn:aws:acm-pca:us-west-2:123456789012:certificate-authority/1";

/// What happens. A number says which of some variants.
#[derive(Debug, Clone)]
enum Edit {
    /// Created or updated, if the API has no objection.
    Put(&'static str, u16),
    /// Deleted, if nothing refers to it.
    Delete(&'static str),
    Tag(&'static str, u8),
    /// Everything is deleted, and some of it created again.
    Anew(u16),
    Instances(&'static str, u8),
    Addresses(&'static str, u8),
    Certificate(&'static str, u8),
    /// Proxies come or leave.
    Connect(usize),
    Disconnect(usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let resource = || select(&RESOURCES[..]);
    prop_oneof![
        12 => (resource(), any::<u16>()).prop_map(|(path, variant)| Edit::Put(path, variant)),
        3 => resource().prop_map(Edit::Delete),
        1 => (resource(), any::<u8>()).prop_map(|(path, value)| Edit::Tag(path, value)),
        1 => any::<u16>().prop_map(Edit::Anew),
        3 => (select(&["one", "two"][..]), 0..4_u8).prop_map(|(name, value)| Edit::Instances(name, value)),
        3 => (select(&["s.local", "t.local"][..]), 0..4_u8).prop_map(|(name, value)| Edit::Addresses(name, value)),
        3 => (select(&CERTIFICATES[..]), 0..4_u8).prop_map(|(name, value)| Edit::Certificate(name, value)),
        2 => (0..PROXIES.len()).prop_map(Edit::Connect),
        1 => (0..PROXIES.len()).prop_map(Edit::Disconnect),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 8, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_is_published_as_if_it_had_been_so_from_the_start(
        steps in prop::collection::vec(prop::collection::vec(edit(), 1..5), 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.unwrap().block_on(async {
            let mut world = World::start().await;
            for step in &steps {
                for edit in step {
                    world.apply(edit).await;
                }
                world.check(step).await;
            }
        });
    }
}

/// A pipeline with all that it is made of, and its proxies.
struct World {
    followed: Followed,
    supplies: Supplies,
    endpoints: Arc<Told<CloudMapService, Instances>>,
    addresses: Arc<Told<String, Addresses>>,
    secrets: Arc<Told<String, Secret>>,
    proxies: Vec<(&'static str, Receiver)>,
}

impl World {
    async fn start() -> Self {
        let (endpoints, addresses, secrets) = (Told::nothing(), Told::nothing(), Told::nothing());
        let supplies = Supplies {
            endpoints: endpoints.clone(),
            addresses: addresses.clone(),
            secrets: secrets.clone(),
        };
        let followed = Followed::start_with(supplies.clone()).await;
        let mut world = Self {
            followed,
            supplies,
            endpoints,
            addresses,
            secrets,
            proxies: Vec::new(),
        };
        for (number, path) in RESOURCES.iter().enumerate() {
            world.put(path, 0x1b6d_u16.rotate_left(number as u32)).await;
        }
        for path in PROXIES {
            world.proxies.push((path, world.followed.subscribe(path)));
        }
        world
    }

    async fn apply(&mut self, edit: &Edit) {
        let service = &self.followed.service;
        match edit {
            Edit::Put(path, variant) => self.put(path, *variant).await,
            Edit::Delete(path) => drop(service.delete(&caller(), &id(path)).await),
            Edit::Tag(path, value) => {
                let Ok(resource) = service.describe(&caller(), &id(path)).await else {
                    return;
                };
                let tags = vec![Tag {
                    key: "k".to_owned(),
                    value: value.to_string(),
                }];
                let arn = evermesh_model::Arn::parse(&resource.metadata.arn).unwrap();
                service.tag(&caller(), &arn, tags).await.unwrap();
            }
            Edit::Anew(variant) => {
                for path in ["m/virtualNode/n", "m/virtualNode/free"] {
                    let _ = service.delete(&caller(), &id(path)).await;
                }
                // Twice, because backends and services refer to each other in either order.
                for path in RESOURCES.iter().rev().chain(RESOURCES.iter().rev()) {
                    let _ = service.delete(&caller(), &id(path)).await;
                }
                for path in RESOURCES.iter().take(usize::from(variant % 13)) {
                    self.put(path, *variant).await;
                }
            }
            Edit::Instances(name, value) => {
                let service = CloudMapService {
                    namespace: "space".to_owned(),
                    service: (*name).to_owned(),
                    attributes: Default::default(),
                };
                let last_bytes: Vec<u8> = (0..*value).collect();
                self.endpoints.tell(&service, instances(&last_bytes));
            }
            Edit::Addresses(name, value) => {
                let addresses = (0..*value).map(|last| [10, 0, *value, last].into()).collect();
                self.addresses.tell(&(*name).to_owned(), addresses);
            }
            Edit::Certificate(name, value) => {
                let certificate = Secret::Certificate {
                    chain: vec![*value],
                    key: vec![*value],
                };
                self.secrets.tell(&(*name).to_owned(), certificate);
                let bundle = vec![*value];
                self.secrets.tell(&AUTHORITY.to_owned(), Secret::Trust { bundle });
            }
            Edit::Connect(number) => {
                let path = PROXIES[*number];
                self.proxies.push((path, self.followed.subscribe(path)));
            }
            Edit::Disconnect(number) => self.proxies.retain(|(path, _)| *path != PROXIES[*number]),
        }
    }

    async fn put(&self, path: &'static str, variant: u16) {
        let id = id(path);
        let spec = Spec::read(id.kind(), &spec(path, variant)).unwrap();
        let update = UpdateRequest {
            id: id.clone(),
            spec: spec.clone(),
            client_token: None,
        };
        let create = CreateRequest {
            id,
            spec,
            tags: Vec::new(),
            client_token: None,
        };
        if self.followed.service.update(&caller(), update).await.is_err() {
            // What it refers to may be missing.
            let _ = self.followed.service.create(&caller(), create).await;
        }
    }

    /// Every proxy has what a pipeline gives it that has followed nothing, if that gives it anything.
    async fn check(&self, step: &[Edit]) {
        self.followed.caught_up().await;
        let fresh = Followed::on(
            TempDir::new().unwrap(),
            self.followed.store.clone(),
            self.followed.service.clone(),
            self.supplies.clone(),
        )
        .await;
        for (path, has) in &self.proxies {
            let Some(wanted) = fresh.subscribe(path).borrow().clone() else {
                continue;
            };
            let what = format!("{path} has what is wanted after {step:?}");
            wait_until_async(&what, DEADLINE, async || {
                (has.borrow().as_ref() == Some(&wanted)).then_some(())
            })
            .await;
        }
        assert_eq!(self.followed.pipeline.faults(), 0);
    }
}

/// One of many specs.
fn spec(path: &str, variant: u16) -> Value {
    let pick = |shift: u32, of: u16| (variant >> shift) % of;
    let target = |shift| ["a", "b", "c"][usize::from(pick(shift, 3))];
    match path.rsplit('/').nth(1) {
        None => {
            let filter = ["DROP_ALL", "ALLOW_ALL"][usize::from(pick(0, 2))];
            let preference = ["IPv4_ONLY", "IPv6_PREFERRED", "IPv6_ONLY"][usize::from(pick(1, 3))];
            let discovery = json!({ "ipPreference": preference });
            json!({ "egressFilter": { "type": filter }, "serviceDiscovery": discovery })
        }
        Some("virtualNode") => node_of(variant),
        Some("virtualRouter") => json!({ "listeners": [listener(pick(0, 2))] }),
        Some("route") => {
            let weight = pick(4, 3);
            let action = json!({ "weightedTargets": [
                { "virtualNode": target(0), "weight": weight },
                { "virtualNode": target(7), "weight": 1 },
            ] });
            match pick(3, 2) {
                0 => json!({ "httpRoute": { "match": { "prefix": "/" }, "action": action } }),
                _ => json!({ "tcpRoute": { "action": action } }),
            }
        }
        Some("virtualService") => match pick(0, 2) {
            0 => json!({ "provider": { "virtualNode": { "virtualNodeName": target(1) } } }),
            _ => json!({ "provider": { "virtualRouter": { "virtualRouterName": "r" } } }),
        },
        Some("virtualGateway") => {
            let mut listener = json!({ "portMapping": { "port": 8080, "protocol": "http" } });
            if pick(0, 2) == 0 {
                listener["tls"] = tls(pick(1, 2));
            }
            json!({ "listeners": [listener] })
        }
        _ => {
            let service = ["s.local", "t.local"][usize::from(pick(0, 2))];
            let target = json!({ "virtualService": { "virtualServiceName": service } });
            json!({ "httpRoute": { "match": { "prefix": "/" }, "action": { "target": target } } })
        }
    }
}

fn node_of(variant: u16) -> Value {
    let pick = |shift: u32, of: u16| (variant >> shift) % of;
    let mut listener = listener(pick(0, 2));
    if pick(4, 2) == 0 {
        listener["tls"] = tls(pick(5, 2));
    }
    let discovery = match pick(1, 4) {
        0 => json!({ "awsCloudMap": { "namespaceName": "space", "serviceName": "one" } }),
        1 => json!({ "awsCloudMap": { "namespaceName": "space", "serviceName": "two" } }),
        2 => json!({ "dns": { "hostname": "n.local" } }),
        _ => {
            json!({ "dns": { "hostname": "n.local", "responseType": "ENDPOINTS", "ipPreference": "IPv4_ONLY" } })
        }
    };
    let backends = ["s.local", "t.local"]
        .iter()
        .enumerate()
        .filter(|(number, _)| pick(6 + *number as u32, 2) == 0);
    let backends: Vec<_> = backends
        .map(|(_, name)| json!({ "virtualService": { "virtualServiceName": name } }))
        .collect();
    let mut node = json!({ "listeners": [listener], "serviceDiscovery": discovery, "backends": backends });
    if pick(8, 2) == 0 {
        let trust = json!({ "acm": { "certificateAuthorityArns": [AUTHORITY] } });
        let policy = json!({ "tls": { "enforce": pick(9, 2) == 0, "validation": { "trust": trust } } });
        node["backendDefaults"] = json!({ "clientPolicy": policy });
    }
    node
}

fn listener(tcp: u16) -> Value {
    let (port, protocol) = [(80, "http"), (6379, "tcp")][usize::from(tcp)];
    json!({ "portMapping": { "port": port, "protocol": protocol } })
}

fn tls(certificate: u16) -> Value {
    let arn = CERTIFICATES[usize::from(certificate)];
    json!({ "mode": "STRICT", "certificate": { "acm": { "certificateArn": arn } } })
}
