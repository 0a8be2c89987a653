//! Why the server ends a stream, as the status that the proxy reads. Never ends one.

use std::time::Duration;

use thiserror::Error;
use tonic::{Code, Status};

use crate::resource::ResourceType;
use crate::source::Refusal;
use crate::stats::RefusalReason;

/// Why the server ends a stream.
#[derive(Debug, Error)]
pub(crate) enum End {
    #[error("no request came in {0:?}; the first one must carry node.id and type_url")]
    NoRequest(Duration),
    #[error("the first request of a stream must carry a node with an id")]
    NoNode,
    #[error("node.id has {length} bytes; the limit is {limit}")]
    LongNodeId { length: usize, limit: usize },
    #[error("node.id changed from {was:?} to {is:?}; a stream serves one node")]
    NodeChanged { was: String, is: String },
    #[error("{limit} streams of node.id {node_id:?} are open, which is the limit")]
    TooManyStreams { node_id: String, limit: usize },
    #[error("a request names {count} resources of type {kind}; the limit is {limit}")]
    TooManyNames {
        kind: ResourceType,
        count: usize,
        limit: usize,
    },
    #[error("a resource name of type {kind} has {length} bytes; the limit is {limit}")]
    LongName {
        kind: ResourceType,
        length: usize,
        limit: usize,
    },
    #[error("more than {burst} requests came faster than the limit of {rate} a second")]
    TooManyRequests { burst: u32, rate: u32 },
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the configuration of this node has a new source; connect again")]
    SourceGone,
    #[error("this server is shutting down; connect again")]
    ShuttingDown,
    /// The transport failed, or a message could not be decoded or was too large.
    #[error("{}", .0.message())]
    Transport(Status),
}

impl End {
    /// What it counts as; `None` for the ordinary ends of streams.
    pub(crate) fn reason(&self) -> Option<RefusalReason> {
        match self {
            Self::NoRequest(_) => Some(RefusalReason::Silent),
            Self::NoNode | Self::LongNodeId { .. } | Self::NodeChanged { .. } => Some(RefusalReason::Node),
            Self::TooManyStreams { .. } => Some(RefusalReason::StreamsOfNode),
            Self::TooManyNames { .. } => Some(RefusalReason::ResourceNames),
            Self::LongName { .. } => Some(RefusalReason::ResourceNameLength),
            Self::TooManyRequests { .. } => Some(RefusalReason::RequestRate),
            Self::Refused(_) => Some(RefusalReason::Source),
            // The status of a message that is too large, and of nothing else.
            Self::Transport(status) if status.code() == Code::OutOfRange => Some(RefusalReason::MessageSize),
            Self::SourceGone | Self::ShuttingDown | Self::Transport(_) => None,
        }
    }
}

impl From<End> for Status {
    fn from(end: End) -> Self {
        let text = end.to_string();
        match end {
            End::NoRequest(_) => Self::deadline_exceeded(text),
            End::NoNode | End::LongNodeId { .. } | End::NodeChanged { .. } | End::LongName { .. } => {
                Self::invalid_argument(text)
            }
            End::TooManyStreams { .. } | End::TooManyNames { .. } | End::TooManyRequests { .. } => {
                Self::resource_exhausted(text)
            }
            End::Refused(refusal) => refusal.into(),
            End::SourceGone | End::ShuttingDown => Self::unavailable(text),
            End::Transport(status) => status,
        }
    }
}
