//! A service on a store of its own, and short ways to ask it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evermesh_model::{Arn, Kind, Resource, ResourceId, Spec, Tag, arn};
use evermesh_service::{
    Caller, CreateRequest, ListRequest, MeshService, Quotas, ServiceError, ServiceOptions, StoreService,
    UpdateRequest,
};
use evermesh_store::{SqliteOptions, SqliteStore, Store};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const OWNER: &str = "123456789012";
pub(crate) const STRANGER: &str = "210987654321";

pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) service: Arc<StoreService>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_quotas(Quotas::default())
    }

    pub(crate) fn with_quotas(quotas: Quotas) -> Self {
        let dir = TempDir::new().unwrap();
        let store = Arc::new(open(&dir));
        let service = Arc::new(service(store.clone(), quotas));
        Self { dir, store, service }
    }

    /// A world with one resource of each kind, see [`all`].
    pub(crate) async fn full() -> Self {
        let world = Self::new();
        for (path, spec) in all() {
            world.create(path, spec).await.unwrap();
        }
        world
    }

    pub(crate) async fn create(&self, path: &str, spec: Value) -> Result<Resource, ServiceError> {
        self.service
            .create(&caller(OWNER), create(path, spec, None))
            .await
    }

    pub(crate) async fn update(&self, path: &str, spec: Value) -> Result<Resource, ServiceError> {
        self.service
            .update(&caller(OWNER), update(path, spec, None))
            .await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Resource, ServiceError> {
        self.service.delete(&caller(OWNER), &id(path)).await
    }

    pub(crate) async fn describe(&self, path: &str) -> Result<Resource, ServiceError> {
        self.service.describe(&caller(OWNER), &id(path)).await
    }

    /// The names of a whole list, and of how many items each page was.
    pub(crate) async fn names(
        &self,
        kind: Kind,
        parent: Option<&str>,
        limit: u32,
    ) -> (Vec<String>, Vec<usize>) {
        let (mut names, mut sizes, mut next_token) = (Vec::new(), Vec::new(), None);
        loop {
            let request = ListRequest {
                next_token,
                ..list(kind, parent, limit)
            };
            let page = self.service.list(&caller(OWNER), request).await.unwrap();
            sizes.push(page.items.len());
            names.extend(page.items.iter().map(|item| item.id.name().to_owned()));
            next_token = page.next_token;
            if next_token.is_none() {
                return (names, sizes);
            }
        }
    }

    /// The keys of the store.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let listing = self.store.list("", Default::default()).await.unwrap();
        listing.entries.into_iter().map(|entry| entry.key).collect()
    }
}

pub(crate) fn open(dir: &TempDir) -> SqliteStore {
    SqliteStore::open(dir.path().join("store.db"), SqliteOptions::default()).unwrap()
}

/// A service whose clock starts at 1000 s and goes forward by one with every look.
pub(crate) fn service(store: Arc<dyn Store>, quotas: Quotas) -> StoreService {
    let seconds = AtomicU64::new(1000);
    let clock = move || second(seconds.fetch_add(1, Ordering::Relaxed));
    let options = ServiceOptions {
        quotas,
        clock: Arc::new(clock),
        ..ServiceOptions::default()
    };
    StoreService::new(store, options)
}

pub(crate) fn second(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(crate) fn caller(account: &str) -> Caller {
    Caller {
        account: account.to_owned(),
        region: "us-west-2".to_owned(),
    }
}

/// `m/virtualNode/n` is that node of the owner's mesh, `m@210987654321/...` one of the stranger's.
pub(crate) fn id(path: &str) -> ResourceId {
    arn::parse_node_id(&format!("mesh/{path}"), OWNER).unwrap()
}

pub(crate) fn arn_of(path: &str) -> Arn {
    Arn::parse(&format!("arn:aws:appmesh:us-west-2:{OWNER}:mesh/{path}")).unwrap()
}

pub(crate) fn spec(kind: Kind, value: &Value) -> Spec {
    Spec::read(kind, value).unwrap()
}

pub(crate) fn create(path: &str, value: Value, token: Option<&str>) -> CreateRequest {
    let id = id(path);
    CreateRequest {
        spec: spec(id.kind(), &value),
        id,
        tags: Vec::new(),
        client_token: token.map(str::to_owned),
    }
}

pub(crate) fn update(path: &str, value: Value, token: Option<&str>) -> UpdateRequest {
    let CreateRequest {
        id,
        spec,
        client_token,
        ..
    } = create(path, value, token);
    UpdateRequest {
        id,
        spec,
        client_token,
    }
}

pub(crate) fn list(kind: Kind, parent: Option<&str>, limit: u32) -> ListRequest {
    ListRequest {
        kind,
        parent: parent.map(id),
        limit: Some(limit),
        next_token: None,
    }
}

pub(crate) fn tag(key: &str, value: &str) -> Tag {
    Tag {
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

/// Resources of all kinds in an order in which they can be created. Something depends on each but the gateway route
/// and the node that is free.
pub(crate) fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("m", json!({})),
        ("m/virtualNode/n", node("n.local")),
        ("m/virtualNode/free", node("free.local")),
        ("m/virtualRouter/r", router(80)),
        ("m/virtualRouter/r/route/x", route("httpRoute", &["n"])),
        ("m/virtualService/s.local", to_router("r")),
        ("m/virtualGateway/g", gateway(80)),
        (
            "m/virtualGateway/g/gatewayRoute/y",
            gateway_route("httpRoute", "s.local"),
        ),
    ]
}

pub(crate) fn node(hostname: &str) -> Value {
    json!({
        "listeners": [{ "portMapping": { "port": 80, "protocol": "http" } }],
        "serviceDiscovery": { "dns": { "hostname": hostname } },
    })
}

pub(crate) fn router(port: u16) -> Value {
    json!({ "listeners": [{ "portMapping": { "port": port, "protocol": "http" } }] })
}

pub(crate) fn gateway(port: u16) -> Value {
    router(port)
}

pub(crate) fn to_node(name: &str) -> Value {
    json!({ "provider": { "virtualNode": { "virtualNodeName": name } } })
}

pub(crate) fn to_router(name: &str) -> Value {
    json!({ "provider": { "virtualRouter": { "virtualRouterName": name } } })
}

/// A route of one protocol to these nodes.
pub(crate) fn route(protocol: &str, nodes: &[&str]) -> Value {
    let targets: Vec<Value> = nodes
        .iter()
        .map(|node| json!({ "virtualNode": node, "weight": 1 }))
        .collect();
    let mut route = json!({ "action": { "weightedTargets": targets } });
    match protocol {
        "tcpRoute" => {}
        "grpcRoute" => route["match"] = json!({}),
        _ => route["match"] = json!({ "prefix": "/" }),
    }
    json!({ protocol: route })
}

/// A gateway route of one protocol to a service.
pub(crate) fn gateway_route(protocol: &str, service: &str) -> Value {
    let request = if protocol == "grpcRoute" {
        json!({})
    } else {
        json!({ "prefix": "/" })
    };
    json!({ protocol: {
        "match": request,
        "action": { "target": { "virtualService": { "virtualServiceName": service } } },
    } })
}
