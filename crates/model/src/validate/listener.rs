//! Rules of listeners: what a listener says of its protocol must agree with its port mapping.

use super::{Rules, http_family, tls};
use crate::spec::{
    HealthCheckPolicy, HttpTimeout, Listener, ListenerTimeout, OutlierDetection, PortMapping, PortProtocol,
    VirtualGatewayConnectionPool, VirtualGatewayListener, VirtualNodeConnectionPool,
};

pub(super) fn check(rules: &mut Rules, listener: &Listener) {
    let protocol = listener.port_mapping.protocol;
    if let Some(pool) = &listener.connection_pool {
        agree(rules, "connectionPool", node_pool_protocol(pool), protocol);
    }
    if let Some(timeout) = &listener.timeout {
        agree(rules, "timeout", timeout_protocol(timeout), protocol);
        rules.at("timeout", |rules| check_timeout(rules, timeout));
    }
    if let Some(check) = &listener.health_check {
        rules.at("healthCheck", |rules| {
            health_check(rules, check, listener.port_mapping)
        });
    }
    if let Some(detection) = &listener.outlier_detection {
        rules.at("outlierDetection", |rules| outlier_detection(rules, detection));
    }
    if let Some(tls) = &listener.tls {
        rules.at("tls", |rules| tls::check_listener(rules, tls));
    }
}

pub(super) fn check_gateway(rules: &mut Rules, listener: &VirtualGatewayListener) {
    let protocol = listener.port_mapping.protocol;
    if !http_family(protocol) {
        rules.fail_at(
            "portMapping.protocol",
            "must be one of http, http2, grpc, is \"tcp\"",
        );
    }
    if let Some(pool) = &listener.connection_pool {
        agree(rules, "connectionPool", gateway_pool_protocol(pool), protocol);
    }
    if let Some(check) = &listener.health_check {
        if !http_family(check.protocol) {
            rules.fail_at(
                "healthCheck.protocol",
                "must be one of http, http2, grpc, is \"tcp\"",
            );
        }
        rules.at("healthCheck", |rules| {
            health_check(rules, check, listener.port_mapping)
        });
    }
    if let Some(tls) = &listener.tls {
        rules.at("tls", |rules| tls::check_listener(rules, tls));
    }
}

fn agree(rules: &mut Rules, step: &str, stated: PortProtocol, listener: PortProtocol) {
    if stated != listener {
        rules.fail_at(
            &format!("{step}.{stated}"),
            format!("does not fit the listener, whose protocol is {listener}"),
        );
    }
}

fn node_pool_protocol(pool: &VirtualNodeConnectionPool) -> PortProtocol {
    match pool {
        VirtualNodeConnectionPool::Http(_) => PortProtocol::Http,
        VirtualNodeConnectionPool::Http2(_) => PortProtocol::Http2,
        VirtualNodeConnectionPool::Grpc(_) => PortProtocol::Grpc,
        VirtualNodeConnectionPool::Tcp(_) => PortProtocol::Tcp,
    }
}

fn gateway_pool_protocol(pool: &VirtualGatewayConnectionPool) -> PortProtocol {
    match pool {
        VirtualGatewayConnectionPool::Http(_) => PortProtocol::Http,
        VirtualGatewayConnectionPool::Http2(_) => PortProtocol::Http2,
        VirtualGatewayConnectionPool::Grpc(_) => PortProtocol::Grpc,
    }
}

fn timeout_protocol(timeout: &ListenerTimeout) -> PortProtocol {
    match timeout {
        ListenerTimeout::Http(_) => PortProtocol::Http,
        ListenerTimeout::Http2(_) => PortProtocol::Http2,
        ListenerTimeout::Grpc(_) => PortProtocol::Grpc,
        ListenerTimeout::Tcp(_) => PortProtocol::Tcp,
    }
}

fn check_timeout(rules: &mut Rules, timeout: &ListenerTimeout) {
    let protocol = timeout_protocol(timeout);
    rules.at(protocol.as_str(), |rules| match timeout {
        ListenerTimeout::Http(t) | ListenerTimeout::Http2(t) | ListenerTimeout::Grpc(t) => {
            http_timeout(rules, t)
        }
        ListenerTimeout::Tcp(t) => rules.duration("idle", t.idle),
    });
}

pub(super) fn http_timeout(rules: &mut Rules, timeout: &HttpTimeout) {
    rules.duration("perRequest", timeout.per_request);
    rules.duration("idle", timeout.idle);
}

/// A check of the listener's own port must speak what the listener speaks; a TCP connect always can, and what
/// another port speaks is its own affair. gRPC being HTTP/2, App Mesh takes either as a check of the other. Envoy checks
/// by gRPC only where it also calls by HTTP/2, whatever the port of the check.
fn health_check(rules: &mut Rules, check: &HealthCheckPolicy, mapping: PortMapping) {
    let must_speak =
        check.port.is_none_or(|port| port == mapping.port) || check.protocol == PortProtocol::Grpc;
    let speaks = match check.protocol {
        PortProtocol::Tcp => true,
        PortProtocol::Http => mapping.protocol == PortProtocol::Http,
        PortProtocol::Http2 | PortProtocol::Grpc => {
            matches!(mapping.protocol, PortProtocol::Http2 | PortProtocol::Grpc)
        }
    };
    if must_speak && !speaks {
        let message = format!(
            "{} does not fit the listener, whose protocol is {}",
            check.protocol, mapping.protocol
        );
        rules.fail_at("protocol", message);
    }
    if check
        .path
        .as_ref()
        .is_some_and(|path| path.contains(char::is_control))
    {
        rules.fail_at(
            "path",
            "must not have control characters, which no request can have",
        );
    }
}

fn outlier_detection(rules: &mut Rules, detection: &OutlierDetection) {
    for (step, duration) in [
        ("interval", detection.interval),
        ("baseEjectionDuration", detection.base_ejection_duration),
    ] {
        rules.duration(step, Some(duration));
        // Envoy requires both to be above zero.
        if duration.millis() == Some(0) {
            rules.fail_at(&format!("{step}.value"), "must be above 0");
        }
    }
}
