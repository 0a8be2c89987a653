//! The network, the tasks in it and the names that they are found by, and the meshes that the control plane is told.

mod control_plane;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::fs::{self, Permissions};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Arc, Weak};

use evermesh_task::{Hosts, Network, NetworkOptions};
use evermesh_testkit::{DEADLINE, wait_until};
use serde_json::Value;
use tempfile::TempDir;

use crate::envoy::Envoy;
use crate::instances::{Instance, Instances};
use crate::names;
use crate::sidecar::Sidecar;
use crate::task::{Address, MeshTask, TaskSpec};
pub use control_plane::Caller;
use control_plane::DNS_PORT;

/// Where the sidecars have their temporary files, in the world's directory.
const TEMPORARY: &str = "tmp";

/// A network with a control plane, and the Envoy that its sidecars run.
pub struct World {
    network: Network,
    hosts: Hosts,
    instances: Instances,
    control_plane: Option<Child>,
    directory: TempDir,
    envoy: Envoy,
    sidecars: Vec<Weak<Sidecar>>,
    /// Names that the control plane's DNS server may not have taken in yet, with their addresses.
    fresh_names: BTreeMap<String, BTreeSet<IpAddr>>,
    caller: Option<Caller>,
    applied: usize,
}

impl World {
    /// Starts `evermesh serve` on the gateway of a new network, and waits until it serves.
    pub fn start(envoy: Envoy) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("evermesh-e2e-")
            // The sidecars' user is to find its certificates.
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .expect("a temporary directory can be made");
        let temporary = directory.path().join(TEMPORARY);
        fs::create_dir(&temporary)
            .and_then(|()| fs::set_permissions(&temporary, Permissions::from_mode(0o1777)))
            .expect("a temporary directory is writable");
        let network = Network::create(NetworkOptions::default()).expect("a network can be made");
        let hosts = Hosts::create(directory.path().join("hosts")).expect("a hosts file can be written");
        let mut world = Self {
            network,
            hosts,
            instances: Instances::at(directory.path().join("instances.json")),
            control_plane: None,
            directory,
            envoy,
            sidecars: Vec::new(),
            fresh_names: BTreeMap::new(),
            caller: None,
            applied: 0,
        };
        world.start_control_plane();
        world
    }

    /// Which Envoy the sidecars run.
    pub fn envoy(&self) -> &Envoy {
        &self.envoy
    }

    /// Brings meshes to what manifests in YAML say (as text, or [`Manifests`](crate::Manifests)), by `evermesh apply`,
    /// and waits until that is in effect: every sidecar that there is has everything it is to have.
    #[track_caller]
    pub fn apply(&mut self, manifests: impl Display) {
        self.submit(manifests, &[]);
        self.settle();
    }

    /// The same, but deletes what is in the mesh and not in the manifests.
    #[track_caller]
    pub fn apply_and_prune(&mut self, mesh: &str, manifests: impl Display) {
        self.submit(manifests, &["--prune", mesh]);
        self.settle();
    }

    /// `evermesh apply` without waiting for sidecars; returns once the change is published.
    ///
    /// # Panics
    /// When the manifests are refused.
    #[track_caller]
    pub fn submit(&mut self, manifests: impl Display, options: &[&str]) {
        let manifests = manifests.to_string();
        self.wait_until_named();
        self.applied += 1;
        let name = format!("manifests-{}.yaml", self.applied);
        self.write(&name, &manifests);
        let mut arguments = vec!["apply", "--filename", &name];
        arguments.extend(options);
        let output = self.evermesh(&arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}\n{manifests}");
        wait_until("the change is published", DEADLINE, || {
            is_published(&self.view("/evermesh/proxies")).then_some(())
        });
    }

    /// Writes a file where programs run; every sidecar can read it under the path that is returned.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, content).expect("a temporary directory is writable");
        path
    }

    /// The directory that [`World::write`] writes to.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Where sidecars have their temporary files: they are killed, and leave them.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.directory.path().join(TEMPORARY)
    }

    /// Gives a name the addresses of tasks, for everything that asks the control plane's DNS server; those that it
    /// had are forgotten.
    pub fn name<A: Address>(&mut self, name: &str, addresses: impl IntoIterator<Item = A>) {
        let addresses: BTreeSet<_> = addresses.into_iter().map(|address| address.address()).collect();
        self.hosts
            .set(name, addresses.iter().copied())
            .expect("the hosts file is writable");
        self.fresh_names.insert(name.to_owned(), addresses);
    }

    /// Gives a service of Cloud Map these instances, and no others. Proxies learn of it on their own.
    pub fn instances(
        &mut self,
        namespace: &str,
        service: &str,
        instances: impl IntoIterator<Item = Instance>,
    ) {
        let instances = instances.into_iter().collect();
        self.instances.set(namespace, service, instances);
    }

    /// Waits until names are answered with the addresses that they were given. [`World::apply`] and
    /// [`World::settle`] begin with this.
    pub fn wait_until_named(&mut self) {
        let fresh = std::mem::take(&mut self.fresh_names);
        for (name, addresses) in &fresh {
            wait_until(&format!("{name} has {addresses:?}"), DEADLINE, || {
                let server = self.address(DNS_PORT);
                let found = self.network.run_in(|| names::addresses(server, name));
                (found.expect("the network is there")? == *addresses).then_some(())
            });
        }
    }

    /// Starts a task. Does not wait for its sidecar: [`World::settle`] and [`World::apply`] do.
    pub fn task(&mut self, spec: TaskSpec) -> MeshTask {
        let task = MeshTask::start(spec, self);
        self.sidecars.extend(task.sidecar().map(Arc::downgrade));
        task
    }

    /// Waits until every sidecar takes traffic, and is configured as the newest revision says.
    #[track_caller]
    pub fn settle(&mut self) {
        self.wait_until_named();
        let sidecars: Vec<Arc<Sidecar>> = self.sidecars.iter().filter_map(Weak::upgrade).collect();
        let is_in_effect = |answer: &Value| {
            let proxies = answer["proxies"].as_array().map_or(&[][..], Vec::as_slice);
            let is_listed = |sidecar: &Arc<Sidecar>| proxies.iter().any(|proxy| sidecar.is(proxy));
            is_published(answer)
                && proxies.len() == sidecars.len()
                && proxies.iter().all(|proxy| proxy["inSync"] == true)
                && sidecars.iter().all(is_listed)
        };
        let began = std::time::Instant::now();
        loop {
            let answer = self.view("/evermesh/proxies");
            if is_in_effect(&answer) {
                break;
            }
            let count = sidecars.len();
            assert!(
                began.elapsed() < DEADLINE,
                "{count} sidecars are not in sync: {answer}"
            );
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        sidecars.iter().for_each(|sidecar| sidecar.wait_until_warm());
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill_control_plane();
        if std::thread::panicking() {
            print_logs(self.directory.path());
        }
    }
}

/// Whether everything that was written before the question is published, by an answer of `/evermesh/proxies`.
fn is_published(answer: &Value) -> bool {
    let revision = |name: &str| answer[name].as_u64().expect("a revision is a number");
    revision("revision") >= revision("storedRevision")
}

/// What the programs of a failing test had to say.
fn print_logs(directory: &Path) {
    const TAIL_LINES: usize = 40;
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "log")
        {
            let log = fs::read_to_string(entry.path()).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
            eprintln!("--- {}\n{tail}", entry.file_name().display());
        }
    }
}
