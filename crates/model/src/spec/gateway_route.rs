//! Spec of a gateway route.

use evermesh_shape_derive::Shape;

use super::{HeaderMatch, HttpMethod, HttpPathMatch, HttpQueryParameter};

/// Spec of a gateway route: exactly one of the three protocols.
#[derive(Debug, Clone, Default, PartialEq, Eq, Shape)]
pub struct GatewayRouteSpec {
    /// Rank among the gateway's routes; 0 comes first, absent: 1000.
    #[shape(min = 0, max = 1000)]
    pub priority: Option<u32>,
    /// Route of HTTP/1.1 requests.
    pub http_route: Option<HttpGatewayRoute>,
    /// Route of HTTP/2 requests.
    pub http2_route: Option<HttpGatewayRoute>,
    /// Route of gRPC calls.
    pub grpc_route: Option<GrpcGatewayRoute>,
}

/// Gateway route of HTTP and HTTP/2 requests.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct HttpGatewayRoute {
    /// Which requests.
    pub r#match: HttpGatewayRouteMatch,
    /// Where they go, and what is rewritten.
    pub action: HttpGatewayRouteAction,
}

/// Which HTTP requests a gateway route takes; all that is set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Shape)]
pub struct HttpGatewayRouteMatch {
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
    /// Host name.
    pub hostname: Option<GatewayRouteHostnameMatch>,
    /// Headers.
    #[shape(min = 1, max = 10)]
    pub headers: Option<Vec<HeaderMatch>>,
    /// Port of the gateway's listener.
    #[shape(min = 1, max = 65535)]
    pub port: Option<u16>,
}

/// A host name to match.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct GatewayRouteHostnameMatch {
    /// The exact name.
    #[shape(min = 1, max = 253)]
    pub exact: Option<String>,
    /// End of the name.
    #[shape(min = 1, max = 253)]
    pub suffix: Option<String>,
}

/// Where an HTTP gateway route leads.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct HttpGatewayRouteAction {
    /// The virtual service.
    pub target: GatewayRouteTarget,
    /// What of the request is rewritten; absent: host and prefix by default.
    pub rewrite: Option<HttpGatewayRouteRewrite>,
}

/// The virtual service a gateway route leads to.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct GatewayRouteTarget {
    /// Its port; needed when its provider has several listeners.
    #[shape(min = 1, max = 65535)]
    pub port: Option<u16>,
    /// The virtual service.
    pub virtual_service: GatewayRouteVirtualService,
}

/// The virtual service a gateway route leads to.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct GatewayRouteVirtualService {
    /// Name of the service, in the same mesh.
    #[shape(min = 1, max = 255)]
    pub virtual_service_name: String,
}

/// What an HTTP gateway route rewrites.
#[derive(Debug, Clone, Default, PartialEq, Eq, Shape)]
pub struct HttpGatewayRouteRewrite {
    /// The matched prefix.
    pub prefix: Option<HttpGatewayRoutePrefixRewrite>,
    /// The whole path.
    pub path: Option<HttpGatewayRoutePathRewrite>,
    /// The host name.
    pub hostname: Option<GatewayRouteHostnameRewrite>,
}

/// Rewrite of the matched prefix: exactly one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct HttpGatewayRoutePrefixRewrite {
    /// Whether the prefix becomes `/`, which is the default.
    pub default_prefix: Option<DefaultGatewayRouteRewrite>,
    /// What the prefix becomes.
    #[shape(min = 1, max = 255)]
    pub value: Option<String>,
}

/// Rewrite of the whole path.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct HttpGatewayRoutePathRewrite {
    /// What the path becomes.
    #[shape(min = 1, max = 255)]
    pub exact: Option<String>,
}

/// Rewrite of the host name.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct GatewayRouteHostnameRewrite {
    /// Whether the host becomes the virtual service's name, which is the default.
    pub default_target_hostname: Option<DefaultGatewayRouteRewrite>,
}

/// Whether a rewrite that is on by default is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the API's values")]
pub enum DefaultGatewayRouteRewrite {
    #[shape(name = "ENABLED")]
    Enabled,
    #[shape(name = "DISABLED")]
    Disabled,
}

/// Gateway route of gRPC calls.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct GrpcGatewayRoute {
    /// Which calls.
    pub r#match: GrpcGatewayRouteMatch,
    /// Where they go, and what is rewritten.
    pub action: GrpcGatewayRouteAction,
}

/// Which gRPC calls a gateway route takes; all that is set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Shape)]
pub struct GrpcGatewayRouteMatch {
    /// Fully qualified service name.
    #[shape(min = 1)]
    pub service_name: Option<String>,
    /// Host name.
    pub hostname: Option<GatewayRouteHostnameMatch>,
    /// Metadata.
    #[shape(min = 1, max = 10)]
    pub metadata: Option<Vec<HeaderMatch>>,
    /// Port of the gateway's listener.
    #[shape(min = 1, max = 65535)]
    pub port: Option<u16>,
}

/// Where a gRPC gateway route leads.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct GrpcGatewayRouteAction {
    /// The virtual service.
    pub target: GatewayRouteTarget,
    /// What of the call is rewritten; absent: the host.
    pub rewrite: Option<GrpcGatewayRouteRewrite>,
}

/// What a gRPC gateway route rewrites.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct GrpcGatewayRouteRewrite {
    /// The host name.
    pub hostname: Option<GatewayRouteHostnameRewrite>,
}
