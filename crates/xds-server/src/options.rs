//! Limits and times of the server. Every input of a proxy has one. Never read from the environment.

use std::time::Duration;

use crate::warming::DEFAULT_WARM_UP;

/// Limits and times; [`Default`] fits a mesh of some thousand proxies.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names this control plane in every response; Envoy shows it in its stat `control_plane.identifier`.
    pub identifier: String,
    /// Connections open at a time, in all places that are listened in; further ones are closed at once. A proxy has one,
    /// so this is above [`max_streams`](Self::max_streams).
    pub max_connections: usize,
    /// A connection that has no stream for this time is closed.
    pub idle_timeout: Duration,
    /// Streams open at a time; more are refused with `RESOURCE_EXHAUSTED`.
    pub max_streams: usize,
    /// Streams open at a time for one node id; more are refused with `RESOURCE_EXHAUSTED`. All proxies of a virtual
    /// node have the same id, so this is the number of its tasks.
    pub max_streams_per_node: usize,
    /// Requests in excess of [`request_rate`](Self::request_rate) that a stream may send at once; one more ends it
    /// with `RESOURCE_EXHAUSTED`. Answers to what it was sent do not count.
    pub request_burst: u32,
    /// Requests per second that a stream may send for as long as it likes, beside its answers.
    pub request_rate: u32,
    /// Bytes of a decoded request. A node that lists all of Envoy's extensions takes some 100 KiB.
    pub max_message_size: usize,
    /// Names that a stream may subscribe to, of one type; more end the stream with `RESOURCE_EXHAUSTED`.
    pub max_resource_names: usize,
    /// Bytes of a resource's name in a request; a longer one ends the stream with `INVALID_ARGUMENT`.
    pub max_resource_name: usize,
    /// Bytes of a node id; a longer one is refused with `INVALID_ARGUMENT`.
    pub max_node_id: usize,
    /// A stream without a request ends after this time with `DEADLINE_EXCEEDED`.
    pub initial_request_timeout: Duration,
    /// An HTTP/2 ping goes out after this time without traffic, so that a dead connection is noticed.
    pub keepalive_interval: Duration,
    /// A connection whose ping is not answered in this time is closed.
    pub keepalive_timeout: Duration,
    /// How long changes of listeners and routes wait after clusters were added whose warming cannot be seen: those
    /// found by DNS or with health checks. Also the most that is waited for the endpoints of an EDS cluster.
    pub warm_up: Duration,
    /// How long streams have to end on shutdown before they are cut.
    pub drain_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            identifier: "evermesh".to_owned(),
            max_connections: 12_000,
            idle_timeout: Duration::from_secs(60), // above the 30 s that Envoy waits at most before it tries again
            max_streams: 10_000,
            max_streams_per_node: 1000,
            request_burst: 1000,
            request_rate: 100,
            max_message_size: 4 << 20,
            max_resource_names: 20_000,
            max_resource_name: 2048,
            max_node_id: 2048, // an ARN with names of 255 characters is below 1,000
            initial_request_timeout: Duration::from_secs(15),
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            warm_up: DEFAULT_WARM_UP,
            drain_timeout: Duration::from_secs(5),
        }
    }
}
