//! What a user is told: whole lists of violations, word by word and in order.

use evermesh_model::Kind;
use serde_json::json;

use crate::support::assert_violations;

#[test]
fn mesh() {
    assert_violations(Kind::Mesh, &json!([]), &["spec: must be an object, is a list"]);
    assert_violations(
        Kind::Mesh,
        &json!({ "egressFilter": {}, "serviceDiscovery": { "ipPreference": "IPV6_ONLY" }, "egress": 1 }),
        &[
            "spec.egress: unknown field; known are egressFilter, serviceDiscovery",
            "spec.egressFilter.type: is required",
            "spec.serviceDiscovery.ipPreference: must be one of IPv6_PREFERRED, IPv4_PREFERRED, IPv4_ONLY, \
             IPv6_ONLY, is \"IPV6_ONLY\"",
        ],
    );
    assert_violations(
        Kind::Mesh,
        &json!({ "egressFilter": { "type": null }, "serviceDiscovery": null }),
        &["spec.egressFilter.type: is required"],
    );
}

#[test]
fn virtual_node() {
    assert_violations(
        Kind::VirtualNode,
        &json!({
            "listeners": [
                { "portMapping": { "port": 0, "protocol": "HTTP" }, "healthCheck": {
                    "healthyThreshold": 1, "unhealthyThreshold": 11, "intervalMillis": "5s", "timeoutMillis": 1999.5,
                    "protocol": true,
                } },
                { "portMapping": { "port": "8080", "protocol": "http" }, "connectionPool": {},
                  "timeout": { "http": {}, "tcp": {} } },
                "8080",
            ],
            "serviceDiscovery": { "dns": { "hostname": 1 }, "awsCloudMap": {} },
            "backends": { "virtualService": "a" },
            "logging": { "accessLog": { "file": { "path": "", "format": { "json": [{ "key": "k" }] } } } },
        }),
        &[
            "spec.listeners[0].portMapping.port: must be 1 to 65535, is 0",
            "spec.listeners[0].portMapping.protocol: must be one of http, http2, grpc, tcp, is \"HTTP\"",
            "spec.listeners[0].healthCheck.healthyThreshold: must be 2 to 10, is 1",
            "spec.listeners[0].healthCheck.unhealthyThreshold: must be 2 to 10, is 11",
            "spec.listeners[0].healthCheck.intervalMillis: must be an integer, is the string \"5s\"",
            "spec.listeners[0].healthCheck.timeoutMillis: must be an integer of 0 to 18446744073709551615, is 1999.5",
            "spec.listeners[0].healthCheck.protocol: must be a string, is the boolean true",
            "spec.listeners[1].portMapping.port: must be an integer, is the string \"8080\"",
            "spec.listeners[1].connectionPool: exactly one of http, http2, grpc, tcp must be set, none is",
            "spec.listeners[1].timeout: exactly one of http, http2, grpc, tcp must be set, http and tcp are",
            "spec.listeners[2]: must be an object, is the string \"8080\"",
            "spec.serviceDiscovery: exactly one of dns, awsCloudMap must be set, dns and awsCloudMap are",
            "spec.backends: must be a list, is an object",
            "spec.logging.accessLog.file.path: must be 1 to 255 characters long, is 0",
            "spec.logging.accessLog.file.format.json[0].value: is required",
        ],
    );
}

#[test]
fn virtual_node_rules() {
    assert_violations(
        Kind::VirtualNode,
        &json!({
            "listeners": [
                { "portMapping": { "port": 80, "protocol": "http" }, "timeout": { "tcp": { "idle": {} } } },
                { "portMapping": { "port": 80, "protocol": "grpc" }, "outlierDetection": {
                    "maxServerErrors": 1, "maxEjectionPercent": 0,
                    "interval": { "unit": "s" }, "baseEjectionDuration": { "unit": "ms", "value": 0 },
                } },
            ],
            "serviceDiscovery": { "dns": { "hostname": "colors apps" } },
            "backends": [{ "virtualService": { "virtualServiceName": "a", "clientPolicy": { "tls": {
                "ports": [443, 0],
                "validation": {
                    "trust": { "acm": { "certificateAuthorityArns": ["arn:aws:acm:r:1:x"] } },
                    "subjectAlternativeNames": { "match": { "exact": ["*.a", ""] } },
                },
            } } } }],
        }),
        &[
            "spec.listeners[1].portMapping.port: port 80 is taken by an earlier listener",
            "spec.listeners[0].timeout.tcp: does not fit the listener, whose protocol is http",
            "spec.listeners[0].timeout.tcp.idle.unit: is required",
            "spec.listeners[0].timeout.tcp.idle.value: is required",
            "spec.listeners[1].outlierDetection.interval.value: is required",
            "spec.listeners[1].outlierDetection.baseEjectionDuration.value: must be above 0",
            "spec.serviceDiscovery.dns.hostname: must be a host name: labels of 1 to 63 letters, digits, - or _, \
             253 characters in all",
            "spec.backends[0].virtualService.clientPolicy.tls.ports[1]: must be 1 to 65535, is 0",
            "spec.backends[0].virtualService.clientPolicy.tls.validation.trust.acm.certificateAuthorityArns[0]: \
             must be an ARN of the form arn:<partition>:acm-pca:<region>:<account>:<resource>",
            "spec.backends[0].virtualService.clientPolicy.tls.validation.subjectAlternativeNames.match.exact[0]: \
             must not be a wildcard while the client policy enforces TLS",
            "spec.backends[0].virtualService.clientPolicy.tls.validation.subjectAlternativeNames.match.exact[1]: \
             must be 1 to 254 characters long, is 0",
        ],
    );
}

