//! Where the configuration of a proxy comes from: the seam to whoever builds it. Never says how it is built.

use std::sync::Arc;

use envoy_types::pb::envoy::config::core::v3::Node;
use thiserror::Error;
use tokio::sync::watch;
use tonic::Status;

use crate::set::ResourceSet;

/// Gives each proxy its configuration.
pub trait ConfigSource: Send + Sync + 'static {
    /// Called once per stream, with the node of its first request, on a thread of the async runtime: it must not block.
    ///
    /// `None` in the watch means "not known yet": the stream stays open and is answered when the value appears. A
    /// `None` after a value is ignored, so that a proxy keeps its last good configuration. When the sender is
    /// dropped the stream ends with `UNAVAILABLE`, and the proxy comes back and is asked for anew.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] ends the stream with its status.
    fn subscribe(&self, node: &Node) -> Result<watch::Receiver<Option<Arc<ResourceSet>>>, Refusal>;

    /// What a proxy may hold that another server configured, the one that was here before a restart. `None` when nothing
    /// is known of that, or when it is the newest.
    ///
    /// Called after [`subscribe`](Self::subscribe) for a proxy that says that it holds something.
    fn earlier(&self, _node: &Node) -> Option<Arc<ResourceSet>> {
        None
    }
}

/// Why a proxy gets no configuration. The text is sent to the proxy, and stands in its log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The node is malformed, for example its id; `INVALID_ARGUMENT`.
    #[error("{0}")]
    InvalidNode(String),
    /// The node may not have the configuration it asks for; `PERMISSION_DENIED`.
    #[error("{0}")]
    Denied(String),
    /// A limit of the source is reached; `RESOURCE_EXHAUSTED`.
    #[error("{0}")]
    LimitReached(String),
    /// The source cannot serve anyone at present; `UNAVAILABLE`: the proxy tries again.
    #[error("{0}")]
    Unavailable(String),
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::InvalidNode(why) => Self::invalid_argument(why),
            Refusal::Denied(why) => Self::permission_denied(why),
            Refusal::LimitReached(why) => Self::resource_exhausted(why),
            Refusal::Unavailable(why) => Self::unavailable(why),
        }
    }
}
