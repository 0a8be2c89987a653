//! What the demonstration plays in: a network, three tasks of an application and a sidecar each, a control plane.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use evermesh_control_plane::{ControlPlane, Forward, Options, ProxyStatus, Sockets};
use evermesh_task::intercept::{Config, Ingress, PortRange};
use evermesh_task::{Exemption, Hosts, Network, NetworkOptions, Task, TaskOptions};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use crate::DemoOptions;
use crate::error::DemoError;
use crate::getting_started::{CLIENT, NODES, VIRTUAL_SERVICE};
use crate::preflight::Programs;
use crate::workload::{Workload, Workspace};

/// Where tasks reach the control plane on the gateway; nobody else is in that network.
const XDS_PORT: u16 = 7071;
const DNS_PORT: u16 = 53;
const APP_PORT: u16 = 80;
const INGRESS_PORT: u16 = 15000;
/// What the name of the virtual service resolves to, as on ECS where the name needs some address: nobody is there, so
/// whoever answers, the sidecar has captured the call.
const NOBODY: Ipv4Addr = Ipv4Addr::new(10, 10, 10, 10);
/// How long proxies may take to have their configuration. Only on a machine that is stuck do they take longer.
const SYNC_LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(5);
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// Everything that runs. Dropping it ends everything at once; [`World::close`] does so in good order.
pub(crate) struct World {
    workloads: Vec<Workload>,
    plane: ControlPlane,
    exemption: Exemption,
    // Alive as long as the tasks need what is in it.
    _network: Network,
    directory: TempDir,
}

/// What each proxy has accepted, by its identity: the versions of its resource types. A change of the configuration
/// is in effect when this is another one.
pub(crate) type Applied = BTreeMap<String, Vec<String>>;

impl World {
    /// Starts everything. There is no mesh yet.
    pub(crate) async fn start(options: &DemoOptions, programs: &Programs) -> Result<Self, DemoError> {
        let directory = make_directory()?;
        let exemption = Exemption::for_programs([&programs.proxy, &programs.envoy]);
        let network = Network::create(NetworkOptions::default())?;
        let interception = exemption.apply(Config {
            ingress: Some(Ingress {
                app_ports: PortRange::try_from(APP_PORT).into_iter().collect(),
                proxy_port: INGRESS_PORT,
            }),
            ..Config::default()
        });
        let task = |(name, _)| {
            network.task(TaskOptions {
                interception: Some(interception.clone()),
                ..TaskOptions::new(name)
            })
        };
        let tasks: Vec<Task> = NODES.into_iter().map(task).collect::<Result<_, _>>()?;
        let hosts = write_hosts(directory.path(), &tasks)?;
        let plane = start_control_plane(options, &network, directory.path(), &hosts).await?;
        let xds = SocketAddr::new(network.gateway(), XDS_PORT);
        let mut workloads = Vec::new();
        for ((name, _), task) in NODES.into_iter().zip(tasks) {
            let workspace = Workspace::create(directory.path(), name, exemption)?;
            workloads.push(Workload::start(name, task, workspace, programs, exemption, xds)?);
        }
        Ok(Self {
            workloads,
            plane,
            exemption,
            _network: network,
            directory,
        })
    }

    /// Where the AWS endpoints listen.
    pub(crate) fn api(&self) -> SocketAddr {
        self.plane.api_addresses()[0]
    }

    /// How the redirect rules know the sidecars.
    pub(crate) fn exemption(&self) -> Exemption {
        self.exemption
    }

    /// Where the logs are, one directory per task.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The task of a virtual node, with what runs in it.
    pub(crate) fn workload(&self, name: &str) -> &Workload {
        let found = self.workloads.iter().find(|workload| workload.name() == name);
        found.expect("only nodes of the walkthrough are asked for")
    }

    /// The task that calls the virtual service.
    pub(crate) fn client(&self) -> &Workload {
        self.workload(CLIENT)
    }

    /// Program and version of the proxies, as they state it.
    pub(crate) fn engine(&self) -> String {
        let first = self.plane.proxies().into_iter().next();
        first.map(|proxy| proxy.user_agent).unwrap_or_default()
    }

    /// What every proxy has accepted; `None` while one is not connected or not in sync.
    fn applied(&self) -> Option<Applied> {
        let proxies = self.plane.proxies();
        let all = proxies.len() == NODES.len() && proxies.iter().all(ProxyStatus::in_sync);
        all.then(|| {
            proxies
                .into_iter()
                .map(|proxy| {
                    let versions = proxy.types.iter().map(|kind| format!("{:?}", kind.acknowledged));
                    (proxy.node_id, versions.collect())
                })
                .collect()
        })
    }

