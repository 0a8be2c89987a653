//! A control plane on a data directory of its own, short ways to write, and proxies to watch.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use envoy_types::pb::envoy::config::route::v3::route_action::ClusterSpecifier;
use envoy_types::pb::envoy::config::route::v3::weighted_cluster::ClusterWeight;
use envoy_types::pb::envoy::config::route::v3::{Route as EnvoyRoute, RouteConfiguration, route};
use evermesh_control_plane::admin::ProxiesJson;
use evermesh_control_plane::{ControlPlane, Options, ProxyStatus, Sockets};
use evermesh_model::{Resource, ResourceId, Spec, arn};
use evermesh_service::{Caller, CreateRequest, ServiceError, UpdateRequest};
use evermesh_store::{SqliteOptions, SqliteStore};
use evermesh_testkit::{DEADLINE, wait_until_async};
use evermesh_xds_server::ResourceType::{self, Route};
use evermesh_xds_server::testing::{Model, Peer};
use prost::Message;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};

use crate::specs;

pub(crate) const ACCOUNT: &str = "123456789012";

pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) plane: ControlPlane,
}

impl World {
    /// A control plane without resources.
    pub(crate) async fn empty() -> Self {
        Self::on(TempDir::new().unwrap()).await
    }

    /// A control plane with [`specs::mesh`], which is published.
    pub(crate) async fn with_mesh() -> Self {
        let world = Self::empty().await;
        world.create_all(specs::mesh()).await;
        world.published().await;
        world
    }

    /// A control plane on the data of an earlier one.
    pub(crate) async fn on(dir: TempDir) -> Self {
        let plane = ControlPlane::start(options(dir.path()), sockets()).await.unwrap();
        Self { dir, plane }
    }

    /// Ends it; its data is left.
    pub(crate) async fn stop(self) -> TempDir {
        self.plane.shut_down().await;
        self.dir
    }

    pub(crate) async fn restart(self) -> Self {
        Self::on(self.stop().await).await
    }

    pub(crate) async fn create_all(&self, resources: Vec<(&str, Value)>) {
        for (path, value) in resources {
            self.create(path, value).await;
        }
    }

    pub(crate) async fn create(&self, path: &str, value: Value) -> Resource {
        self.try_create(path, value).await.unwrap()
    }

    pub(crate) async fn try_create(&self, path: &str, value: Value) -> Result<Resource, ServiceError> {
        let id = id(path);
        let request = CreateRequest {
            spec: Spec::read(id.kind(), &value).unwrap(),
            id,
            tags: Vec::new(),
            client_token: None,
        };
        self.plane.service().create(&caller(), request).await
    }

    pub(crate) async fn update(&self, path: &str, value: Value) -> Resource {
        let id = id(path);
        let request = UpdateRequest {
            spec: Spec::read(id.kind(), &value).unwrap(),
            id,
            client_token: None,
        };
        self.plane.service().update(&caller(), request).await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) {
        self.plane.service().delete(&caller(), &id(path)).await.unwrap();
    }

    pub(crate) async fn channel(&self) -> Channel {
        let address = self.plane.xds_addresses()[0];
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        endpoint.connect().await.unwrap()
    }

    /// A proxy of `mesh/<path>` that has nothing yet.
    pub(crate) async fn connect(&self, path: &str) -> Peer {
        Peer::start(self.channel().await, Model::new(&format!("mesh/{path}")))
    }

    /// The same, when it has everything.
    pub(crate) async fn proxy(&self, path: &str) -> Peer {
        let peer = self.connect(path).await;
        self.settled(&peer).await;
        peer
    }

    /// Waits until a proxy has clusters, listeners and routes, and all that are connected are in sync.
    pub(crate) async fn settled(&self, peer: &Peer) {
        peer.wait_for("it has routes", |model| !model.version(Route).is_empty())
            .await;
        self.proxies("all are in sync", |proxies| {
            proxies.iter().all(ProxyStatus::in_sync)
        })
        .await;
    }

    /// Waits until the connected proxies are as wanted.
    pub(crate) async fn proxies(
        &self,
        what: &str,
        wanted: impl Fn(&[ProxyStatus]) -> bool,
    ) -> Vec<ProxyStatus> {
        wait_until_async(what, DEADLINE, async || {
            let proxies = self.plane.proxies();
            wanted(&proxies).then_some(proxies)
        })
        .await
    }

