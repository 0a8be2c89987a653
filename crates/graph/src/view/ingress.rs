//! What comes in: ports of the local application, and ports of a virtual gateway.

use serde::{Deserialize, Serialize};

use super::{GatewayListener, Limits, ListenerTls, Protocol, Timeouts};

/// What comes in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ingress {
    /// Of a virtual node: captured traffic for the local application.
    VirtualNode(Vec<AppListener>),
    /// Of a virtual gateway: its own ports.
    VirtualGateway(Vec<GatewayListener>),
}

/// A port of the local application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppListener {
    /// Port the application listens on, and callers connect to.
    pub port: u16,
    /// What is spoken on it.
    pub protocol: Protocol,
    /// Timeouts of requests or connections.
    pub timeouts: Timeouts,
    /// Limits on what the application gets.
    pub limits: Limits,
    /// TLS towards callers; `None`: plain text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tls: Option<ListenerTls>,
}
