//! The settings of interception, whatever they were read from. Knows neither variables nor rules.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::ports::PortRange;

/// What is redirected and what is exempt.
///
/// `Config::default()` has the constants of ECS and of the user guide's script and exempts nobody: whoever builds
/// one by hand sets at least one of `ignore_uid`, `ignore_gid` and `ignore_mark`, or the proxy's own connections
/// come back to it. [`Config::from_env`] and [`Config::from_proxy_configuration`] insist on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Traffic of processes of this user leaves undisturbed: the user of the proxy, 1337 by convention.
    pub ignore_uid: Option<u32>,
    /// Traffic of processes of this group leaves undisturbed.
    pub ignore_gid: Option<u32>,
    /// Traffic of sockets with this mark (`SO_MARK`) leaves undisturbed. App Mesh has no such setting; it serves
    /// places without a second user, such as a user namespace.
    pub ignore_mark: Option<u32>,
    /// What is done with arriving connections; `None` leaves them alone.
    pub ingress: Option<Ingress>,
    /// Port of the proxy that takes what the application sends.
    pub egress_port: u16,
    /// Destinations that the application reaches directly.
    pub egress_ignored_ips: Vec<IpNet>,
    /// Destination ports that the application reaches directly.
    pub egress_ignored_ports: Vec<PortRange>,
    /// Whether IPv6 traffic is redirected too.
    pub enable_ipv6: bool,
    /// Whether the rules take effect. Without it the chains exist and are empty.
    pub enabled: bool,
}

/// How arriving connections are redirected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ingress {
    /// Ports of the application; others reach their process directly.
    pub app_ports: Vec<PortRange>,
    /// Port of the proxy that takes what arrives at them.
    pub proxy_port: u16,
}

/// Where the agent of ECS serves task credentials, and EC2 its metadata: never through the proxy.
pub(crate) const METADATA_ADDRESSES: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
];

pub(crate) const SSH_PORT: u16 = 22;
pub(crate) const INGRESS_PORT: u16 = 15000;
pub(crate) const EGRESS_PORT: u16 = 15001;

impl Default for Config {
    fn default() -> Self {
        Self {
            ignore_uid: None,
            ignore_gid: None,
            ignore_mark: None,
            ingress: None,
            egress_port: EGRESS_PORT,
            egress_ignored_ips: METADATA_ADDRESSES.map(IpNet::from).to_vec(),
            egress_ignored_ports: PortRange::try_from(SSH_PORT).into_iter().collect(),
            enable_ipv6: true,
            enabled: true,
        }
    }
}