    /// Waits until every proxy has everything it is to have, and that is not `before`; returns what that is.
    pub(crate) async fn until_applied(&self, before: Option<&Applied>) -> Result<Applied, DemoError> {
        let end = Instant::now() + SYNC_LIMIT;
        loop {
            if let Some(now) = self.applied().filter(|now| Some(now) != before) {
                return Ok(now);
            }
            self.check()?;
            if Instant::now() > end {
                return Err(DemoError::NotInSync {
                    waited_s: SYNC_LIMIT.as_secs(),
                    states: self.states(),
                });
            }
            sleep(PAUSE).await;
        }
    }

    /// An error when a program that should run has ended.
    pub(crate) fn check(&self) -> Result<(), DemoError> {
        self.workloads.iter().try_for_each(Workload::check)
    }

    fn states(&self) -> String {
        let proxies = self.plane.proxies();
        if proxies.is_empty() {
            return "none is connected".to_owned();
        }
        let states = proxies.into_iter().map(|proxy| {
            let nacks = proxy.types.iter().filter_map(|kind| kind.last_nack.as_ref());
            let reasons: String = nacks.map(|nack| format!(" ({})", nack.reason)).collect();
            format!("{} {:?}{reasons}", proxy.node_id, proxy.state)
        });
        states.collect::<Vec<_>>().join(", ")
    }

    /// Ends everything and waits for it, a few seconds at most.
    pub(crate) async fn close(self) {
        self.workloads.iter().for_each(Workload::ask_to_stop);
        let ended = async {
            while !self.workloads.iter().all(Workload::has_ended) {
                sleep(PAUSE).await;
            }
        };
        // Whatever is left then dies with its task.
        let _ = timeout(STOP_LIMIT, ended).await;
        drop(self.workloads);
        let _ = timeout(STOP_LIMIT, self.plane.shut_down()).await;
    }
}

/// The proxies' user must be able to reach its own directory in it, and see nothing else.
fn make_directory() -> Result<TempDir, DemoError> {
    let made = tempfile::Builder::new()
        .prefix("evermesh-demo-")
        .permissions(Permissions::from_mode(0o711))
        .tempdir();
    made.map_err(|source| DemoError::File {
        path: std::env::temp_dir(),
        source,
    })
}

fn write_hosts(directory: &Path, tasks: &[Task]) -> Result<Hosts, DemoError> {
    let mut hosts = Hosts::create(directory.join("hosts"))?;
    for ((_, host), task) in NODES.iter().zip(tasks) {
        hosts.set(host, [IpAddr::V4(task.ipv4())])?;
    }
    hosts.set(VIRTUAL_SERVICE, [IpAddr::V4(NOBODY)])?;
    Ok(hosts)
}

/// The AWS endpoints on the machine's loopback, for its user; xDS and DNS on the network's gateway, for the tasks.
async fn start_control_plane(
    options: &DemoOptions,
    network: &Network,
    directory: &Path,
    hosts: &Hosts,
) -> Result<ControlPlane, DemoError> {
    let mut sockets = Sockets {
        api: vec![listen(options.api_listen)?],
        ..Sockets::default()
    };
    let xds = SocketAddr::new(network.gateway(), XDS_PORT);
    let listener = network.run_in(|| TcpListener::bind(xds))?;
    sockets
        .xds
        .push(listener.map_err(|source| DemoError::Listen { address: xds, source })?);
    network
        .run_in(|| sockets.add_dns(SocketAddr::new(network.gateway(), DNS_PORT)))?
        .map_err(DemoError::ControlPlane)?;
    let options = Options {
        hosts: Some(hosts.path().to_owned()),
        // Nothing else can be reached from the tasks.
        forward: Forward::Off,
        ..Options::new(directory.join("data"))
    };
    ControlPlane::start(options, sockets)
        .await
        .map_err(DemoError::ControlPlane)
}

/// Where the user said, or at the usual address, or, when that is taken, at any free port.
fn listen(chosen: Option<SocketAddr>) -> Result<TcpListener, DemoError> {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, 7070));
    let address = chosen.unwrap_or(usual);
    let bound = match TcpListener::bind(address) {
        Err(error) if chosen.is_none() && error.kind() == io::ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        }
        bound => bound,
    };
    bound.map_err(|source| DemoError::Listen { address, source })
}