#[test]
fn virtual_service() {
    assert_violations(
        Kind::VirtualService,
        &json!({ "provider": { "virtualNode": { "virtualNodeName": "a" }, "virtualRouter": {} } }),
        &[
            "spec.provider: exactly one of virtualNode, virtualRouter must be set, virtualNode and virtualRouter are",
        ],
    );
    assert_violations(
        Kind::VirtualService,
        &json!({ "provider": { "virtualNode": { "virtualNodeName": "mesh/m/virtualNode/n" } } }),
        &["spec.provider.virtualNode.virtualNodeName: must be a name, not an ARN or path"],
    );
}

#[test]
fn virtual_router() {
    assert_violations(
        Kind::VirtualRouter,
        &json!({ "listeners": [{}, { "portMapping": { "port": 65536, "protocol": "udp" }, "tls": {} }] }),
        &[
            "spec.listeners[0].portMapping: is required",
            "spec.listeners[1].tls: unknown field; known are portMapping",
            "spec.listeners[1].portMapping.port: must be 1 to 65535, is 65536",
            "spec.listeners[1].portMapping.protocol: must be one of http, http2, grpc, tcp, is \"udp\"",
        ],
    );
}

#[test]
fn virtual_gateway() {
    assert_violations(Kind::VirtualGateway, &json!({}), &["spec.listeners: is required"]);
    assert_violations(
        Kind::VirtualGateway,
        &json!({
            "listeners": [{
                "portMapping": { "port": 80, "protocol": "http" },
                "connectionPool": { "tcp": { "maxConnections": 1 } },
                "tls": { "mode": "strict", "certificate": {}, "validation": { "trust": { "acm": {} } } },
                "timeout": { "http": {} },
            }],
        }),
        &[
            "spec.listeners[0].timeout: unknown field; known are portMapping, connectionPool, healthCheck, tls",
            "spec.listeners[0].connectionPool.tcp: unknown field; known are http, http2, grpc",
            "spec.listeners[0].connectionPool: exactly one of http, http2, grpc must be set, none is",
            "spec.listeners[0].tls.mode: must be one of STRICT, PERMISSIVE, DISABLED, is \"strict\"",
            "spec.listeners[0].tls.certificate: exactly one of acm, file, sds must be set, none is",
            "spec.listeners[0].tls.validation.trust.acm: unknown field; known are file, sds",
            "spec.listeners[0].tls.validation.trust: exactly one of file, sds must be set, none is",
        ],
    );
}

#[test]
fn route() {
    assert_violations(
        Kind::Route,
        &json!({
            "priority": 1001,
            "httpRoute": {
                "match": { "prefix": "", "headers": [], "method": "get", "queryParameters": [{ "match": {} }] },
                "action": { "weightedTargets": [{ "virtualNode": "a", "weight": 101 }, { "weight": -1 }] },
                "retryPolicy": { "maxRetries": -1, "perRetryTimeout": { "unit": "m", "value": -1 } },
            },
        }),
        &[
            "spec.priority: must be 0 to 1000, is 1001",
            "spec.httpRoute.match.prefix: must be at least 1 characters long, is 0",
            "spec.httpRoute.match.queryParameters[0].name: is required",
            "spec.httpRoute.match.method: must be one of GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, \
             PATCH, is \"get\"",
            "spec.httpRoute.match.headers: must have 1 to 10 items, has 0",
            "spec.httpRoute.action.weightedTargets[0].weight: must be 0 to 100, is 101",
            "spec.httpRoute.action.weightedTargets[1].virtualNode: is required",
            "spec.httpRoute.action.weightedTargets[1].weight: must be 0 to 100, is -1",
            "spec.httpRoute.retryPolicy.maxRetries: must be at least 0, is -1",
            "spec.httpRoute.retryPolicy.perRetryTimeout.unit: must be one of s, ms, is \"m\"",
            "spec.httpRoute.retryPolicy.perRetryTimeout.value: must be at least 0, is -1",
        ],
    );
}

