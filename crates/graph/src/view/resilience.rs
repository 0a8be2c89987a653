//! How callers tell which of a target's addresses are of use: by asking them, and by how their requests fare.

use serde::{Deserialize, Serialize};

/// How the addresses of a target are asked whether they are well. While more than half of them are not, all of them
/// take traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthCheck {
    /// What is asked.
    pub checker: HealthChecker,
    /// Port that is asked; `None`: the target's own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub port: Option<u16>,
    /// Milliseconds between two checks.
    pub interval: u64,
    /// Milliseconds to wait for an answer.
    pub timeout: u64,
    /// Successes in a row after which an address counts as well.
    pub healthy_threshold: u32,
    /// Failures in a row after which it does not.
    pub unhealthy_threshold: u32,
}

/// What an address is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HealthChecker {
    /// Whether it answers a request of this path by HTTP/1.1 with 200.
    Http(String),
    /// The same by HTTP/2.
    Http2(String),
    /// Whether it serves (gRPC Health Checking Protocol), as a whole.
    Grpc,
    /// Whether it takes a connection.
    Tcp,
}

/// When an address of a target takes no traffic for a while because its requests fail. While more than half of them
/// would take none, all of them do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OutlierDetection {
    /// Failures in a row after which it takes none: responses of 5xx, what gRPC has for them, and connections that
    /// fail.
    pub server_errors: u32,
    /// Milliseconds between two looks at who may come back.
    pub interval: u64,
    /// How many milliseconds it takes none, times how often that was so.
    pub base_ejection: u64,
    /// Most addresses that take none at a time, in percent.
    pub max_ejection_percent: u32,
}
