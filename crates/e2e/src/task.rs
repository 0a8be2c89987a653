//! Tasks: applications, a sidecar or none, and a place to make connections from.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::process::Stdio;
use std::sync::Arc;

use evermesh_task::intercept::{Config as Interception, Ingress, PortRange};
use evermesh_task::{Exemption, Task, TaskOptions};
use evermesh_testkit::tools::binary;
use serde_json::Value;

use crate::app::{App, Server};
use crate::sidecar::Sidecar;
use crate::world::World;

/// What a task is to be like.
pub struct TaskSpec {
    name: String,
    resource: Option<String>,
    is_gateway: bool,
    apps: Vec<App>,
    environment: Vec<(String, String)>,
}

/// A running task. Dropping it ends everything in it.
pub struct MeshTask {
    // Before the task, whose processes die with it.
    sidecar: Option<Arc<Sidecar>>,
    servers: BTreeMap<u16, Server>,
    task: Arc<Task>,
}

/// What a name can be given as an address.
pub trait Address {
    /// The address.
    fn address(&self) -> IpAddr;
}

impl TaskSpec {
    /// The task of virtual node `name` of mesh `m`: its sidecar gets all traffic of its applications, both ways.
    pub fn node(name: &str) -> Self {
        Self::plain(name).sidecar(&format!("mesh/m/virtualNode/{name}"))
    }

    /// The task of virtual gateway `name` of mesh `m`: a sidecar without application, nothing is redirected.
    pub fn gateway(name: &str) -> Self {
        Self::plain(name).gateway_sidecar(&format!("mesh/m/virtualGateway/{name}"))
    }

    /// A task without a sidecar: somebody outside the mesh.
    pub fn plain(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            resource: None,
            is_gateway: false,
            apps: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// With the sidecar of a virtual node, as `mesh/<mesh>/virtualNode/<name>` or an ARN.
    #[must_use]
    pub fn sidecar(mut self, resource: &str) -> Self {
        self.resource = Some(resource.to_owned());
        self
    }

    /// With the sidecar of a virtual gateway, as `mesh/<mesh>/virtualGateway/<name>` or an ARN.
    #[must_use]
    pub fn gateway_sidecar(mut self, resource: &str) -> Self {
        self.is_gateway = true;
        self.sidecar(resource)
    }

    /// With an application; those who connect to its port from outside reach the sidecar, unless the application is
    /// [past it](App::past_the_sidecar).
    #[must_use]
    pub fn app(mut self, app: App) -> Self {
        self.apps.push(app);
        self
    }

    /// With a variable in the sidecar's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn interception(&self, exemption: Exemption) -> Option<Interception> {
        if self.resource.is_none() || self.is_gateway {
            return None;
        }
        let apps = self.apps.iter().filter(|app| app.is_behind_sidecar);
        let ports = apps.map(|app| PortRange::new(app.port, app.port));
        let app_ports: Vec<_> = ports.map(|port| port.expect("one port is a range")).collect();
        let ingress = (!app_ports.is_empty()).then_some(Ingress {
            app_ports,
            proxy_port: 15000,
        });
        Some(exemption.apply(Interception {
            ingress,
            ..Interception::default()
        }))
    }
}

impl MeshTask {
    pub(crate) fn start(spec: TaskSpec, world: &World) -> Self {
        let programs = [binary("evermesh-proxy"), world.envoy().program().to_owned()];
        let exemption = Exemption::for_programs(&programs);
        let options = TaskOptions {
            interception: spec.interception(exemption),
            ..TaskOptions::new(&spec.name)
        };
        let task = Arc::new(world.network().task(options).expect("a task can be made"));
        let serve = |app: App| {
            let listener = listen(&task, app.address, app.port);
            (app.port, app.serve(listener, &task))
        };
        let servers = spec.apps.into_iter().map(serve).collect();
        let sidecar = spec.resource.map(|resource| {
            let log = world.directory().join(format!("{}.log", spec.name));
            let log = File::create(log).expect("a log can be made");
            let mut command = task
                .command(&programs[0])
                .args(["run", "--engine", "envoy"])
                .env("ENVOY_PATH", &programs[1])
                .env("APPMESH_RESOURCE_ARN", &resource)
                .env("APPMESH_XDS_ENDPOINT", world.xds().to_string())
                .env("ENVOY_CONCURRENCY", "1")
                .env("ENVOY_LOG_LEVEL", "warning")
                .env("TMPDIR", world.temporary())
                // By default a file in /tmp, which these tasks share with the machine.
                .env("ENVOY_ADMIN_ACCESS_LOG_FILE", "/dev/null")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .exempt(exemption);
            for (name, value) in &spec.environment {
                command = command.env(name, value);
            }
            if let Exemption::Mark(mark) = exemption {
                command = command.args(["--socket-mark", &mark.to_string()]);
            }
            let process = command.spawn().expect("the sidecar can be started");
            Arc::new(Sidecar::new(resource, Arc::clone(&task), process))
        });
        Self {
            sidecar,
            servers,
            task,
        }
    }

    /// The task itself, for what happens within it.
    pub fn task(&self) -> &Arc<Task> {
        &self.task
    }

    /// Its IPv4 address.
    pub fn ipv4(&self) -> Ipv4Addr {
        self.task.ipv4()
    }

    /// Its IPv6 address; `None` where the kernel has no IPv6.
    pub fn ipv6(&self) -> Option<Ipv6Addr> {
        self.task.ipv6()
    }

    /// The application on a port.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn app(&self, port: u16) -> &Server {
        let found = self.servers.get(&port);
        found.unwrap_or_else(|| panic!("{} has no application on port {port}", self.task.name()))
    }

    /// A statistic of the sidecar's Envoy; 0 when there is none of that name.
    pub fn stat(&self, name: &str) -> u64 {
        self.stats(name).get(name).copied().unwrap_or_default()
    }

    /// Every counter and gauge of the sidecar's Envoy whose name contains `part`.
    pub fn stats(&self, part: &str) -> BTreeMap<String, u64> {
        self.need_sidecar().stats(part)
    }

    /// What the sidecar's Envoy is configured with: the answer of its `/config_dump`, with endpoints.
    pub fn config_dump(&self) -> Value {
        let dump = self.need_sidecar().get("/config_dump?include_eds");
        let dump = dump.expect("Envoy answers");
        serde_json::from_str(&dump.body).expect("the dump is JSON")
    }

    /// The answer of Envoy's admin interface to a `GET`, or to a `POST` where Envoy wants one.
    pub fn admin(&self, method: &str, path: &str) -> String {
        let answer = self.need_sidecar().request(method, path);
        answer.expect("Envoy answers").body
    }

    pub(crate) fn sidecar(&self) -> Option<&Arc<Sidecar>> {
        self.sidecar.as_ref()
    }

    fn need_sidecar(&self) -> &Sidecar {
        self.sidecar.as_ref().expect("this task has a sidecar")
    }
}

impl Address for &MeshTask {
    fn address(&self) -> IpAddr {
        self.ipv4().into()
    }
}

impl Address for IpAddr {
    fn address(&self) -> IpAddr {
        *self
    }
}

/// On an address, or on all addresses of both families.
fn listen(task: &Task, address: Option<IpAddr>, port: u16) -> TcpListener {
    let bound = task.run_in(|| match address {
        Some(address) => TcpListener::bind((address, port)),
        None => TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))
            .or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))),
    });
    bound
        .expect("the task is there")
        .expect("a port of a new task is free")
}
