//! Retry policies.

use envoy_types::pb::envoy::config::route::v3::RetryPolicy;
use envoy_types::pb::envoy::config::route::v3::retry_policy::{RetryHostPredicate, retry_host_predicate};
use envoy_types::pb::envoy::extensions::retry::host::previous_hosts::v3::PreviousHostsPredicate;
use envoy_types::util::pack_any;
use evermesh_graph::view::{self, RetryOn};

use crate::common::{duration, number};

/// How often another host is looked for that has not been tried yet.
const HOST_SELECTION_ATTEMPTS: i64 = 5;

pub(crate) fn policy(retry: &view::RetryPolicy) -> RetryPolicy {
    let mut on: Vec<&str> = retry.on.iter().copied().map(envoy_name).collect();
    if !retry.status_codes.is_empty() {
        on.push("retriable-status-codes");
    }
    RetryPolicy {
        retry_on: on.join(","),
        num_retries: Some(number(retry.max_retries)),
        per_try_timeout: retry.per_try_timeout.map(duration),
        retry_host_predicate: vec![RetryHostPredicate {
            name: "envoy.retry_host_predicates.previous_hosts".to_owned(),
            config_type: Some(retry_host_predicate::ConfigType::TypedConfig(pack_any(
                PreviousHostsPredicate {},
            ))),
        }],
        host_selection_retry_max_attempts: HOST_SELECTION_ATTEMPTS,
        retriable_status_codes: retry.status_codes.iter().map(|code| u32::from(*code)).collect(),
        ..RetryPolicy::default()
    }
}

fn envoy_name(on: RetryOn) -> &'static str {
    match on {
        RetryOn::ConnectFailure => "connect-failure",
        RetryOn::Reset => "reset",
        RetryOn::RefusedStream => "refused-stream",
        RetryOn::GrpcCancelled => "cancelled",
        RetryOn::GrpcDeadlineExceeded => "deadline-exceeded",
        RetryOn::GrpcInternal => "internal",
        RetryOn::GrpcResourceExhausted => "resource-exhausted",
        RetryOn::GrpcUnavailable => "unavailable",
    }
}
