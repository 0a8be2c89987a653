//! Timeouts, limits and retries.

use serde::{Deserialize, Serialize};

/// Timeouts of requests; connections have the idle one only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timeouts {
    /// From the end of the request to the end of the response; milliseconds, 0: no limit.
    pub request: u64,
    /// Without any data; milliseconds, 0: no limit.
    pub idle: u64,
}

/// Limits on what is sent to an upstream at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// Connections.
    pub connections: u32,
    /// Requests waiting for a connection.
    pub pending_requests: u32,
    /// Requests.
    pub requests: u32,
}

impl Limits {
    /// As good as none: Envoy's counters are signed, and this is the largest.
    pub const UNLIMITED: Self = Self {
        connections: 2_147_483_647,
        pending_requests: 2_147_483_647,
        requests: 2_147_483_647,
    };
}

/// When and how often a request is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetryPolicy {
    /// Most tries after the first.
    pub max_retries: u32,
    /// Time limit of a try in milliseconds; `None`: only the request's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub per_try_timeout: Option<u64>,
    /// What is tried again, ordered and unique.
    pub on: Vec<RetryOn>,
    /// Response codes that are tried again, ordered as the events name them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub status_codes: Vec<u16>,
}

/// What is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(
    missing_docs,
    reason = "events of a connection, a stream or gRPC, by their names"
)]
pub enum RetryOn {
    ConnectFailure,
    Reset,
    RefusedStream,
    GrpcCancelled,
    GrpcDeadlineExceeded,
    GrpcInternal,
    GrpcResourceExhausted,
    GrpcUnavailable,
}
