//! The network, the control plane on its gateway, and the meshes that it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::fs::{self, File, Permissions};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Weak};

use evermesh_task::{Hosts, Network, NetworkOptions};
use evermesh_testkit::aws::{AwsCli, AwsOutput};
use evermesh_testkit::tools::{Tool, binary};
use evermesh_testkit::{DEADLINE, Response, wait_until};
use serde_json::Value;
use tempfile::TempDir;

use crate::envoy::Envoy;
use crate::instances::{Instance, Instances};
use crate::names;
use crate::sidecar::Sidecar;
use crate::task::{Address, MeshTask, TaskSpec};

const API_PORT: u16 = 7070;
const XDS_PORT: u16 = 7071;
const DNS_PORT: u16 = 53;
/// The table of nftables that keeps proxies away.
const REFUSING: &str = "refusing";
/// The credentials file in the world's directory.
const CREDENTIALS: &str = "credentials";
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

/// Who calls the control plane, where that matters: a profile of the credentials file, and its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Name of the profile; its access key and secret are this too.
    pub profile: &'static str,
    /// Account of twelve digits.
    pub account: &'static str,
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

    /// Runs the `evermesh` command in the directory that [`World::write`] writes to, pointed at the control plane.
    pub fn evermesh(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(binary("evermesh"));
        command.args(arguments).current_dir(self.directory.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command
            .env("EVERMESH_ENDPOINT", format!("http://{}", self.address(API_PORT)))
            .env("HOME", self.directory.path())
            .stdin(Stdio::null());
        if let Some(caller) = self.caller {
            command
                .env(
                    "AWS_SHARED_CREDENTIALS_FILE",
                    self.directory.path().join(CREDENTIALS),
                )
                .env("AWS_PROFILE", caller.profile);
        }
        let output = self.network.run_in(|| command.output());
        output
            .expect("the network is there")
            .expect("evermesh can be run")
    }

    /// Starts the control plane anew so that it asks who calls, and knows these; the first one calls from now on.
    pub fn require_credentials(&mut self, callers: &[Caller]) {
        let profile = |Caller { profile, account }: &Caller| {
            format!(
                "[{profile}]\naws_access_key_id = {profile}\naws_secret_access_key = {profile}\n\
                 aws_account_id = {account}\n"
            )
        };
        let profiles: String = callers.iter().map(profile).collect();
        self.write(CREDENTIALS, &profiles);
        self.kill_control_plane();
        self.caller = callers.first().copied();
        self.start_control_plane();
    }

    /// From now on somebody else calls the control plane.
    pub fn act_as(&mut self, caller: Caller) {
        self.caller = Some(caller);
    }

    /// Runs the AWS CLI against the control plane, in the directory that [`World::write`] writes to.
    pub fn aws(&self, arguments: &[String]) -> AwsOutput {
        let program = Tool::Aws
            .find()
            .expect("the AWS CLI is installed: run `make tools`");
        let endpoint = format!("http://{}", self.address(API_PORT));
        let cli = AwsCli::new(&program, endpoint, self.directory.path());
        self.network
            .run_in(|| cli.run(arguments))
            .expect("the network is there")
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

    /// `GET` of one of the control plane's own pages; `None` while nobody answers with 200.
    pub fn get(&self, path: &str) -> Option<String> {
        let address = self.address(API_PORT);
        let answer = self.network.run_in(|| match self.caller {
            Some(caller) => signed_get(address, path, caller),
            None => evermesh_testkit::request(address, "GET", path),
        });
        match answer.expect("the network is there") {
            Ok(Response { status: 200, body }) => Some(body),
            _ => None,
        }
    }

    /// The codes of all diagnostics that there are, in order.
    pub fn diagnostics(&self) -> Vec<String> {
        let view = self.view("/evermesh/diagnostics");
        let found = view["diagnostics"].as_array().cloned().unwrap_or_default();
        found
            .iter()
            .filter_map(|one| Some(one["code"].as_str()?.to_owned()))
            .collect()
    }

    /// Starts the control plane on the data that there is, and waits until it serves.
    ///
    /// # Panics
    /// When it runs already.
    pub fn start_control_plane(&mut self) {
        assert!(self.control_plane.is_none(), "the control plane runs already");
        let mut command = self.serve();
        // A child has the network namespace of the thread that starts it.
        let child = self.network.run_in(|| command.spawn());
        let child = child
            .expect("the network is there")
            .expect("evermesh serve can be started");
        self.control_plane = Some(child);
        wait_until("the control plane serves", DEADLINE, || self.get("/healthz"));
    }

    /// Kills the control plane with SIGKILL.
    pub fn kill_control_plane(&mut self) {
        if let Some(mut process) = self.control_plane.take() {
            process.kill().expect("a child can be killed");
            process.wait().expect("a child can be waited for");
        }
    }

    /// Refuses new connections of proxies to the control plane, until [`World::admit_proxies`].
    pub fn refuse_proxies(&self) {
        let rule = format!("tcp dport {XDS_PORT} tcp flags & (syn | ack) == syn reject with tcp reset");
        let hook = "type filter hook input priority 0";
        self.nft(&format!(
            "add table inet {REFUSING} {{ chain input {{ {hook}; {rule}; }}; }}"
        ));
    }

    /// Lets proxies connect again.
    pub fn admit_proxies(&self) {
        self.nft(&format!("delete table inet {REFUSING}"));
    }

    /// A command of nftables on the gateway.
    fn nft(&self, command: &str) {
        let run = || Command::new("nft").arg(command).output();
        let output = self.network.run_in(run).expect("the network is there");
        let output = output.expect("nft can be run");
        assert!(output.status.success(), "{command}: {output:?}");
    }

    /// Where the control plane keeps its data.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn serve(&self) -> Command {
        let directory = self.directory.path();
        let listen = |port: u16| self.address(port).to_string();
        let log = File::options()
            .create(true)
            .append(true)
            .open(directory.join("control-plane.log"));
        let mut command = Command::new(binary("evermesh"));
        command
            .arg("serve")
            .args(["--data-dir".as_ref(), directory.join("data").as_os_str()])
            .args(["--hosts-file".as_ref(), self.hosts.path().as_os_str()])
            .args(["--cloud-map-file".as_ref(), self.instances.path().as_os_str()])
            .args([
                "--certificates-dir".as_ref(),
                directory.join("certificates").as_os_str(),
            ])
            .args(["--listen", &listen(API_PORT)])
            .args(["--xds-listen", &listen(XDS_PORT)])
            .args(["--dns-listen", &listen(DNS_PORT)])
            // Proxies look names up again when the answer may no longer be kept.
            .args(["--dns-ttl", "1", "--dns-forward", "off"])
            .args(["--log-level", "warn"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("a log can be made"));
        match self.caller {
            Some(_) => command
                .args(["--insecure-listen", "--credentials-file"])
                .arg(directory.join(CREDENTIALS)),
            None => command.arg("--insecure-listen"),
        };
        command
    }

    /// Where sidecars find the control plane.
    pub(crate) fn xds(&self) -> SocketAddr {
        self.address(XDS_PORT)
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.network.gateway(), port)
    }

    fn view(&self, path: &str) -> Value {
        let page = wait_until("the control plane answers", DEADLINE, || self.get(path));
        serde_json::from_str(&page).expect("the control plane's pages are JSON")
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

/// A request signed as for the control plane's own pages, by curl.
fn signed_get(address: SocketAddr, path: &str, caller: Caller) -> std::io::Result<Response> {
    let user = format!("{0}:{0}", caller.profile);
    let output = Command::new("curl")
        .args([
            "--silent",
            "--aws-sigv4",
            "aws:amz:us-west-2:evermesh",
            "--user",
            &user,
        ])
        .args([
            "--write-out",
            "\n%{http_code}",
            &format!("http://{address}{path}"),
        ])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap_or_default();
    let status = status.parse().unwrap_or_default();
    let body = body.to_owned();
    Ok(Response { status, body })
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