    /// An HTTP request to the API's port: status and body.
    pub(crate) async fn http(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.plane.api_addresses()[0]).await.unwrap();
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: e\r\nconnection: close\r\ncontent-length: {length}");
        let request = format!("{head}\r\ncontent-type: application/json\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// Waits until everything that was written is published.
    pub(crate) async fn published(&self) {
        wait_until_async("it is published", DEADLINE, async || {
            let (_, answer) = self.http("GET", "/evermesh/proxies", "").await;
            let answer: ProxiesJson = serde_json::from_str(&answer).unwrap();
            (answer.revision >= answer.stored_revision).then_some(())
        })
        .await;
    }

    /// How many faults of its own the control plane has counted.
    pub(crate) async fn faults(&self) -> u64 {
        let (_, body) = self.http("GET", "/evermesh/diagnostics", "").await;
        serde_json::from_str::<Value>(&body).unwrap()["faults"]
            .as_u64()
            .unwrap()
    }
}

/// A change that arrives at a proxy of its own: then everything that was written before it has been worked off.
pub(crate) struct Sentinel {
    peer: Peer,
    passed: AtomicU32,
}

impl Sentinel {
    pub(crate) async fn in_mesh(world: &World) -> Self {
        Self {
            peer: world.proxy("m/virtualNode/n").await,
            passed: AtomicU32::new(1),
        }
    }

    pub(crate) async fn pass(&self, world: &World) {
        let weight = self.passed.fetch_add(1, Ordering::Relaxed) + 1;
        world
            .update("m/virtualRouter/r/route/x", specs::split(weight, 1))
            .await;
        self.peer
            .wait_for("the sentinel arrives", |model| has_split(model, weight, 1))
            .await;
    }
}

pub(crate) fn options(data_dir: &Path) -> Options {
    Options {
        account: ACCOUNT.to_owned(),
        ..Options::new(data_dir)
    }
}

pub(crate) fn sockets() -> Sockets {
    Sockets::bind(loopback(), loopback(), loopback()).unwrap()
}

pub(crate) fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// The database of a control plane that has stopped.
pub(crate) fn store(dir: &TempDir) -> SqliteStore {
    SqliteStore::open(dir.path().join("evermesh.db"), SqliteOptions::default()).unwrap()
}

pub(crate) fn caller() -> Caller {
    Caller {
        account: ACCOUNT.to_owned(),
        region: "us-west-2".to_owned(),
    }
}

/// `m/virtualNode/n` is that node of the account's mesh.
pub(crate) fn id(path: &str) -> ResourceId {
    arn::parse_node_id(&format!("mesh/{path}"), ACCOUNT).unwrap()
}

/// The types received since so many responses.
pub(crate) fn received(peer: &Peer, since: usize) -> Vec<ResourceType> {
    peer.model().log()[since..]
        .iter()
        .map(|applied| applied.kind)
        .collect()
}

/// How many responses were received.
pub(crate) fn count(peer: &Peer) -> usize {
    peer.model().log().len()
}

/// The weights of every route that splits traffic, each split once.
pub(crate) fn splits(model: &Model) -> BTreeSet<Vec<u32>> {
    let held = model.held(Route);
    let configurations = held
        .values()
        .map(|body| RouteConfiguration::decode(body.value.as_slice()).unwrap());
    let routes = configurations
        .flat_map(|configuration| configuration.virtual_hosts)
        .flat_map(|host| host.routes);
    routes.filter_map(split_of).collect()
}

/// Whether that is the only split.
pub(crate) fn has_split(model: &Model, t1: u32, t2: u32) -> bool {
    splits(model).iter().eq([&vec![t1, t2]])
}

fn split_of(route: EnvoyRoute) -> Option<Vec<u32>> {
    let Some(route::Action::Route(action)) = route.action else {
        return None;
    };
    match action.cluster_specifier {
        Some(ClusterSpecifier::WeightedClusters(split)) => {
            let weight = |cluster: ClusterWeight| cluster.weight.unwrap().value;
            Some(split.clusters.into_iter().map(weight).collect())
        }
        _ => None,
    }
}

/// Everything that a proxy holds, to be compared.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Everything {
    versions: Vec<String>,
    bodies: Vec<(String, Vec<u8>)>,
}

pub(crate) fn everything(model: &Model) -> Everything {
    let kinds = ResourceType::ALL.into_iter();
    let versions = kinds.clone().map(|kind| model.version(kind).to_owned());
    let bodies = kinds.flat_map(|kind| model.held(kind));
    Everything {
        versions: versions.collect(),
        bodies: bodies
            .map(|(name, body)| (name.to_owned(), body.value.clone()))
            .collect(),
    }
}
