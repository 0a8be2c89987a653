//! Spec of a route.

use evermesh_shape_derive::Shape;

use super::{
    Duration, GrpcTimeout, HeaderMatch, HttpMethod, HttpPathMatch, HttpQueryParameter, HttpScheme,
    HttpTimeout, TcpTimeout,
};

/// Spec of a route of a virtual router: exactly one of the four protocols.
#[derive(Debug, Clone, Default, PartialEq, Shape)]
pub struct RouteSpec {
    /// Rank among the router's routes; 0 comes first, absent: 1000.
    #[shape(min = 0, max = 1000)]
    pub priority: Option<u32>,
    /// Route of HTTP/1.1 requests.
    pub http_route: Option<HttpRoute>,
    /// Route of HTTP/2 requests.
    pub http2_route: Option<HttpRoute>,
    /// Route of gRPC calls.
    pub grpc_route: Option<GrpcRoute>,
    /// Route of TCP connections.
    pub tcp_route: Option<TcpRoute>,
}

/// Route of HTTP and HTTP/2 requests.
#[derive(Debug, Clone, PartialEq, Shape)]
pub struct HttpRoute {
    /// Which requests.
    pub r#match: HttpRouteMatch,
    /// Where they go.
    pub action: RouteAction,
    /// Retries; absent: the default policy.
    pub retry_policy: Option<HttpRetryPolicy>,
    /// Timeouts; absent: the defaults.
    pub timeout: Option<HttpTimeout>,
}

/// Which HTTP requests a route takes; all that is set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Shape)]
pub struct HttpRouteMatch {
    /// Start of the path, `/` for all.
    #[shape(min = 1)]
    pub prefix: Option<String>,
    /// Whole path.
    pub path: Option<HttpPathMatch>,
    /// Query parameters.
    #[shape(min = 1, max = 10)]
    pub query_parameters: Option<Vec<HttpQueryParameter>>,
    /// Method.
    pub method: Option<HttpMethod>,
    /// Scheme.
    pub scheme: Option<HttpScheme>,
    /// Headers.
    #[shape(min = 1, max = 10)]
    pub headers: Option<Vec<HeaderMatch>>,
    /// Port of the router's listener.
    #[shape(min = 1, max = 65535)]
    pub port: Option<u16>,
}

/// Where a route's traffic goes.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct RouteAction {
    /// Virtual nodes and their shares.
    #[shape(min = 1, max = 10)]
    pub weighted_targets: Vec<WeightedTarget>,
}

/// A virtual node and its share of a route's traffic.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct WeightedTarget {
    /// Name of the node, in the same mesh.
    #[shape(min = 1, max = 255)]
    pub virtual_node: String,
    /// Share relative to the other targets' weights; 0 takes no traffic.
    #[shape(min = 0, max = 100)]
    pub weight: u32,
    /// Listener port of the node.
    #[shape(min = 1, max = 65535)]
    pub port: Option<u16>,
}

/// Retries of HTTP and HTTP/2 requests.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct HttpRetryPolicy {
    /// Most retries of a request.
    #[shape(min = 0)]
    pub max_retries: u32,
    /// Time limit of each try.
    pub per_retry_timeout: Duration,
    /// HTTP events that are retried.
    #[shape(min = 1, max = 25)]
    pub http_retry_events: Option<Vec<HttpRetryPolicyEvent>>,
    /// TCP events that are retried.
    #[shape(min = 1, max = 1)]
    pub tcp_retry_events: Option<Vec<TcpRetryPolicyEvent>>,
}

/// HTTP events that can be retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the API's values")]
pub enum HttpRetryPolicyEvent {
    #[shape(name = "server-error")]
    ServerError,
    #[shape(name = "gateway-error")]
    GatewayError,
    #[shape(name = "client-error")]
    ClientError,
    #[shape(name = "stream-error")]
    StreamError,
}

/// TCP events that can be retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the API's values")]
pub enum TcpRetryPolicyEvent {
    #[shape(name = "connection-error")]
    ConnectionError,
}

/// Route of gRPC calls.
#[derive(Debug, Clone, PartialEq, Shape)]
pub struct GrpcRoute {
    /// Which calls.
    pub r#match: GrpcRouteMatch,
    /// Where they go.
    pub action: RouteAction,
    /// Retries; absent: the default policy.
    pub retry_policy: Option<GrpcRetryPolicy>,
    /// Timeouts; absent: the defaults.
    pub timeout: Option<GrpcTimeout>,
}

/// Which gRPC calls a route takes; all that is set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Shape)]
pub struct GrpcRouteMatch {
    /// Fully qualified service name.
    #[shape(min = 1)]
    pub service_name: Option<String>,
    /// Method; needs the service name.
    #[shape(min = 1, max = 50)]
    pub method_name: Option<String>,
    /// Metadata.
    #[shape(min = 1, max = 10)]
    pub metadata: Option<Vec<HeaderMatch>>,
    /// Port of the router's listener.
    #[shape(min = 1, max = 65535)]
    pub port: Option<u16>,
}

/// Retries of gRPC calls.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct GrpcRetryPolicy {
    /// Most retries of a call.
    #[shape(min = 0)]
    pub max_retries: u32,
    /// Time limit of each try.
    pub per_retry_timeout: Duration,
    /// gRPC status codes that are retried.
    #[shape(min = 1, max = 5)]
    pub grpc_retry_events: Option<Vec<GrpcRetryPolicyEvent>>,
    /// HTTP events that are retried.
    #[shape(min = 1, max = 25)]
    pub http_retry_events: Option<Vec<HttpRetryPolicyEvent>>,
    /// TCP events that are retried.
    #[shape(min = 1, max = 1)]
    pub tcp_retry_events: Option<Vec<TcpRetryPolicyEvent>>,
}

/// gRPC status codes that can be retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the API's values")]
pub enum GrpcRetryPolicyEvent {
    #[shape(name = "cancelled")]
    Cancelled,
    #[shape(name = "deadline-exceeded")]
    DeadlineExceeded,
    #[shape(name = "internal")]
    Internal,
    #[shape(name = "resource-exhausted")]
    ResourceExhausted,
    #[shape(name = "unavailable")]
    Unavailable,
}

/// Route of TCP connections.
#[derive(Debug, Clone, PartialEq, Shape)]
pub struct TcpRoute {
    /// Which connections; absent: all.
    pub r#match: Option<TcpRouteMatch>,
    /// Where they go.
    pub action: RouteAction,
    /// Timeouts; absent: the defaults.
    pub timeout: Option<TcpTimeout>,
}

/// Which TCP connections a route takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Shape)]
pub struct TcpRouteMatch {
    /// Port of the router's listener.
    #[shape(min = 1, max = 65535)]
    pub port: Option<u16>,
}
