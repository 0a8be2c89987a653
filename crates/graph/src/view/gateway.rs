//! Ports of a virtual gateway, and the routes from there to virtual services.

use serde::{Deserialize, Serialize};

use super::{Limits, Protocol, RequestMatch, Timeouts};

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
    /// What the path becomes.
    pub path_rewrite: PathRewrite,
    /// What the request's host becomes; `None` keeps it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host_rewrite: Option<String>,
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
}
