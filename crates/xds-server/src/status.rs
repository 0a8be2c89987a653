//! What is known of the connected proxies. Plain values: never a handle on a stream.

use std::net::SocketAddr;
use std::time::SystemTime;

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::config::core::v3::node::UserAgentVersionType;

use crate::resource::{ResourceType, Version};

/// A connected proxy, at the moment of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyStatus {
    /// `node.id`, verbatim.
    pub node_id: String,
    /// `node.cluster`, verbatim, up to 1 KiB.
    pub cluster: String,
    /// The address of the proxy; `None` when it came over a Unix socket.
    pub peer: Option<SocketAddr>,
    /// Program and version, as the proxy states them, up to 1 KiB: `envoy/1.40.0`. Empty when it states none.
    pub user_agent: String,
    /// When its stream began.
    pub connected_since: SystemTime,
    /// How far its configuration has come.
    pub state: SyncState,
    /// The types it subscribed to.
    pub types: Vec<TypeStatus>,
}

impl ProxyStatus {
    pub(crate) fn new(node: &Node, peer: Option<SocketAddr>) -> Self {
        Self {
            node_id: node.id.clone(),
            cluster: cut(&node.cluster).to_owned(),
            peer,
            user_agent: cut(&user_agent(node)).to_owned(),
            connected_since: SystemTime::now(),
            state: SyncState::AwaitingConfiguration,
            types: Vec::new(),
        }
    }

    /// Whether the proxy has accepted everything of its newest configuration that it subscribed to.
    pub fn in_sync(&self) -> bool {
        self.state == SyncState::InSync
    }
}

/// How far the configuration of a proxy has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncState {
    /// There is no configuration for it yet.
    AwaitingConfiguration,
    /// A change is on its way.
    Updating,
    /// It has accepted everything.
    InSync,
    /// It has rejected something, and goes on with what it had.
    Rejected,
}

/// One resource type of a connected proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeStatus {
    /// The type.
    pub kind: ResourceType,
    /// The version last sent, or held since an earlier stream; `None` before that.
    pub sent: Option<Version>,
    /// The version last accepted.
    pub acknowledged: Option<Version>,
    /// The last rejection on this stream. It is history once a later version is accepted: see
    /// [`is_rejected`](Self::is_rejected).
    pub last_nack: Option<Nack>,
}

impl TypeStatus {
    /// Whether the version last sent stands rejected.
    pub fn is_rejected(&self) -> bool {
        self.sent != self.acknowledged && self.last_nack.as_ref().map(|nack| nack.version) == self.sent
    }
}

/// A rejection (NACK).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nack {
    /// The rejected version.
    pub version: Version,
    /// The error text of the proxy, at most 4 KiB.
    pub reason: String,
    /// When it arrived.
    pub at: SystemTime,
}

/// What a proxy says of itself must not fill the memory of the server.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(1024)]
}

fn user_agent(node: &Node) -> String {
    let version = match &node.user_agent_version_type {
        Some(UserAgentVersionType::UserAgentVersion(version)) => version.clone(),
        Some(UserAgentVersionType::UserAgentBuildVersion(build)) => match &build.version {
            Some(v) => format!("{}.{}.{}", v.major_number, v.minor_number, v.patch),
            None => String::new(),
        },
        None => String::new(),
    };
    match (node.user_agent_name.as_str(), version.as_str()) {
        (name, "") => name.to_owned(),
        ("", version) => version.to_owned(),
        (name, version) => format!("{name}/{version}"),
    }
}
