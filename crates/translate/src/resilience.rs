//! Of a cluster: how its endpoints are checked, and when they are ejected.

use envoy_types::pb::envoy::config::cluster::v3::OutlierDetection;
use envoy_types::pb::envoy::config::core::v3::HealthCheck;
use envoy_types::pb::envoy::config::core::v3::health_check::{
    GrpcHealthCheck, HealthChecker, HttpHealthCheck, TcpHealthCheck,
};
use envoy_types::pb::envoy::config::endpoint::v3::endpoint::HealthCheckConfig;
use envoy_types::pb::envoy::r#type::v3::{CodecClientType, Int64Range};
use evermesh_graph::view;

use crate::common::{duration, flag, number};

/// The checks of a target's endpoints.
pub(crate) fn health_checks(target: &view::Target) -> Vec<HealthCheck> {
    target.health_check.iter().map(health_check).collect()
}

/// Of each of a target's endpoints: which port is checked, if not the one that is called.
pub(crate) fn health_check_config(target: &view::Target) -> Option<HealthCheckConfig> {
    let port = target.health_check.as_ref()?.port?;
    Some(HealthCheckConfig {
        port_value: u32::from(port),
        ..HealthCheckConfig::default()
    })
}

/// When a target's endpoints are ejected: for server errors in a row alone, which is what App Mesh has a field for. What
/// Envoy would also eject for by default, how an endpoint compares with the others, is off.
pub(crate) fn outlier_detection(target: &view::Target) -> Option<OutlierDetection> {
    let detection = target.outlier_detection.as_ref()?;
    Some(OutlierDetection {
        consecutive_5xx: Some(number(detection.server_errors)),
        enforcing_consecutive_5xx: Some(number(100)),
        interval: Some(duration(detection.interval)),
        base_ejection_time: Some(duration(detection.base_ejection)),
        max_ejection_percent: Some(number(detection.max_ejection_percent)),
        // Whatever the percentage (API reference, `OutlierDetection.maxEjectionPercent`).
        always_eject_one_host: Some(flag(true)),
        enforcing_success_rate: Some(number(0)),
        enforcing_failure_percentage: Some(number(0)),
        // Gateway failures are server errors, and are counted as such.
        enforcing_consecutive_gateway_failure: Some(number(0)),
        ..OutlierDetection::default()
    })
}

fn health_check(check: &view::HealthCheck) -> HealthCheck {
    HealthCheck {
        timeout: Some(duration(check.timeout)),
        interval: Some(duration(check.interval)),
        // Otherwise a target that is not called yet would be checked every minute only.
        no_traffic_interval: Some(duration(check.interval)),
        unhealthy_threshold: Some(number(check.unhealthy_threshold)),
        healthy_threshold: Some(number(check.healthy_threshold)),
        health_checker: Some(match &check.checker {
            view::HealthChecker::Http(path) => http(path, CodecClientType::Http1),
            view::HealthChecker::Http2(path) => http(path, CodecClientType::Http2),
            view::HealthChecker::Grpc => HealthChecker::GrpcHealthCheck(GrpcHealthCheck::default()),
            view::HealthChecker::Tcp => HealthChecker::TcpHealthCheck(TcpHealthCheck::default()),
        }),
        ..HealthCheck::default()
    }
}

/// Any response but 200 counts towards the threshold. Otherwise Envoy would go by the first one.
fn http(path: &str, codec: CodecClientType) -> HealthChecker {
    HealthChecker::HttpHealthCheck(HttpHealthCheck {
        path: path.to_owned(),
        codec_client_type: codec.into(),
        retriable_statuses: vec![Int64Range { start: 100, end: 600 }],
        ..HttpHealthCheck::default()
    })
}
