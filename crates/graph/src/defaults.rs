//! What holds where a spec says nothing: the defaults that App Mesh gave to Envoy.
//!
//! Sources: App Mesh user guide, pages "Virtual nodes" (timeouts), "Envoy defaults" (retries, circuit breakers),
//! "Meshes" (egress).

use crate::view::{Limits, RetryOn, RetryPolicy, Timeouts};

/// A request may take 15 s and a connection or stream be quiet for 300 s.
pub(crate) const TIMEOUTS: Timeouts = Timeouts {
    request: 15_000,
    idle: 300_000,
};

/// Circuit breakers are as good as off unless a connection pool says otherwise.
pub(crate) const LIMITS: Limits = Limits::UNLIMITED;

/// Route priority of a route that has none.
pub(crate) const PRIORITY: u32 = 1000;

/// Retries of a route that has no policy, and of a service that a virtual node provides.
pub(crate) fn retry_policy() -> RetryPolicy {
    RetryPolicy {
        max_retries: 2,
        per_try_timeout: None,
        on: vec![
            RetryOn::ConnectFailure,
            RetryOn::Reset,
            RetryOn::RefusedStream,
            RetryOn::GrpcUnavailable,
        ],
        status_codes: vec![503],
    }
}
