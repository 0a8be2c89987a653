//! The counters of a server as plain values, for whoever shows or exports them. Never counts anything itself.

use std::fmt;

use evermesh_histogram::Distribution;

use crate::resource::{PerType, ResourceType};

/// What a server has done since it was made, and how many streams are open now. Taken counter by counter, so sums
/// of a busy server may be off by what happened meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Connections open now, with and without streams.
    pub connections: u64,
    /// Streams, for each form of the protocol.
    pub streams: [StreamCounts; Protocol::ALL.len()],
    /// Connections and streams that the server refused or ended because of a limit, a refusal of the source or a fault of the
    /// proxy; one number for each of [`RefusalReason::ALL`].
    pub refusals: [u64; RefusalReason::ALL.len()],
    /// Requests received, of any type.
    pub requests: u64,
    /// Responses and what became of them, for each resource type.
    pub types: PerType<ResponseCounts>,
    /// Requests that crossed a newer response, and were ignored.
    pub stale_requests: u64,
    /// Requests for types that are not served, and were ignored.
    pub unknown_types: u64,
    /// From a set being built to its first response being handed to the transport of a stream that it changes.
    pub time_to_send: Distribution,
    /// From a set being built to a proxy having accepted all of it. What a proxy rejects is not in here.
    pub time_to_acknowledge: Distribution,
}

impl Stats {
    /// The streams of one form of the protocol.
    pub fn streams_of(&self, protocol: Protocol) -> StreamCounts {
        self.streams[protocol as usize]
    }

    /// The refusals for one reason.
    pub fn refused(&self, reason: RefusalReason) -> u64 {
        self.refusals[reason as usize]
    }

    /// Streams open now.
    pub fn open_streams(&self) -> u64 {
        self.streams.iter().map(|streams| streams.open).sum()
    }

    /// Refusals of all reasons.
    pub fn all_refusals(&self) -> u64 {
        self.refusals.iter().sum()
    }

    /// Responses sent.
    pub fn pushes(&self) -> u64 {
        self.sum(|counts| counts.pushes)
    }

    /// Responses accepted.
    pub fn acks(&self) -> u64 {
        self.sum(|counts| counts.acks)
    }

    /// Responses rejected.
    pub fn nacks(&self) -> u64 {
        self.sum(|counts| counts.nacks)
    }

    fn sum(&self, number: impl Fn(&ResponseCounts) -> u64) -> u64 {
        ResourceType::ALL
            .into_iter()
            .map(|kind| number(&self.types[kind]))
            .sum()
    }
}

/// The two forms of the xDS protocol over an aggregated stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// `StreamAggregatedResources`: every response states all resources of a type that the proxy is to have.
    StateOfTheWorld,
    /// `DeltaAggregatedResources`: a response states what is new, what has changed and what is gone.
    Delta,
}

impl Protocol {
    /// Both, in the order of their numbers.
    pub const ALL: [Self; 2] = [Self::StateOfTheWorld, Self::Delta];

    /// A short name, as a label of a metric: `sotw`, `delta`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::StateOfTheWorld => "sotw",
            Self::Delta => "delta",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Streams of one form of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Open now.
    pub open: u64,
    /// Accepted so far.
    pub accepted: u64,
}

/// Responses of one resource type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseCounts {
    /// Sent.
    pub pushes: u64,
    /// Accepted.
    pub acks: u64,
    /// Rejected.
    pub nacks: u64,
}

/// Why the server refused a connection or a stream, or ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RefusalReason {
    /// [`Options::max_connections`](crate::Options::max_connections) are open.
    Connections,
    /// A connection had no stream for [`Options::idle_timeout`](crate::Options::idle_timeout).
    IdleConnection,
    /// [`Options::max_streams`](crate::Options::max_streams) are open.
    Streams,
    /// [`Options::max_streams_per_node`](crate::Options::max_streams_per_node) are open for this node id.
    StreamsOfNode,
    /// No request came in [`Options::initial_request_timeout`](crate::Options::initial_request_timeout).
    Silent,
    /// No node id, one that is too long, or one that changed.
    Node,
    /// The source of configuration refused the node.
    Source,
    /// [`Options::request_burst`](crate::Options::request_burst) was used up.
    RequestRate,
    /// A message above [`Options::max_message_size`](crate::Options::max_message_size).
    MessageSize,
    /// More names or versions than [`Options::max_resource_names`](crate::Options::max_resource_names).
    ResourceNames,
    /// A name above [`Options::max_resource_name`](crate::Options::max_resource_name).
    ResourceNameLength,
}

impl RefusalReason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Connections,
        Self::IdleConnection,
        Self::Streams,
        Self::StreamsOfNode,
        Self::Silent,
        Self::Node,
        Self::Source,
        Self::RequestRate,
        Self::MessageSize,
        Self::ResourceNames,
        Self::ResourceNameLength,
    ];

    /// A short name, as a label of a metric: lower case, with underscores.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::IdleConnection => "idle_connection",
            Self::Streams => "streams",
            Self::StreamsOfNode => "streams_of_node",
            Self::Silent => "silent",
            Self::Node => "node",
            Self::Source => "source",
            Self::RequestRate => "request_rate",
            Self::MessageSize => "message_size",
            Self::ResourceNames => "resource_names",
            Self::ResourceNameLength => "resource_name_length",
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
