//! The network, the control plane on its gateway, and tasks with applications and sidecars.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use evermesh_task::intercept::{Config as Interception, Ingress, PortRange};
use evermesh_task::{Exemption, Hosts, Network, NetworkOptions, Task, TaskOptions};
use evermesh_testkit::aws::{AwsCli, AwsOutput};
use evermesh_testkit::tools::{Tool, binary};
use evermesh_testkit::wait_until;
use tempfile::TempDir;

use crate::app;

const API_PORT: u16 = 7070;
const XDS_PORT: u16 = 7071;
const ADMIN_PORT: u16 = 9901;

/// A network with a control plane, and the AWS CLI pointed at it.
pub struct World {
    network: Network,
    hosts: Hosts,
    control_plane: Child,
    directory: TempDir,
}

/// A task with an application and a sidecar, as on ECS.
pub struct MeshTask {
    task: Task,
    sidecar: Child,
}

impl World {
    /// Starts `evermesh serve` on the gateway of a new network, and waits until it serves.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let network = Network::create(NetworkOptions::default()).expect("a network can be made");
        let hosts = Hosts::create(directory.path().join("hosts")).expect("a hosts file can be written");
        let control_plane = serve(&network, hosts.path(), directory.path());
        let world = Self {
            network,
            hosts,
            control_plane,
            directory,
        };
        wait_until("the control plane serves", evermesh_testkit::DEADLINE, || {
            (world.get("/healthz")?.starts_with("HTTP/1.1 200")).then_some(())
        });
        world
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

    /// Writes a file where the AWS CLI runs.
    pub fn write(&self, name: &str, content: &str) {
        std::fs::write(self.directory.path().join(name), content).expect("a temporary directory is writable");
    }

    /// Gives a name addresses, for everything that asks the control plane's DNS server.
    pub fn name(&mut self, name: &str, task: &MeshTask) {
        self.hosts
            .set(name, [IpAddr::V4(task.task.ipv4())])
            .expect("the hosts file is writable");
    }

    /// Starts a task: an application on port 80 that answers with `name`, and the sidecar of `resource`.
    pub fn task(&self, name: &str, resource: &str) -> MeshTask {
        let proxy = binary("evermesh-proxy");
        let envoy = Tool::Envoy.find().expect("Envoy is installed: run `make tools`");
        let exemption = Exemption::for_programs([&proxy, &envoy]);
        let interception = exemption.apply(Interception {
            ingress: Some(Ingress {
                app_ports: vec![PortRange::new(80, 80).expect("a port")],
                proxy_port: 15000,
            }),
            ..Interception::default()
        });
        let options = TaskOptions {
            interception: Some(interception),
            ..TaskOptions::new(name)
        };
        let task = self.network.task(options).expect("a task can be made");
        let listener = task
            .run_in(|| TcpListener::bind(("0.0.0.0", 80)))
            .expect("the task is there");
        app::serve(listener.expect("port 80 of a new task is free"), name);
        let log = File::create(self.directory.path().join(format!("{name}.log"))).expect("a log can be made");
        let mut command = task
            .command(&proxy)
            .args(["run", "--engine", "envoy"])
            .env("ENVOY_PATH", &envoy)
            .env("APPMESH_RESOURCE_ARN", resource)
            .env("APPMESH_XDS_ENDPOINT", self.address(XDS_PORT).to_string())
            .env("ENVOY_CONCURRENCY", "1")
            .env("ENVOY_LOG_LEVEL", "warning")
            // By default a file in /tmp, which these tasks share with the machine.
            .env("ENVOY_ADMIN_ACCESS_LOG_FILE", "/dev/null")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .exempt(exemption);
        if let Exemption::Mark(mark) = exemption {
            command = command.args(["--socket-mark", &mark.to_string()]);
        }
        let sidecar = command.spawn().expect("the sidecar can be started");
        MeshTask { task, sidecar }
    }

    /// `GET` of one of the control plane's own pages: the whole answer, or `None` while nobody answers.
    pub fn get(&self, path: &str) -> Option<String> {
        let address = self.address(API_PORT);
        self.network
            .run_in(|| get(address, path))
            .expect("the network is there")
    }

    /// Waits until this many proxies are connected and have everything they are to have.
    pub fn wait_until_in_sync(&self, proxies: usize) {
        wait_until(
            &format!("{proxies} proxies are in sync"),
            evermesh_testkit::DEADLINE,
            || {
                let answer = self.get("/evermesh/proxies")?;
                (answer.matches("\"inSync\":true").count() == proxies).then_some(())
            },
        );
    }

    fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.network.gateway(), port)
    }
}

impl MeshTask {
    /// The task itself, for what happens within it.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Waits until the sidecar takes traffic.
    pub fn wait_until_ready(&self) {
        let admin = SocketAddr::from(([127, 0, 0, 1], ADMIN_PORT));
        let what = format!("the sidecar of {} is ready", self.task.name());
        wait_until(&what, evermesh_testkit::DEADLINE, || {
            let answer = self
                .task
                .run_in(|| get(admin, "/ready"))
                .expect("the task is there");
            answer?.contains("LIVE").then_some(())
        });
    }

    /// A statistic of the sidecar's Envoy; 0 when there is none of that name.
    pub fn stat(&self, name: &str) -> u64 {
        let admin = SocketAddr::from(([127, 0, 0, 1], ADMIN_PORT));
        let answer = self
            .task
            .run_in(|| get(admin, &format!("/stats?filter={name}")))
            .expect("the task is there");
        let answer = answer.unwrap_or_default();
        let line = answer
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.and_then(|value| value.trim().parse().ok())
            .unwrap_or_default()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.control_plane.kill();
        let _ = self.control_plane.wait();
        if std::thread::panicking() {
            print_logs(self.directory.path());
        }
    }
}

impl Drop for MeshTask {
    fn drop(&mut self) {
        let _ = self.sidecar.kill();
        let _ = self.sidecar.wait();
    }
}

fn serve(network: &Network, hosts: &Path, directory: &Path) -> Child {
    let gateway = network.gateway();
    let listen = |port: u16| SocketAddr::new(gateway, port).to_string();
    let mut command = Command::new(binary("evermesh"));
    command
        .arg("serve")
        .args(["--data-dir".as_ref(), directory.join("data").as_os_str()])
        .args(["--hosts-file".as_ref(), hosts.as_os_str()])
        .args([
            "--listen",
            &listen(API_PORT),
            "--xds-listen",
            &listen(XDS_PORT),
            "--dns-listen",
            &listen(53),
        ])
        .arg("--insecure-listen")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(directory.join("control-plane.log")).expect("a log can be made"));
    // A child has the network namespace of the thread that starts it.
    let child = network.run_in(|| command.spawn()).expect("the network is there");
    child.expect("evermesh serve can be started")
}

fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// What the programs of a failing test had to say.
fn print_logs(directory: &Path) {
    const TAIL_LINES: usize = 40;
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "log")
        {
            let log = std::fs::read_to_string(entry.path()).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
            eprintln!("--- {}\n{tail}", entry.file_name().display());
        }
    }
}
