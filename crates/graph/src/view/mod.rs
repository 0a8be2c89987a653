//! What one proxy is to do: the vocabulary between the two hops.
//!
//! A view is complete and resolved: every default is filled in, every reference followed, every order final. It
//! says what happens to traffic and nothing of how Envoy spells it. Times are milliseconds, 0 disables.
//!
//! Views of one mesh share the services and targets that they have in common, see [`Resolver`](crate::Resolver).

mod egress;
mod gateway;
mod ingress;
mod ip_preference;
mod logging;
mod matching;
mod policy;
mod resilience;
mod route;
mod target;
mod tls;

use serde::{Deserialize, Serialize};

pub use egress::{Egress, EgressHost, HttpService, TcpDestination, TcpService};
pub use gateway::{Destination, GatewayListener, GatewayRoute, PathRewrite, SERVICE_HEADER};
pub use ingress::{AppListener, Ingress};
pub use ip_preference::{IpPreference, Network};
pub use logging::{AccessLog, LogFormat};
pub use matching::{HeaderMatch, HeaderValueMatch, HostMatch, PathMatch, QueryParameterMatch, RequestMatch};
pub use policy::{Limits, RetryOn, RetryPolicy, Timeouts};
pub use resilience::{HealthCheck, HealthChecker, OutlierDetection};
pub use route::{Route, WeightedTarget};
pub use target::{Discovery, Target, TargetKey};
pub use tls::{Certificate, ISSUER_OF, ListenerTls, PeerName, TlsMode, Trust, UpstreamTls, Validation};

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
    /// Which addresses the proxy's own sockets have.
    #[serde(skip_serializing_if = "Network::is_default", default)]
    pub network: Network,
    /// Access log of all listeners.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub access_log: Option<AccessLog>,
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
