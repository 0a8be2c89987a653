//! Settings from the `proxyConfiguration` of an ECS task definition, in the shape of the API or of CloudFormation.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde_json::Value;

use crate::config::{Config, EGRESS_PORT, Ingress, METADATA_ADDRESSES};
use crate::error::{ConfigError, ConfigErrors};
use crate::read::{Reader, push_new};

/// The largest document that is read, in bytes; ECS itself stops at 64 KiB for a whole task definition.
const DOCUMENT_LIMIT: usize = 64 * 1024;

const PROPERTIES: [&str; 7] = [
    "IgnoredUID",
    "IgnoredGID",
    "AppPorts",
    "ProxyIngressPort",
    "ProxyEgressPort",
    "EgressIgnoredIPs",
    "EgressIgnoredPorts",
];

impl Config {
    /// Reads an ECS `proxyConfiguration`: the object itself, or a task definition that contains it, with the
    /// field names of the API (`properties[].{name,value}`) or of CloudFormation
    /// (`ProxyConfigurationProperties[].{Name,Value}`).
    ///
    /// As the agent of ECS does: the two metadata addresses are always exempt from egress redirection, port 22
    /// is not, and IPv6 is captured like IPv4. No mark is exempt.
    ///
    /// # Errors
    /// Every mistake at once: the shape, unknown or repeated properties, values, no `ProxyEgressPort`, neither
    /// `IgnoredUID` nor `IgnoredGID`, one of `AppPorts` and `ProxyIngressPort` without the other.
    pub fn from_proxy_configuration(json: &str) -> Result<Self, ConfigErrors> {
        let mut errors = Vec::new();
        let properties = properties(json, &mut errors);
        if properties.is_empty() && !errors.is_empty() {
            return Err(ConfigErrors(errors));
        }
        let lookup = |name: &str| properties.get(name).cloned();
        let mut reader = Reader::new(&lookup);
        errors.into_iter().for_each(|error| reader.refuse(error));
        let config = Self {
            ignore_uid: reader.id("IgnoredUID"),
            ignore_gid: reader.id("IgnoredGID"),
            ignore_mark: None,
            ingress: ingress(&mut reader),
            egress_port: reader.port("ProxyEgressPort").unwrap_or(EGRESS_PORT),
            egress_ignored_ips: egress_ignored_ips(&mut reader),
            egress_ignored_ports: reader.ports("EgressIgnoredPorts").unwrap_or_default(),
            enable_ipv6: true,
            enabled: true,
        };
        require(&mut reader, &properties);
        reader.finish(config)
    }
}

fn ingress(reader: &mut Reader<'_>) -> Option<Ingress> {
    let app_ports = reader.ports("AppPorts").filter(|ports| !ports.is_empty());
    let proxy_port = reader.port("ProxyIngressPort");
    Some(Ingress {
        app_ports: app_ports?,
        proxy_port: proxy_port?,
    })
}

/// The agent adds the metadata addresses where they are missing.
fn egress_ignored_ips(reader: &mut Reader<'_>) -> Vec<IpNet> {
    let mut networks = reader.networks("EgressIgnoredIPs").unwrap_or_default();
    METADATA_ADDRESSES
        .into_iter()
        .for_each(|address| push_new(&mut networks, address.into()));
    networks
}

/// The rules between properties, by presence, so that a value that was refused is not reported as missing too.
fn require(reader: &mut Reader<'_>, properties: &BTreeMap<String, String>) {
    let given = |name| properties.get(name).is_some_and(|value| !value.trim().is_empty());
    if !given("IgnoredUID") && !given("IgnoredGID") {
        reader.refuse(ConfigError::NothingExempt {
            settings: "IgnoredUID, IgnoredGID",
        });
    }
    if !given("ProxyEgressPort") {
        reader.refuse(ConfigError::Required {
            setting: "ProxyEgressPort",
        });
    }
    match (given("AppPorts"), given("ProxyIngressPort")) {
        (true, false) => {
            reader.refuse(ConfigError::Unpaired {
                given: "AppPorts",
                missing: "ProxyIngressPort",
            });
        }
        (false, true) => {
            reader.refuse(ConfigError::Unpaired {
                given: "ProxyIngressPort",
                missing: "AppPorts",
            });
        }
        _ => {}
    }
}

/// The properties by name, as far as the document can be understood.
fn properties(json: &str, errors: &mut Vec<ConfigError>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if json.len() > DOCUMENT_LIMIT {
        let setting = "the proxy configuration".to_owned();
        errors.push(ConfigError::TooLong {
            setting,
            length: json.len(),
            limit: DOCUMENT_LIMIT,
        });
        return found;
    }
    let document: Value = match serde_json::from_str(json) {
        Ok(document) => document,
        Err(error) => {
            errors.push(ConfigError::Json {
                reason: error.to_string(),
            });
            return found;
        }
    };
    let configuration = field(&document, "proxyConfiguration").unwrap_or(&document);
    check_type(configuration, errors);
    let list = ["properties", "proxyConfigurationProperties"]
        .iter()
        .find_map(|key| field(configuration, key));
    let Some(list) = list.and_then(Value::as_array) else {
        let at = "proxyConfiguration".to_owned();
        let expected =
            "a list `properties` of {name, value} (CloudFormation: `ProxyConfigurationProperties`)";
        errors.push(ConfigError::Shape { at, expected });
        return found;
    };
    for (index, property) in list.iter().enumerate() {
        if let Err(error) = add_property(&mut found, index, property) {
            errors.push(error);
        }
    }
    found
}

fn check_type(configuration: &Value, errors: &mut Vec<ConfigError>) {
    if field(configuration, "type").is_some_and(|kind| kind != "APPMESH") {
        let at = "proxyConfiguration.type".to_owned();
        errors.push(ConfigError::Shape {
            at,
            expected: "APPMESH, the only type of ECS",
        });
    }
}

fn add_property(
    found: &mut BTreeMap<String, String>,
    index: usize,
    property: &Value,
) -> Result<(), ConfigError> {
    let at = |part: &str| format!("proxyConfiguration.properties[{index}].{part}");
    let Some(name) = field(property, "name").and_then(Value::as_str) else {
        return Err(ConfigError::Shape {
            at: at("name"),
            expected: "a text",
        });
    };
    // A template in YAML may leave the quotes off a number.
    let value = match field(property, "value") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => {
            let expected = "a text or number (intrinsic functions must be resolved first)";
            return Err(ConfigError::Shape {
                at: at("value"),
                expected,
            });
        }
    };
    let name = name.to_owned();
    if !PROPERTIES.contains(&name.as_str()) {
        return Err(ConfigError::UnknownProperty {
            name,
            known: PROPERTIES.join(", "),
        });
    }
    match found.insert(name.clone(), value) {
        None => Ok(()),
        Some(_) => Err(ConfigError::RepeatedProperty { name }),
    }
}

/// A member by its API name; CloudFormation writes the same name with a capital.
fn field<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| {
        let (first, rest) = name.split_at(1);
        object.get(format!("{}{rest}", first.to_ascii_uppercase()))
    })
}
