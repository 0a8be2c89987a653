//! The judge: real Envoys, the pinned one and the oldest, in both forms of the protocol. Each is configured, changed,
//! refuses, is cut off and comes back, under constant load.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::google::protobuf;
use evermesh_testkit::need;
use evermesh_testkit::tools::Tool;
use evermesh_xds_server::testing::fixtures::{eds_cluster, endpoints, listener, routes};
use evermesh_xds_server::{Options, ProxyStatus, ResourceSet, SyncState};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::harness::{Harness, PATIENCE};
use crate::relay::Relay;

const NODE: &str = "mesh/m/virtualNode/n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_is_configured_changed_refuses_and_comes_back() {
    lives_through_all(&need!(Tool::Envoy), "GRPC").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_is_configured_changed_refuses_and_comes_back_by_delta() {
    lives_through_all(&need!(Tool::Envoy), "DELTA_GRPC").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oldest_envoy_is_configured_changed_refuses_and_comes_back() {
    lives_through_all(&need!(Tool::EnvoyOldest), "GRPC").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oldest_envoy_is_configured_changed_refuses_and_comes_back_by_delta() {
    lives_through_all(&need!(Tool::EnvoyOldest), "DELTA_GRPC").await;
}

async fn lives_through_all(binary: &Path, api_type: &str) {
    let upstreams = Upstreams {
        one: upstream("one").await,
        two: upstream("two").await,
    };
    let h = Harness::start(Options::default()).await;
    h.source.put(NODE, upstreams.set("one", 1));
    let relay = Relay::to(h.address).await;
    let envoy = Envoy::spawn(binary, relay.address, api_type);

    // Configured.
    let proxy = h
        .proxy("Envoy is in sync", |p| p.in_sync() && p.types.len() == 4)
        .await;
    assert!(proxy.user_agent.starts_with("envoy/1."), "{proxy:?}");
    let admin = envoy.admin().await;
    eventually("Envoy is live", || async {
        get(admin, "/ready").await.is_ok_and(|body| body == "LIVE\n")
    })
    .await;
    let service = listener_address(admin).await;
    assert_eq!(get(service, "/").await.unwrap(), "one");
    let load = Load::start(service);

    // A change goes through: a new cluster, its endpoints, the routes, and the old cluster goes.
    h.source.put(NODE, upstreams.set("two", 1));
    eventually("traffic moves", || async {
        get(service, "/").await.is_ok_and(|body| body == "two")
    })
    .await;
    h.proxy("the change is done", ProxyStatus::in_sync).await;
    eventually("the old cluster is gone", || async {
        !has_cluster(admin, "one").await
    })
    .await;

    // A changed EDS cluster warms again, with the same endpoints.
    h.source.put(NODE, upstreams.set("two", 2));
    eventually("the cluster is replaced", || {
        stat_is(admin, "cluster_manager.cluster_modified", 1)
    })
    .await;
    eventually("no cluster is warming", || {
        stat_is(admin, "cluster_manager.warming_clusters", 0)
    })
    .await;
    h.proxy("the change is done", ProxyStatus::in_sync).await;

    // A bad cluster is refused as a whole, and all goes on as it was.
    h.source.put(NODE, upstreams.set_with_bad_cluster());
    let proxy = h.proxy("Envoy refuses", |p| p.state == SyncState::Rejected).await;
    let nacks: Vec<_> = proxy
        .types
        .iter()
        .filter_map(|status| status.last_nack.as_ref())
        .collect();
    assert_eq!(nacks.len(), 1);
    assert!(nacks[0].reason.contains("ConnectTimeout"), "{nacks:?}");
    assert_eq!(get(service, "/").await.unwrap(), "two");
    h.source.put(NODE, upstreams.set("two", 2));
    h.proxy("Envoy is in sync again", ProxyStatus::in_sync).await;

    // The server restarts with the same configuration: Envoy comes back and is sent nothing.
    let address = h.address;
    h.stop().await;
    let h = Harness::start_at(address, Options::default()).await;
    h.source.put(NODE, upstreams.set("two", 2));
    h.proxy("Envoy is back in sync", |p| p.in_sync() && p.types.len() == 4)
        .await;
    assert_eq!(h.server.stats().pushes(), 0);

    // And it still takes changes.
    h.source.put(NODE, upstreams.set("one", 2));
    eventually("traffic moves back", || async {
        get(service, "/").await.is_ok_and(|body| body == "one")
    })
    .await;
    h.proxy("the change is done", ProxyStatus::in_sync).await;

    // Its routes change and a cluster goes while it is cut off.
    relay.cut();
    h.streams(0).await;
    h.source.put(NODE, upstreams.set("two", 2));
    relay.mend();
    eventually("traffic moves", || async {
        get(service, "/").await.is_ok_and(|body| body == "two")
    })
    .await;
    eventually("the old cluster is gone", || async {
        !has_cluster(admin, "one").await
    })
    .await;
    h.proxy("the change is done", ProxyStatus::in_sync).await;
    load.assert_unharmed().await;
}

struct Upstreams {
    one: SocketAddr,
    two: SocketAddr,
}

impl Upstreams {
    /// All traffic to one of them; `timeout` in seconds is what a test changes of a cluster.
    fn set(&self, name: &str, timeout: i64) -> ResourceSet {
        let address = if name == "one" { self.one } else { self.two };
        ResourceSet::builder()
            .cluster(&cluster(name, timeout))
            .endpoints(&endpoints(name, &[address.port()]))
            .listener(&listener("in", 0, "out"))
            .route(&routes("out", &[name]))
            .build()
    }

    fn set_with_bad_cluster(&self) -> ResourceSet {
        ResourceSet::builder()
            .cluster(&cluster("one", 1))
            .endpoints(&endpoints("one", &[self.one.port()]))
            .cluster(&cluster("bad", 0)) // Envoy wants a timeout above zero
            .listener(&listener("in", 0, "out"))
            .route(&routes("out", &["one", "bad"]))
            .build()
    }
}

fn cluster(name: &str, timeout: i64) -> Cluster {
    let connect_timeout = Some(protobuf::Duration {
        seconds: timeout,
        nanos: 0,
    });
    Cluster {
        connect_timeout,
        ..eds_cluster(name)
    }
}

/// A web server that always answers the same.
async fn upstream(text: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while stream.read(&mut request).await.is_ok_and(|length| length > 0) {
                    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len());
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

struct Envoy {
    directory: TempDir,
    _process: Child,
}

impl Envoy {
    fn spawn(binary: &Path, xds: SocketAddr, api_type: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let process = Command::new(binary)
            .args([
                "--disable-hot-restart",
                "--concurrency",
                "1",
                "--log-level",
                "error",
            ])
            .args(["--config-yaml", &bootstrap(xds, api_type).to_string()])
            .arg("--admin-address-path")
            .arg(directory.path().join("admin"))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be started: {error}", binary.display()));
        Self {
            directory,
            _process: process,
        }
    }

    async fn admin(&self) -> SocketAddr {
        let path = self.directory.path().join("admin");
        let read = || {
            std::fs::read_to_string(&path)
                .ok()
                .and_then(|text| text.trim().parse().ok())
        };
        eventually("Envoy tells its admin address", || async { read().is_some() }).await;
        read().unwrap()
    }
}

fn bootstrap(xds: SocketAddr, api_type: &str) -> serde_json::Value {
    let address = |ip: &str, port: u16| json!({"socket_address": {"address": ip, "port_value": port}});
    let ads = json!({"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"});
    let protocol = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    json!({
        "node": {"id": NODE, "cluster": "test"},
        "admin": {"address": address("127.0.0.1", 0)},
        "dynamic_resources": {
            "ads_config": {
                "api_type": api_type,
                "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}],
            },
            "cds_config": ads,
            "lds_config": ads,
        },
        "static_resources": {"clusters": [{
            "name": "xds",
            "type": "STATIC",
            "connect_timeout": "1s",
            "typed_extension_protocol_options": {protocol: {
                "@type": format!("type.googleapis.com/{protocol}"),
                "explicit_http_config": {"http2_protocol_options": {}},
            }},
            "load_assignment": {"cluster_name": "xds", "endpoints": [{"lb_endpoints": [{
                "endpoint": {"address": address(&xds.ip().to_string(), xds.port())},
            }]}]},
        }]},
    })
}

/// Requests without a pause, in the background.
struct Load {
    stop: Arc<AtomicBool>,
    requests: Arc<AtomicUsize>,
    task: JoinHandle<Vec<String>>,
}

impl Load {
    fn start(service: SocketAddr) -> Self {
        let (stop, requests) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stopped, count) = (stop.clone(), requests.clone());
        let task = tokio::spawn(async move {
            let mut failures = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                failures.extend(get(service, "/").await.err());
                count.fetch_add(1, Ordering::Relaxed);
            }
            failures
        });
        Self { stop, requests, task }
    }

    async fn assert_unharmed(self) {
        self.stop.store(true, Ordering::Relaxed);
        let failures = self.task.await.unwrap();
        let requests = self.requests.load(Ordering::Relaxed);
        assert!(requests > 0);
        assert!(
            failures.is_empty(),
            "{} of {requests} failed: {:?}",
            failures.len(),
            &failures[..1]
        );
    }
}

/// The body of an answer 200; anything else is an error.
async fn get(address: SocketAddr, path: &str) -> Result<String, String> {
    let mut stream = TcpStream::connect(address)
        .await
        .map_err(|error| error.to_string())?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .map_err(|error| error.to_string())?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .await
        .map_err(|error| error.to_string())?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| format!("no answer: {answer:?}"))?;
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(answer);
    }
    if !head.contains("transfer-encoding: chunked") {
        return Ok(body.to_owned());
    }
    // Each chunk is a line with its length, and its text: here the lines of text are what counts.
    let lines = body.split("\r\n").skip(1).step_by(2);
    Ok(lines.collect())
}

async fn has_cluster(admin: SocketAddr, name: &str) -> bool {
    get(admin, "/clusters")
        .await
        .unwrap()
        .lines()
        .any(|line| line.starts_with(&format!("{name}::")))
}

async fn stat_is(admin: SocketAddr, name: &str, value: u64) -> bool {
    get(admin, "/stats?usedonly")
        .await
        .unwrap()
        .lines()
        .any(|line| line == format!("{name}: {value}"))
}

/// Where Envoy has bound its listener on port 0: `in::127.0.0.1:1234`.
async fn listener_address(admin: SocketAddr) -> SocketAddr {
    let text = get(admin, "/listeners").await.unwrap();
    text.trim()
        .strip_prefix("in::")
        .and_then(|address| address.parse().ok())
        .expect("one listener")
}

async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let give_up = tokio::time::Instant::now() + PATIENCE;
    while !condition().await {
        assert!(tokio::time::Instant::now() < give_up, "{what}: did not come true");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
