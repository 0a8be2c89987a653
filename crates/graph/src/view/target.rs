//! Listeners of virtual nodes that routes lead to, and how they are found.

use serde::{Deserialize, Serialize};

use super::{HealthCheck, IpPreference, OutlierDetection, Protocol, UpstreamTls};
use crate::supplied::CloudMapService;

/// A listener of a virtual node, as seen by those who call it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetKey {
    /// Name of the virtual node.
    pub virtual_node: String,
    /// What is spoken to it.
    pub protocol: Protocol,
    /// Its port.
    pub port: u16,
    /// Set where a proxy calls one listener under several client policies: the virtual service whose calls these are.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub called_as: Option<String>,
}

/// A listener of a virtual node that routes lead to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// What names it.
    pub key: TargetKey,
    /// How its addresses are found.
    pub discovery: Discovery,
    /// Which of them are used.
    #[serde(skip_serializing_if = "IpPreference::is_default", default)]
    pub ip_preference: IpPreference,
    /// How they are asked whether they are well; `None`: they are not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub health_check: Option<HealthCheck>,
    /// When one of them takes no traffic for a while; `None`: never.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outlier_detection: Option<OutlierDetection>,
    /// How it is called; `None`: in plain text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tls: Option<UpstreamTls>,
}

/// How the addresses of a virtual node are found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Discovery {
    /// By a name whose answer is one load balancer: any of its addresses will do.
    DnsLoadBalancer(String),
    /// By a name whose answer is all endpoints: traffic is spread over them.
    DnsEndpoints(String),
    /// Through Cloud Map: its instances are supplied, and traffic is spread over them.
    CloudMap(CloudMapService),
}
