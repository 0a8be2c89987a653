//! Ports of a virtual gateway, and the routes from there to virtual services.

use std::ops::Not;

use serde::{Deserialize, Serialize};

use super::{Limits, ListenerTls, Protocol, RequestMatch, Timeouts};

/// Header by which a gateway tells its own egress where a request goes that keeps its host. It exists between the two
/// only: what comes in with it loses it, and no application gets it.
pub const SERVICE_HEADER: &str = "x-app-mesh-virtual-service";

/// A port of a virtual gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayListener {
    /// Port the proxy listens on.
    pub port: u16,
    /// What is spoken on it.
    pub protocol: Protocol,
    /// Limits on what goes into the mesh.
    pub limits: Limits,
    /// TLS towards callers; `None`: plain text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tls: Option<ListenerTls>,
    /// Routes in the order in which they are tried.
    pub routes: Vec<GatewayRoute>,
}

/// A route from a gateway's port to a virtual service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayRoute {
    /// Name of the gateway route.
    pub name: String,
    /// Requests it takes.
    pub matches: RequestMatch,
    /// Where they go; `None` answers them with 503, because a route that leads nowhere must not pass its requests on
    /// to a less specific one.
    pub destination: Option<Destination>,
}

/// A virtual service behind a gateway route, and what becomes of a request on the way to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Destination {
    /// Name of the virtual service.
    pub virtual_service: String,
    /// Host that leads there in the gateway's own egress, called as an [`EgressHost`](super::EgressHost) is.
    pub host: String,
    /// Whether requests keep the host that they came with. What leads them on then is [`SERVICE_HEADER`], with
    /// [`host`](Self::host) as its value.
    #[serde(skip_serializing_if = "<&bool>::not", default)]
    pub keep_host: bool,
    /// What the path becomes.
    pub path_rewrite: PathRewrite,
    /// Longest timeouts of the service's routes, so that the gateway is never the one to cut a request.
    pub timeouts: Timeouts,
}

/// What becomes of a request's path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PathRewrite {
    /// It is kept.
    Keep,
    /// The matched prefix becomes this.
    Prefix(String),
    /// The whole path becomes this; the query is kept.
    Path(String),
}
