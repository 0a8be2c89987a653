//! Links, addresses and routes, through the `ip` command in the network namespace of the calling thread.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use rustix::thread::Pid;

use crate::error::TaskError;
use crate::support::{IP, find_tool};

const BRIDGE: &str = "br0";
/// Locally administered. Without an address of its own a bridge has the lowest of its ports', which changes when a task
/// is plugged in: the gateway then forgets its neighbours, and what it answers them is lost until it finds them again.
const BRIDGE_ADDRESS: &str = "02:65:76:00:00:01";

/// An address in its subnet for each family of the network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) v4: Ipv4Net,
    pub(crate) v6: Option<Ipv6Net>,
}

/// Makes the bridge that joins the tasks.
pub(crate) fn create_bridge(gateway: Addresses) -> Result<(), TaskError> {
    // Snooping would hold back the neighbour discovery of IPv6 until it has learned who is there.
    let mut batch = format!(
        "link set lo up\nlink add {BRIDGE} address {BRIDGE_ADDRESS} type bridge mcast_snooping 0\nlink set {BRIDGE} up\n"
    );
    add_addresses(&mut batch, BRIDGE, gateway);
    ip("create the network's bridge", &batch)
}

/// Plugs a cable between the bridge and `eth0` in the network namespace of thread `task`. For the bridge's side.
pub(crate) fn plug_in(link: &str, task: Pid) -> Result<(), TaskError> {
    let batch = format!(
        "link add {link} type veth peer name eth0 netns {task}\nlink set {link} master {BRIDGE} up\n"
    );
    ip("connect the task to the bridge", &batch)
}

/// Takes the cable out again. For the bridge's side.
pub(crate) fn unplug(link: &str) -> Result<(), TaskError> {
    ip(
        "disconnect the task from the bridge",
        &format!("link delete {link}\n"),
    )
}

/// Gives the task its addresses and its way out. For the task's side.
pub(crate) fn configure(own: Addresses, gateway: Addresses) -> Result<(), TaskError> {
    let mut batch = String::from("link set lo up\nlink set eth0 up\n");
    add_addresses(&mut batch, "eth0", own);
    // Without a route no connection to a virtual service's made-up address would get as far as the redirect rules.
    let _ = writeln!(batch, "route add default via {}", gateway.v4.addr());
    if let Some(v6) = gateway.v6 {
        let _ = writeln!(batch, "route add default via {}", v6.addr());
    }
    ip("configure the task's addresses", &batch)
}

/// Usable at once: nobody else is there whose address it could be, so IPv6 need not look for duplicates.
fn add_addresses(batch: &mut String, link: &str, addresses: Addresses) {
    let v4 = std::iter::once(IpNet::V4(addresses.v4));
    for address in v4.chain(addresses.v6.map(IpNet::V6)) {
        let flags = if matches!(address, IpNet::V6(_)) {
            " nodad"
        } else {
            ""
        };
        // Writing to a string cannot fail.
        let _ = writeln!(batch, "addr add {address} dev {link}{flags}");
    }
}

fn ip(action: &'static str, batch: &str) -> Result<(), TaskError> {
    let (tool, package) = IP;
    let program = find_tool(tool).ok_or(TaskError::MissingTool { tool, package })?;
    let output = run(&program, batch).map_err(|source| TaskError::RunIp { program, source })?;
    if output.status.success() {
        return Ok(());
    }
    Err(TaskError::Ip {
        action,
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

fn run(program: &Path, batch: &str) -> std::io::Result<Output> {
    let mut child = Command::new(program)
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // When ip exits before reading everything, its own message says why.
        let _ = stdin.write_all(batch.as_bytes());
    }
    child.wait_with_output()
}
