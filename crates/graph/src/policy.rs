//! Timeouts, retries and limits: what a spec says of them, over the defaults.

use std::collections::BTreeSet;

use evermesh_model::spec::{
    Duration, GrpcRetryPolicy, GrpcRetryPolicyEvent, HttpRetryPolicy, HttpRetryPolicyEvent, HttpTimeout,
    ListenerTimeout, TcpRetryPolicyEvent, TcpTimeout, VirtualGatewayConnectionPool,
    VirtualNodeConnectionPool,
};

use crate::defaults;
use crate::view::{Limits, RetryOn, RetryPolicy, Timeouts};

pub(crate) fn http_timeouts(timeout: Option<&HttpTimeout>) -> Timeouts {
    let millis = |duration: Option<Duration>| duration.and_then(Duration::millis);
    Timeouts {
        request: timeout
            .and_then(|t| millis(t.per_request))
            .unwrap_or(defaults::TIMEOUTS.request),
        idle: timeout
            .and_then(|t| millis(t.idle))
            .unwrap_or(defaults::TIMEOUTS.idle),
    }
}

pub(crate) fn tcp_idle_timeout(timeout: Option<&TcpTimeout>) -> u64 {
    timeout
        .and_then(|t| t.idle)
        .and_then(Duration::millis)
        .unwrap_or(defaults::TIMEOUTS.idle)
}

pub(crate) fn listener_timeouts(timeout: Option<&ListenerTimeout>) -> Timeouts {
    match timeout {
        None => defaults::TIMEOUTS,
        Some(ListenerTimeout::Http(t) | ListenerTimeout::Http2(t) | ListenerTimeout::Grpc(t)) => {
            http_timeouts(Some(t))
        }
        Some(ListenerTimeout::Tcp(t)) => Timeouts {
            idle: tcp_idle_timeout(Some(t)),
            ..defaults::TIMEOUTS
        },
    }
}

/// The longer of two timeouts, where 0 is none at all and so the longest.
pub(crate) fn longest(a: Timeouts, b: Timeouts) -> Timeouts {
    let longer = |a: u64, b: u64| if a == 0 || b == 0 { 0 } else { a.max(b) };
    Timeouts {
        request: longer(a.request, b.request),
        idle: longer(a.idle, b.idle),
    }
}

pub(crate) fn node_limits(pool: Option<&VirtualNodeConnectionPool>) -> Limits {
    match pool {
        None => defaults::LIMITS,
        Some(VirtualNodeConnectionPool::Http(pool)) => {
            http_limits(pool.max_connections, pool.max_pending_requests)
        }
        Some(VirtualNodeConnectionPool::Http2(pool) | VirtualNodeConnectionPool::Grpc(pool)) => Limits {
            requests: pool.max_requests,
            ..defaults::LIMITS
        },
        Some(VirtualNodeConnectionPool::Tcp(pool)) => http_limits(pool.max_connections, None),
    }
}

pub(crate) fn gateway_limits(pool: Option<&VirtualGatewayConnectionPool>) -> Limits {
    match pool {
        None => defaults::LIMITS,
        Some(VirtualGatewayConnectionPool::Http(pool)) => {
            http_limits(pool.max_connections, pool.max_pending_requests)
        }
        Some(VirtualGatewayConnectionPool::Http2(pool) | VirtualGatewayConnectionPool::Grpc(pool)) => {
            Limits {
                requests: pool.max_requests,
                ..defaults::LIMITS
            }
        }
    }
}

fn http_limits(connections: u32, pending: Option<u32>) -> Limits {
    Limits {
        connections,
        pending_requests: pending.unwrap_or(defaults::LIMITS.pending_requests),
        ..defaults::LIMITS
    }
}

pub(crate) fn http_retry(policy: Option<&HttpRetryPolicy>) -> RetryPolicy {
    let Some(policy) = policy else {
        return defaults::retry_policy();
    };
    let mut retry = Retry::default();
    retry.http(policy.http_retry_events.as_deref());
    retry.tcp(policy.tcp_retry_events.as_deref());
    retry.policy(policy.max_retries, policy.per_retry_timeout)
}

pub(crate) fn grpc_retry(policy: Option<&GrpcRetryPolicy>) -> RetryPolicy {
    let Some(policy) = policy else {
        return defaults::retry_policy();
    };
    let mut retry = Retry::default();
    retry.grpc(policy.grpc_retry_events.as_deref());
    retry.http(policy.http_retry_events.as_deref());
    retry.tcp(policy.tcp_retry_events.as_deref());
    retry.policy(policy.max_retries, policy.per_retry_timeout)
}

/// Retry events, resolved into what they stand for (API reference, `HttpRetryPolicy`, which also says that
/// `server-error` and `gateway-error` include Envoy's `reset`: a server that cuts or times out says no status).
#[derive(Default)]
struct Retry {
    on: BTreeSet<RetryOn>,
    status_codes: Vec<u16>,
}

impl Retry {
    fn http(&mut self, events: Option<&[HttpRetryPolicyEvent]>) {
        for event in events.unwrap_or_default() {
            match event {
                HttpRetryPolicyEvent::ServerError => {
                    self.on.insert(RetryOn::Reset);
                    self.statuses(&[500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511]);
                }
                HttpRetryPolicyEvent::GatewayError => {
                    self.on.insert(RetryOn::Reset);
                    self.statuses(&[502, 503, 504]);
                }
                HttpRetryPolicyEvent::ClientError => self.statuses(&[409]),
                HttpRetryPolicyEvent::StreamError => self.on.extend([RetryOn::Reset, RetryOn::RefusedStream]),
            }
        }
    }

    fn tcp(&mut self, events: Option<&[TcpRetryPolicyEvent]>) {
        for TcpRetryPolicyEvent::ConnectionError in events.unwrap_or_default() {
            self.on.insert(RetryOn::ConnectFailure);
        }
    }

    fn grpc(&mut self, events: Option<&[GrpcRetryPolicyEvent]>) {
        self.on
            .extend(events.unwrap_or_default().iter().map(|event| match event {
                GrpcRetryPolicyEvent::Cancelled => RetryOn::GrpcCancelled,
                GrpcRetryPolicyEvent::DeadlineExceeded => RetryOn::GrpcDeadlineExceeded,
                GrpcRetryPolicyEvent::Internal => RetryOn::GrpcInternal,
                GrpcRetryPolicyEvent::ResourceExhausted => RetryOn::GrpcResourceExhausted,
                GrpcRetryPolicyEvent::Unavailable => RetryOn::GrpcUnavailable,
            }));
    }

    fn statuses(&mut self, codes: &[u16]) {
        for code in codes {
            if !self.status_codes.contains(code) {
                self.status_codes.push(*code);
            }
        }
    }

    fn policy(self, max_retries: u32, per_retry_timeout: Duration) -> RetryPolicy {
        RetryPolicy {
            max_retries,
            per_try_timeout: per_retry_timeout.millis(),
            on: self.on.into_iter().collect(),
            status_codes: self.status_codes,
        }
    }
}
