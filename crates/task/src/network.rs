//! The network that joins tasks: a bridge in a network namespace of its own, and its addresses.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::{Ipv4Net, Ipv6Net};

use crate::error::TaskError;
use crate::link::{self, Addresses};
use crate::namespace::Namespaces;
use crate::task::{Task, TaskOptions};

/// The subnets of a [`Network`]. The first address of each is the gateway's, the following are the tasks'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkOptions {
    /// IPv4 subnet, /30 or larger; 10.74.0.0/24 by default.
    pub v4: Ipv4Net,
    /// IPv6 subnet, /126 or larger; fd74:6d65:7368::/64 by default. Not used where the kernel has no IPv6.
    pub v6: Ipv6Net,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            v4: Ipv4Net::new_assert(Ipv4Addr::new(10, 74, 0, 0), 24),
            v6: Ipv6Net::new_assert(Ipv6Addr::new(0xfd74, 0x6d65, 0x7368, 0, 0, 0, 0, 0), 64),
        }
    }
}

/// A network of tasks, apart from every other network of this machine: packets neither enter nor leave it.
///
/// Control plane and name server are reachable for the tasks when they listen on [`Network::gateway`], with sockets
/// made in [`Network::run_in`]. The network ends when it and all its tasks are dropped, or with this process.
pub struct Network {
    shared: Arc<Shared>,
}

/// What a network and its tasks share.
pub(crate) struct Shared {
    pub(crate) namespaces: Namespaces,
    options: NetworkOptions,
    has_ipv6: bool,
    /// Positions in the subnets that tasks hold.
    taken: Mutex<BTreeSet<u32>>,
}

impl Network {
    /// Makes the network. Needs the privileges that [`crate::support::check`] speaks of.
    pub fn create(options: NetworkOptions) -> Result<Self, TaskError> {
        let small = |subnet: &dyn ToString| Err(TaskError::SmallSubnet(subnet.to_string()));
        if options.v4.prefix_len() > 30 {
            return small(&options.v4);
        }
        if options.v6.prefix_len() > 126 {
            return small(&options.v6);
        }
        let has_ipv6 = Path::new("/proc/sys/net/ipv6").exists();
        let action = "start a thread";
        let thread = std::thread::Builder::new()
            .name("network".to_owned())
            .spawn(Namespaces::new_network);
        let thread = thread.map_err(|source| TaskError::Namespace { action, source })?;
        let namespaces = thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let shared = Arc::new(Shared {
            namespaces,
            options,
            has_ipv6,
            taken: Mutex::default(),
        });
        let gateway = shared.gateway();
        shared.namespaces.run_in(|| link::create_bridge(gateway))??;
        Ok(Self { shared })
    }

    /// The IPv4 address by which tasks reach what listens for them: the control plane, the name server.
    pub fn gateway(&self) -> IpAddr {
        IpAddr::V4(self.shared.gateway().v4.addr())
    }

    /// The same in IPv6; `None` where the kernel has no IPv6.
    pub fn gateway_v6(&self) -> Option<IpAddr> {
        self.shared.gateway().v6.map(|net| IpAddr::V6(net.addr()))
    }

    /// Runs `body` on a thread that has joined the network's namespace, and waits for it. Sockets made there stay
    /// there, although this process is not: bind `std::net` listeners in `body` and return them (for tokio, after
    /// `set_nonblocking`).
    pub fn run_in<T: Send>(&self, body: impl FnOnce() -> T + Send) -> Result<T, TaskError> {
        self.shared.namespaces.run_in(body)
    }

    /// Makes a task with the next free addresses.
    pub fn task(&self, options: TaskOptions) -> Result<Task, TaskError> {
        Task::create(Arc::clone(&self.shared), options)
    }
}

impl Shared {
    pub(crate) fn gateway(&self) -> Addresses {
        self.addresses(1)
    }

    /// The addresses at a position of the subnets.
    pub(crate) fn addresses(&self, position: u32) -> Addresses {
        let NetworkOptions { v4, v6 } = self.options;
        let v4 = Ipv4Net::new_assert((u32::from(v4.network()) + position).into(), v4.prefix_len());
        let v6 = Ipv6Net::new_assert(
            (u128::from(v6.network()) + u128::from(position)).into(),
            v6.prefix_len(),
        );
        Addresses {
            v4,
            v6: self.has_ipv6.then_some(v6),
        }
    }

    fn taken(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        // A set of numbers is whole after every operation.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last position that is a task's in both subnets: the one after it is the broadcast address of IPv4.
    fn last(&self) -> u32 {
        let v4 = (1u64 << (32 - self.options.v4.prefix_len())) - 2;
        let v6 = (1u128 << (128 - u32::from(self.options.v6.prefix_len())).min(64)) - 2;
        u32::try_from(u128::from(v4).min(v6)).unwrap_or(u32::MAX)
    }
}

/// A position in the subnets, given back when dropped.
pub(crate) struct Lease {
    pub(crate) network: Arc<Shared>,
    pub(crate) position: u32,
}

impl Lease {
    pub(crate) fn take(network: Arc<Shared>) -> Result<Self, TaskError> {
        let last = network.last();
        let mut taken = network.taken();
        let Some(position) = (2..=last).find(|position| !taken.contains(position)) else {
            return Err(TaskError::NoAddress(last - 1));
        };
        taken.insert(position);
        drop(taken);
        Ok(Self { network, position })
    }

    pub(crate) fn addresses(&self) -> Addresses {
        self.network.addresses(self.position)
    }

    /// The name of the bridge's side of the task's cable.
    pub(crate) fn link(&self) -> String {
        format!("task{}", self.position)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.network.taken().remove(&self.position);
    }
}
