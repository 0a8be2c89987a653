//! How callers tell which addresses of a listener are of use: its health check and its outlier detection.

use evermesh_model::spec::{
    Duration, HealthCheckPolicy, Listener, OutlierDetection as OutlierDetectionSpec, PortProtocol,
};

use crate::view::{HealthCheck, HealthChecker, OutlierDetection};

pub(crate) fn health_check(listener: &Listener) -> Option<HealthCheck> {
    let policy = listener.health_check.as_ref()?;
    let checker = match policy.protocol {
        PortProtocol::Http => HealthChecker::Http(path(policy)),
        PortProtocol::Http2 => HealthChecker::Http2(path(policy)),
        PortProtocol::Grpc => HealthChecker::Grpc,
        PortProtocol::Tcp => HealthChecker::Tcp,
    };
    Some(HealthCheck {
        checker,
        port: policy.port.filter(|port| *port != listener.port_mapping.port),
        interval: policy.interval_millis,
        timeout: policy.timeout_millis,
        healthy_threshold: policy.healthy_threshold,
        unhealthy_threshold: policy.unhealthy_threshold,
    })
}

pub(crate) fn outlier_detection(listener: &Listener) -> Option<OutlierDetection> {
    let spec: &OutlierDetectionSpec = listener.outlier_detection.as_ref()?;
    Some(OutlierDetection {
        server_errors: spec.max_server_errors,
        interval: millis(spec.interval),
        base_ejection: millis(spec.base_ejection_duration),
        max_ejection_percent: spec.max_ejection_percent,
    })
}

/// `/` where nothing is said. A path that does not begin with a slash means the one that does: requests have no other.
fn path(policy: &HealthCheckPolicy) -> String {
    let path = policy.path.as_deref().unwrap_or_default();
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

/// Envoy wants these above zero; the API takes nothing else.
fn millis(duration: Duration) -> u64 {
    duration.millis().unwrap_or_default().max(1)
}
