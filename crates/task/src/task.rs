//! A task: its namespaces, its place in the network, its rules. Starting processes in it is `command`'s.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use evermesh_intercept as intercept;

use crate::command::Command;
use crate::error::TaskError;
use crate::home::Home;
use crate::link;
use crate::network::{Lease, Shared};
use crate::resolver::{self, Files};
use crate::support;

/// What a task is to be like.
#[derive(Debug, Clone, Default)]
pub struct TaskOptions {
    /// Its name, for messages and its own `/etc/hosts`: 1 to 63 letters, digits and inner hyphens.
    pub name: String,
    /// Who answers its name look-ups, on port 53 (`resolv.conf` knows no other); the gateway by default.
    pub nameserver: Option<IpAddr>,
    /// How its traffic is redirected; not at all by default.
    pub interception: Option<intercept::Config>,
}

impl TaskOptions {
    /// A task that asks the gateway for names and whose traffic is left alone.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

/// A task of a [`crate::Network`]: addresses, resolver, redirect rules and processes of its own.
///
/// Dropping it kills every process in it, also those that its processes started, and takes it off the network.
pub struct Task {
    name: String,
    home: Home,
    lease: Lease,
}

impl Task {
    pub(crate) fn create(network: Arc<Shared>, options: TaskOptions) -> Result<Self, TaskError> {
        check_name(&options.name)?;
        let gateway = network.gateway();
        let lease = Lease::take(network)?;
        let own = lease.addresses();
        let v6 = own.v6.map(|net| IpAddr::V6(net.addr()));
        let files = Files {
            task: options.name.clone(),
            addresses: [IpAddr::V4(own.v4.addr())].into_iter().chain(v6).collect(),
            nameserver: options.nameserver.unwrap_or(IpAddr::V4(gateway.v4.addr())),
        };
        let home = Home::new(move || resolver::install(&files))?;
        let task = Self {
            name: options.name,
            home,
            lease,
        };
        let (link, tid) = (task.lease.link(), task.home.tid());
        task.lease
            .network
            .namespaces
            .run_in(|| link::plug_in(&link, tid))??;
        task.run_in(|| link::configure(own, gateway))??;
        if let Some(config) = &options.interception {
            task.run_in(|| intercept::install(config))?
                .map_err(|source| TaskError::Intercept {
                    task: task.name.clone(),
                    source,
                })?;
        }
        Ok(task)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its IPv4 address.
    pub fn ipv4(&self) -> Ipv4Addr {
        self.lease.addresses().v4.addr()
    }

    /// Its IPv6 address; `None` where the kernel has no IPv6.
    pub fn ipv6(&self) -> Option<Ipv6Addr> {
        self.lease.addresses().v6.map(|net| net.addr())
    }

    /// A program to be run in it.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command<'_> {
        Command::new(self, program.as_ref())
    }

    /// Runs `body` on a thread that has joined the task's network and mount namespaces, and waits for it. Sockets
    /// made there stay there.
    pub fn run_in<T: Send>(&self, body: impl FnOnce() -> T + Send) -> Result<T, TaskError> {
        self.home.namespaces().run_in(body)
    }

    /// The shell words that, before a command, run it in this task: for a person with the user of this process, on
    /// another terminal, for as long as the task lives.
    pub fn nsenter_hint(&self) -> String {
        let user = if support::in_own_user_namespace() {
            " --user --preserve-credentials"
        } else {
            ""
        };
        format!("nsenter --target {}{user} --net --mount", self.home.tid())
    }

    pub(crate) fn home(&self) -> &Home {
        &self.home
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.home.namespaces().kill_processes();
        let link = self.lease.link();
        // Where it fails there is no cable, or the kernel takes it away with the namespace.
        let _ = self.lease.network.namespaces.run_in(|| link::unplug(&link));
    }
}

fn check_name(name: &str) -> Result<(), TaskError> {
    let letters = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if letters && (1..=63).contains(&name.len()) && !name.starts_with('-') && !name.ends_with('-') {
        Ok(())
    } else {
        Err(TaskError::Name(name.to_owned()))
    }
}
