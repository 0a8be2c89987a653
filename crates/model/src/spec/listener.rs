//! Listeners of virtual nodes, and the traffic settings that routers and gateways share with them.

use evermesh_shape_derive::Shape;

use super::ListenerTls;

/// A port of a virtual node's application.
#[derive(Debug, Clone, PartialEq, Shape)]
pub struct Listener {
    /// Port and protocol.
    pub port_mapping: PortMapping,
    /// Limits on what the proxy sends to the application.
    pub connection_pool: Option<VirtualNodeConnectionPool>,
    /// How callers check the tasks.
    pub health_check: Option<HealthCheckPolicy>,
    /// When callers stop using a failing task.
    pub outlier_detection: Option<OutlierDetection>,
    /// Timeouts, for the listener's protocol.
    pub timeout: Option<ListenerTimeout>,
    /// TLS towards callers.
    pub tls: Option<ListenerTls>,
}

/// A port and what is spoken on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Shape)]
pub struct PortMapping {
    /// TCP port.
    #[shape(min = 1, max = 65535)]
    pub port: u16,
    /// Protocol.
    pub protocol: PortProtocol,
}

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Shape)]
#[allow(missing_docs, reason = "the API's values")]
pub enum PortProtocol {
    #[shape(name = "http")]
    Http,
    #[shape(name = "http2")]
    Http2,
    #[shape(name = "grpc")]
    Grpc,
    #[shape(name = "tcp")]
    Tcp,
}

/// A span of time. Both members are needed wherever it is used; see [`Duration::millis`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Shape)]
pub struct Duration {
    /// Unit of the value.
    pub unit: Option<DurationUnit>,
    /// Number of units.
    #[shape(min = 0)]
    pub value: Option<i64>,
}

/// Unit of a [`Duration`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the API's values")]
pub enum DurationUnit {
    #[shape(name = "s")]
    Seconds,
    #[shape(name = "ms")]
    Milliseconds,
}

impl Duration {
    /// Milliseconds, or `None` when a member is absent. Saturates.
    pub fn millis(self) -> Option<u64> {
        let value = u64::try_from(self.value?).ok()?;
        Some(match self.unit? {
            DurationUnit::Seconds => value.saturating_mul(1000),
            DurationUnit::Milliseconds => value,
        })
    }
}

/// Timeouts of a listener, for its protocol.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the union's members")]
pub enum ListenerTimeout {
    Http(HttpTimeout),
    Http2(HttpTimeout),
    Grpc(GrpcTimeout),
    Tcp(TcpTimeout),
}

/// Timeouts of HTTP and HTTP/2; 0 disables one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Shape)]
pub struct HttpTimeout {
    /// How long a request may take, response included; absent: 15 s.
    pub per_request: Option<Duration>,
    /// How long a connection or stream may be quiet; absent: 300 s.
    pub idle: Option<Duration>,
}

/// Timeouts of gRPC are those of HTTP.
pub type GrpcTimeout = HttpTimeout;

/// Timeouts of TCP; 0 disables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Shape)]
pub struct TcpTimeout {
    /// How long a connection may be quiet.
    pub idle: Option<Duration>,
}

/// Limits of a virtual node's listener, for its protocol.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the union's members")]
pub enum VirtualNodeConnectionPool {
    Http(HttpConnectionPool),
    Http2(Http2ConnectionPool),
    Grpc(GrpcConnectionPool),
    Tcp(TcpConnectionPool),
}

/// Limits of HTTP/1.1.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct HttpConnectionPool {
    /// Most connections at a time.
    #[shape(min = 1)]
    pub max_connections: u32,
    /// Most requests waiting for a connection.
    #[shape(min = 1)]
    pub max_pending_requests: Option<u32>,
}

/// Limits of HTTP/2.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct Http2ConnectionPool {
    /// Most requests at a time.
    #[shape(min = 1)]
    pub max_requests: u32,
}

/// Limits of gRPC are those of HTTP/2.
pub type GrpcConnectionPool = Http2ConnectionPool;

/// Limits of TCP.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct TcpConnectionPool {
    /// Most connections at a time.
    #[shape(min = 1)]
    pub max_connections: u32,
}

/// How callers check that a task is well.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct HealthCheckPolicy {
    /// Successes in a row until a task counts as healthy.
    #[shape(min = 2, max = 10)]
    pub healthy_threshold: u32,
    /// Failures in a row until it counts as unhealthy.
    #[shape(min = 2, max = 10)]
    pub unhealthy_threshold: u32,
    /// Time between checks, in milliseconds.
    #[shape(min = 5000, max = 300000)]
    pub interval_millis: u64,
    /// Time to wait for an answer, in milliseconds.
    #[shape(min = 2000, max = 60000)]
    pub timeout_millis: u64,
    /// Protocol of the check.
    pub protocol: PortProtocol,
    /// Port; absent: the listener's.
    #[shape(min = 1, max = 65535)]
    pub port: Option<u16>,
    /// Path of an HTTP check.
    pub path: Option<String>,
}

/// When callers stop using a failing task.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct OutlierDetection {
    /// Server errors in a row until a task is ejected.
    #[shape(min = 1)]
    pub max_server_errors: u32,
    /// Time between ejection sweeps.
    pub interval: Duration,
    /// How long a first ejection lasts.
    pub base_ejection_duration: Duration,
    /// Most tasks ejected at a time, in percent.
    #[shape(min = 0, max = 100)]
    pub max_ejection_percent: u32,
}
