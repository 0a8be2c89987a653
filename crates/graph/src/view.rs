//! What one proxy is to do: the vocabulary between the two hops.
//!
//! A view is complete and resolved: every default is filled in, every reference followed, every order final. It
//! says what happens to traffic and nothing of how Envoy spells it. Times are milliseconds, 0 disables.
//!
//! Views of one mesh share the services and targets that they have in common, see [`Resolver`](crate::Resolver).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Port that traffic for the local application is redirected to; the proxy listens there.
pub const INGRESS_PORT: u16 = 15000;
/// Port that the application's own calls are redirected to; the proxy listens there.
pub const EGRESS_PORT: u16 = 15001;

/// All that one proxy is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProxyView {
    /// Name of the mesh.
    pub mesh: String,
    /// Name of the virtual node or gateway.
    pub name: String,
    /// What comes in.
    pub ingress: Ingress,
    /// What goes out.
    pub egress: Egress,
    /// Access log of all listeners.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub access_log: Option<AccessLog>,
}

/// What comes in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ingress {
    /// Of a virtual node: captured traffic for the local application.
    VirtualNode(Vec<AppListener>),
    /// Of a virtual gateway: its own ports.
    VirtualGateway(Vec<GatewayListener>),
}

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the protocols' names")]
pub enum Protocol {
    Http,
    Http2,
    Grpc,
    Tcp,
}

impl Protocol {
    /// Whether requests can be told apart.
    pub fn is_http(self) -> bool {
        self != Self::Tcp
    }

    /// The protocol as names of Envoy resources spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Http2 => "http2",
            Self::Grpc => "grpc",
            Self::Tcp => "tcp",
        }
    }
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
}

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

/// What goes out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Egress {
    /// Whether traffic to anything that is no service of the view may leave.
    pub allow_all: bool,
    /// Services by the port that callers connect to, which is never [`EGRESS_PORT`]. No two services of a view share
    /// a host, in whatever case, with or without a port.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub http_ports: BTreeMap<u16, Vec<Arc<HttpService>>>,
    /// TCP services by the port that callers connect to, which is neither [`EGRESS_PORT`] nor a port of `http_ports`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub tcp_ports: BTreeMap<u16, Arc<TcpService>>,
    /// Every listener of a virtual node that a route of the view leads to, weight 0 included, in order of
    /// [`Target::key`].
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub targets: Vec<Arc<Target>>,
}

/// A virtual service called by HTTP, HTTP/2 or gRPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpService {
    /// Name of the virtual service, which is the host that callers ask for.
    pub name: String,
    /// Routes in the order in which they are tried; none answers every request with 404.
    pub routes: Vec<Route>,
}

/// A virtual service reached by TCP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TcpService {
    /// Name of the virtual service.
    pub name: String,
    /// Name of the route.
    pub route: String,
    /// Where connections go, as for a [`Route`]; none closes them.
    pub targets: Vec<WeightedTarget>,
    /// How long a connection may be quiet.
    pub idle_timeout: u64,
}

/// A route of a virtual service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    /// Name of the route; the service's name where a virtual node provides it.
    pub name: String,
    /// Requests it takes.
    pub matches: RequestMatch,
    /// Where they go. At least one weight is above 0, or there is no target: then they are answered with 503, because
    /// a route that leads nowhere must not pass its requests on to a less specific one.
    pub targets: Vec<WeightedTarget>,
    /// Timeouts.
    pub timeouts: Timeouts,
    /// Retries.
    pub retry: RetryPolicy,
}

/// A share of a route's traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WeightedTarget {
    /// Where it goes.
    #[serde(flatten)]
    pub target: TargetKey,
    /// How much of it, relative to the other shares.
    pub weight: u32,
}

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
}

/// A listener of a virtual node that routes lead to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// What names it.
    pub key: TargetKey,
    /// How its addresses are found.
    pub discovery: Discovery,
}

/// How the addresses of a virtual node are found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Discovery {
    /// By a name whose answer is one load balancer: any of its addresses will do.
    DnsLoadBalancer(String),
    /// By a name whose answer is all endpoints: traffic is spread over them.
    DnsEndpoints(String),
}

/// Which requests a route takes: all that is said must match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestMatch {
    /// The path.
    pub path: PathMatch,
}

/// Which paths a route takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PathMatch {
    /// This one.
    Exact(String),
    /// All that this regular expression (RE2) matches as a whole.
    Regex(String),
    /// All that begin so.
    Prefix(String),
}

/// Timeouts of requests; connections have the idle one only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timeouts {
    /// From the end of the request to the end of the response.
    pub request: u64,
    /// Without any data.
    pub idle: u64,
}

/// Limits on what is sent to an upstream at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// Connections.
    pub connections: u32,
    /// Requests waiting for a connection.
    pub pending_requests: u32,
    /// Requests.
    pub requests: u32,
}

impl Limits {
    /// As good as none: Envoy's counters are signed, and this is the largest.
    pub const UNLIMITED: Self = Self {
        connections: 2_147_483_647,
        pending_requests: 2_147_483_647,
        requests: 2_147_483_647,
    };
}

/// When and how often a request is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetryPolicy {
    /// Most tries after the first.
    pub max_retries: u32,
    /// Time limit of a try; `None`: only the request's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub per_try_timeout: Option<u64>,
    /// What is tried again, ordered and unique.
    pub on: Vec<RetryOn>,
    /// Response codes that are tried again, ordered as the events name them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub status_codes: Vec<u16>,
}

/// What is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(
    missing_docs,
    reason = "events of a connection, a stream or gRPC, by their names"
)]
pub enum RetryOn {
    ConnectFailure,
    Reset,
    RefusedStream,
    GrpcCancelled,
    GrpcDeadlineExceeded,
    GrpcInternal,
    GrpcResourceExhausted,
    GrpcUnavailable,
}

/// Where access logs go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessLog {
    /// File of the proxy's file system.
    pub path: String,
}
