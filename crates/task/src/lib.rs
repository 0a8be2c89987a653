//! A task on this machine: network namespace, address, resolver, interception and processes of its own.
//!
//! On ECS every task has a network interface of its own, and the agent redirects its traffic to the sidecar. A
//! [`Network`] and its [`Task`]s are the same on one machine:
//!
//! ```text
//!   this process ── threads and sockets by run_in ──┐
//!                                                   v
//!   network namespace of the Network:   bridge br0, 10.74.0.1 (gateway: control plane, DNS)
//!                                          │ veth        │ veth
//!   namespaces of a Task:               eth0 10.74.0.2   eth0 10.74.0.3     network + mount:
//!                                       redirect rules   redirect rules     own resolv.conf, hosts
//!                                       processes        processes
//! ```
//!
//! Nothing outside those namespaces is changed, and nothing pins them: they are held by file descriptors and threads
//! of this process, so they vanish with it, however it dies. A process started by [`Task::command`] dies with it too;
//! what *that* process starts must look after itself (or be killed by dropping the task).
//!
//! It works as root, and without root in a user namespace: see [`support`]. What runs in the tasks is not this
//! crate's matter.

mod command;
mod error;
mod exemption;
mod home;
mod hosts;
mod link;
mod namespace;
mod network;
mod resolver;
pub mod support;
mod sys;
mod task;

pub use command::Command;
pub use error::TaskError;
pub use evermesh_intercept as intercept;
pub use exemption::{Exemption, PROXY_ID};
pub use hosts::{Hosts, HostsError};
pub use ipnet::{Ipv4Net, Ipv6Net};
pub use network::{Network, NetworkOptions};
pub use task::{Task, TaskOptions};