#[test]
fn route_rules() {
    let action = json!({ "weightedTargets": [{ "virtualNode": "a", "weight": 0 }] });
    assert_violations(
        Kind::Route,
        &json!({
            "http2Route": {
                "match": {
                    "prefix": "colors", "path": { "exact": "blue", "regex": "(" },
                    "headers": [{ "name": "a b" }, { "name": "n", "match": { "range": { "start": 5, "end": 5 } } }],
                },
                "action": action,
                "retryPolicy": { "maxRetries": 1, "perRetryTimeout": {} },
            },
            "tcpRoute": { "action": action },
        }),
        &[
            "spec: exactly one of httpRoute, http2Route, grpcRoute, tcpRoute must be set, http2Route and tcpRoute are",
            "spec.http2Route.match: at most one of prefix, path may be set, both are",
            "spec.http2Route.match.prefix: must start with a slash",
            "spec.http2Route.match.path: exactly one of exact, regex must be set, exact and regex are",
            "spec.http2Route.match.path.exact: must start with a slash",
            "spec.http2Route.match.path.regex: is not a regular expression that Envoy (RE2) accepts: a missing \
             closing parenthesis at character 2",
            "spec.http2Route.match.headers[0].name: must be a header name",
            "spec.http2Route.match.headers[1].match.range: start must be below end, are 5 and 5",
            "spec.http2Route.action.weightedTargets: at least one weight must be above 0",
            "spec.http2Route.retryPolicy: must name at least one event to retry",
            "spec.http2Route.retryPolicy.perRetryTimeout.unit: is required",
            "spec.http2Route.retryPolicy.perRetryTimeout.value: is required",
            "spec.tcpRoute.action.weightedTargets: at least one weight must be above 0",
        ],
    );
}

#[test]
fn gateway_route() {
    assert_violations(
        Kind::GatewayRoute,
        &json!({ "httpRoute": {
            "match": { "hostname": { "exact": "" }, "scheme": "http" },
            "action": { "target": { "virtualNode": "a" }, "rewrite": { "hostname": { "defaultTargetHostname": "NO" } } },
        } }),
        &[
            "spec.httpRoute.match.scheme: unknown field; known are prefix, path, queryParameters, method, hostname, \
             headers, port",
            "spec.httpRoute.match.hostname.exact: must be 1 to 253 characters long, is 0",
            "spec.httpRoute.action.target.virtualNode: unknown field; known are port, virtualService",
            "spec.httpRoute.action.target.virtualService: is required",
            "spec.httpRoute.action.rewrite.hostname.defaultTargetHostname: must be one of ENABLED, DISABLED, is \"NO\"",
        ],
    );
}

#[test]
fn gateway_route_rules() {
    assert_violations(
        Kind::GatewayRoute,
        &json!({ "http2Route": {
            "match": { "path": {}, "hostname": {} },
            "action": {
                "target": { "virtualService": { "virtualServiceName": "a" } },
                "rewrite": { "prefix": { "defaultPrefix": "ENABLED", "value": "b" }, "path": {} },
            },
        } }),
        &[
            "spec.http2Route.match.path: exactly one of exact, regex must be set, none is",
            "spec.http2Route.match.hostname: exactly one of exact, suffix must be set, none is",
            "spec.http2Route.action.rewrite.prefix: needs a match by prefix, the match is by path",
            "spec.http2Route.action.rewrite.prefix: exactly one of defaultPrefix, value must be set, defaultPrefix \
             and value are",
            "spec.http2Route.action.rewrite.prefix.value: must start with a slash",
            "spec.http2Route.action.rewrite.path.exact: is required",
        ],
    );
}

#[test]
fn what_was_sent_is_quoted_briefly() {
    let long = "v".repeat(1000);
    let quoted = format!("is \"{}...\"", "v".repeat(64));
    assert_violations(
        Kind::Mesh,
        &json!({ "egressFilter": { "type": long, &long: 1 }, "serviceDiscovery": long }),
        &[
            &format!(
                "spec.egressFilter.{}...: unknown field; known are type",
                "v".repeat(64)
            ),
            &format!("spec.egressFilter.type: must be one of ALLOW_ALL, DROP_ALL, {quoted}"),
            &format!(
                "spec.serviceDiscovery: must be an object, is the string {}",
                &quoted[3..]
            ),
        ],
    );
}
