//! Spec of a virtual gateway.

use evermesh_shape_derive::Shape;

use super::{
    BackendDefaults, GrpcConnectionPool, HealthCheckPolicy, Http2ConnectionPool, HttpConnectionPool,
    ListenerTls, Logging, PortMapping,
};

/// Spec of a virtual gateway: the way into the mesh for callers outside it.
#[derive(Debug, Clone, Default, PartialEq, Shape)]
pub struct VirtualGatewaySpec {
    /// What the gateway's proxy listens on.
    pub listeners: Vec<VirtualGatewayListener>,
    /// What holds for every virtual service behind it.
    pub backend_defaults: Option<BackendDefaults>,
    /// Access logs.
    pub logging: Option<Logging>,
}

/// A port of a virtual gateway.
#[derive(Debug, Clone, PartialEq, Shape)]
pub struct VirtualGatewayListener {
    /// Port and protocol; `tcp` is not available on gateways.
    pub port_mapping: PortMapping,
    /// Limits on what the gateway sends into the mesh.
    pub connection_pool: Option<VirtualGatewayConnectionPool>,
    /// Health check of what the listener leads to.
    pub health_check: Option<HealthCheckPolicy>,
    /// TLS towards callers.
    pub tls: Option<ListenerTls>,
}

/// Limits of a gateway listener, for its protocol.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the union's members")]
pub enum VirtualGatewayConnectionPool {
    Http(HttpConnectionPool),
    Http2(Http2ConnectionPool),
    Grpc(GrpcConnectionPool),
}
