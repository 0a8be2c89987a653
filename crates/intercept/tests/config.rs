//! Settings from the environment and from ECS: defaults, and every mistake with its message.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod common;

use common::env;
use evermesh_intercept::{Config, ConfigErrors, IpNet};

#[test]
fn the_environment_has_the_defaults_of_the_script() {
    let config = env("APPMESH_IGNORE_UID=1337").unwrap();
    let defaults = Config {
        ignore_uid: Some(1337),
        enable_ipv6: false,
        ..Config::default()
    };
    assert_eq!(config, defaults);
    assert_eq!(config.egress_port, 15001);
    assert_eq!(config.egress_ignored_ports, ["22".parse().unwrap()]);
    let metadata: [IpNet; 2] = [
        "169.254.169.254/32".parse().unwrap(),
        "169.254.170.2/32".parse().unwrap(),
    ];
    assert_eq!(config.egress_ignored_ips, metadata);
    let ingress = env("APPMESH_IGNORE_UID=1337\nAPPMESH_APP_PORTS=80")
        .unwrap()
        .ingress
        .unwrap();
    assert_eq!(ingress.proxy_port, 15000);
}

#[test]
fn a_mark_alone_is_exemption_enough() {
    assert_eq!(env("EVERMESH_IGNORE_MARK=0x10").unwrap().ignore_mark, Some(16));
    assert_eq!(env("EVERMESH_IGNORE_MARK=10").unwrap().ignore_mark, Some(10));
}

#[test]
fn the_environment_reports_every_mistake_at_once() {
    let text = "APPMESH_IGNORE_UID=envoy\nAPPMESH_IGNORE_GID=4294967295\nEVERMESH_IGNORE_MARK=0
        APPMESH_APP_PORTS=80,http,0\nAPPMESH_ENVOY_INGRESS_PORT=70000\nAPPMESH_ENVOY_EGRESS_PORT=0
        APPMESH_EGRESS_IGNORED_IP=10.0.0.1,example.com,10.0.0.0/33\nAPPMESH_EGRESS_IGNORED_PORTS=9:1
        APPMESH_ENABLE_IPV6=yes\nAPPMESH_START_ENABLED=true";
    let port = "a port from 1 to 65535";
    let range = "a port from 1 to 65535 or a range of them such as 8000:8010";
    let expected = [
        "APPMESH_IGNORE_UID: \"envoy\" is not a numeric id".to_owned(),
        "APPMESH_IGNORE_GID: \"4294967295\" is not a numeric id".to_owned(),
        "EVERMESH_IGNORE_MARK: \"0\" is not a mark from 1 to 4294967295 or 0x1 to 0xffffffff".to_owned(),
        format!("APPMESH_ENVOY_INGRESS_PORT: \"70000\" is not {port}"),
        format!("APPMESH_APP_PORTS: \"http\" is not {range}"),
        format!("APPMESH_APP_PORTS: \"0\" is not {range}"),
        format!("APPMESH_ENVOY_EGRESS_PORT: \"0\" is not {port}"),
        "APPMESH_EGRESS_IGNORED_IP: \"example.com\" is not an IP address or CIDR block".to_owned(),
        "APPMESH_EGRESS_IGNORED_IP: \"10.0.0.0/33\" is not an IP address or CIDR block".to_owned(),
        format!("APPMESH_EGRESS_IGNORED_PORTS: \"9:1\" is not {range}"),
        "APPMESH_ENABLE_IPV6: \"yes\" is not 0 or 1".to_owned(),
        "APPMESH_START_ENABLED: \"true\" is not 0 or 1".to_owned(),
    ];
    assert_eq!(lines(env(text)), expected);
}

#[test]
fn the_environment_must_exempt_the_proxy() {
    let message = "one of APPMESH_IGNORE_UID, APPMESH_IGNORE_GID, EVERMESH_IGNORE_MARK must be set: the proxy runs \
                   with it, so that its own traffic is not redirected";
    assert_eq!(lines(env("APPMESH_IGNORE_UID=\nAPPMESH_APP_PORTS=80")), [message]);
}

#[test]
fn values_and_lists_have_limits() {
    let long = format!("APPMESH_IGNORE_UID=1\nAPPMESH_APP_PORTS={}", "1".repeat(20_000));
    assert_eq!(
        lines(env(&long)),
        ["APPMESH_APP_PORTS is 20000 bytes long; at most 16384 are read"]
    );
    let many = format!("APPMESH_IGNORE_UID=1\nAPPMESH_APP_PORTS={}", "80,".repeat(257));
    assert_eq!(
        lines(env(&many)),
        ["APPMESH_APP_PORTS has 257 entries; at most 256 are allowed"]
    );
}

#[test]
fn ecs_adds_the_metadata_addresses_and_not_ssh() {
    let config =
        ecs(r#"[["IgnoredUID","1337"],["ProxyEgressPort","15001"],["EgressIgnoredIPs","169.254.170.2"]]"#);
    let config = config.unwrap();
    assert_eq!(config.egress_ignored_ips.len(), 2);
    assert_eq!(config.egress_ignored_ports, []);
    assert!(config.enable_ipv6);
}

#[test]
fn ecs_reports_every_mistake_at_once() {
    let properties =
        r#"[["IgnoredUid","1337"],["AppPorts","80"],["AppPorts","81"],["EgressIgnoredPorts","x"]]"#;
    let known = "IgnoredUID, IgnoredGID, AppPorts, ProxyIngressPort, ProxyEgressPort, EgressIgnoredIPs, \
                 EgressIgnoredPorts";
    let expected = [
        format!("unknown property \"IgnoredUid\"; ECS knows {known}"),
        "property AppPorts is given more than once".to_owned(),
        "EgressIgnoredPorts: \"x\" is not a port from 1 to 65535 or a range of them such as 8000:8010".to_owned(),
        "one of IgnoredUID, IgnoredGID must be set: the proxy runs with it, so that its own traffic is not redirected"
            .to_owned(),
        "ProxyEgressPort must be set".to_owned(),
        "AppPorts is set but ProxyIngressPort is not: set both or neither".to_owned(),
    ];
    assert_eq!(lines(ecs(properties)), expected);
}

#[test]
fn ecs_names_the_place_of_a_wrong_shape() {
    let reading = |json: &str| lines(Config::from_proxy_configuration(json)).remove(0);
    assert!(reading("{").starts_with("the proxy configuration is not JSON: "));
    assert!(reading("[]").starts_with("proxyConfiguration: expected a list `properties`"));
    let type_error = "proxyConfiguration.type: expected APPMESH, the only type of ECS";
    assert_eq!(reading(r#"{"type": "NGINX", "properties": []}"#), type_error);
    let function = r#"{"properties": [{"name": "AppPorts", "value": {"Ref": "Port"}}]}"#;
    let at = "proxyConfiguration.properties[0].value: expected a text or number (intrinsic functions must be";
    assert!(reading(function).starts_with(at));
}

/// A `proxyConfiguration` with these name-value pairs, each of which is read as an API property.
fn ecs(pairs: &str) -> Result<Config, ConfigErrors> {
    let pairs: Vec<(String, String)> = serde_json::from_str(pairs).unwrap();
    let property = |(name, value)| serde_json::json!({"name": name, "value": value});
    let properties: Vec<_> = pairs.into_iter().map(property).collect();
    Config::from_proxy_configuration(&serde_json::json!({ "properties": properties }).to_string())
}

fn lines(result: Result<Config, ConfigErrors>) -> Vec<String> {
    result
        .unwrap_err()
        .to_string()
        .lines()
        .map(str::to_owned)
        .collect()
}
