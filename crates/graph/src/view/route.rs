//! Routes of virtual services.

use serde::{Deserialize, Serialize};

use super::{RequestMatch, RetryPolicy, TargetKey, Timeouts};

/// A route of a virtual service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    /// Name of the route; the service's name where a virtual node provides it.
    pub name: String,
    /// Requests it takes.
    pub matches: RequestMatch,
    /// Where they go. At least one weight is above 0, or there is no target: then they are answered with 503, because
    /// a route that leads nowhere must not pass its requests on to a less specific one.
    pub targets: Vec<WeightedTarget>,
    /// Timeouts.
    pub timeouts: Timeouts,
    /// Retries.
    pub retry: RetryPolicy,
}

/// A share of a route's traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WeightedTarget {
    /// Where it goes.
    #[serde(flatten)]
    pub target: TargetKey,
    /// How much of it, relative to the other shares.
    pub weight: u32,
}
