//! Rules of specs that go beyond the shape of single members: what the service enforces before it accepts one.
//!
//! Types, bounds, enumerations and unions are checked when a spec is read ([`crate::shape`]). Rules that need other
//! resources (references) belong to the service, and mistakes that are accepted become diagnostics of the graph.
//! Sources: the App Mesh user guide (pages on virtual nodes, routes, gateway routes, TLS) and Envoy's own limits.

mod gateway_route;
mod listener;
mod lists;
mod logging;
mod matching;
mod route;
mod tls;

use std::collections::HashSet;

use crate::shape::Violations;
use crate::spec::{
    Backend, ClientPolicy, Duration, PortMapping, PortProtocol, ServiceDiscovery, Spec, VirtualGatewaySpec,
    VirtualNodeSpec, VirtualRouterSpec, VirtualServiceProvider,
};

/// Every rule that `spec` breaks, with paths that start with `spec`.
///
/// # Errors
/// The violations, when there is one.
pub fn validate(spec: &Spec) -> Result<(), Violations> {
    let mut rules = Rules {
        path: "spec".to_owned(),
        violations: Violations::default(),
    };
    match spec {
        Spec::Mesh(_) => {}
        Spec::VirtualNode(node) => virtual_node(&mut rules, node),
        Spec::VirtualService(service) => {
            if let Some(provider) = &service.provider {
                rules.at("provider", |rules| virtual_service_provider(rules, provider));
            }
        }
        Spec::VirtualRouter(router) => virtual_router(&mut rules, router),
        Spec::Route(spec) => route::check(&mut rules, spec),
        Spec::VirtualGateway(gateway) => virtual_gateway(&mut rules, gateway),
        Spec::GatewayRoute(spec) => gateway_route::check(&mut rules, spec),
    }
    rules.violations.into_result()
}

/// Where the check stands, and what it has found.
struct Rules {
    path: String,
    violations: Violations,
}

impl Rules {
    fn fail(&mut self, message: impl Into<String>) {
        self.violations.push(self.path.clone(), message);
    }

    fn fail_at(&mut self, step: &str, message: impl Into<String>) {
        self.at(step, |rules| rules.fail(message));
    }

    fn at<T>(&mut self, step: &str, check: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        self.path.push('.');
        self.path.push_str(step);
        let out = check(self);
        self.path.truncate(length);
        out
    }

    /// Checks each item of a list, at its own path.
    fn each<'a, T: 'a>(
        &mut self,
        step: &str,
        items: impl IntoIterator<Item = &'a T>,
        check: impl Fn(&mut Self, &T),
    ) {
        for (index, item) in items.into_iter().enumerate() {
            self.at(&format!("{step}[{index}]"), |rules| check(rules, item));
        }
    }

    /// A duration needs both members, although the service model marks neither as required.
    fn duration(&mut self, step: &str, duration: Option<Duration>) {
        let Some(duration) = duration else { return };
        self.at(step, |rules| {
            if duration.unit.is_none() {
                rules.fail_at("unit", "is required");
            }
            if duration.value.is_none() {
                rules.fail_at("value", "is required");
            }
            // Envoy takes durations as protobuf `Duration`, at most 315,576,000,000 s.
            if duration
                .millis()
                .is_some_and(|millis| millis > 315_576_000_000_000)
            {
                rules.fail_at("value", "must be at most 10000 years");
            }
        });
    }

    /// Exactly one of several members must be set.
    fn exactly_one(&mut self, members: &[(&str, bool)]) {
        let set: Vec<_> = members
            .iter()
            .filter(|(_, set)| *set)
            .map(|(name, _)| *name)
            .collect();
        if set.len() == 1 {
            return;
        }
        let known = members
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(", ");
        let found = if set.is_empty() {
            "none is".to_owned()
        } else {
            format!("{} are", set.join(" and "))
        };
        self.fail(format!("exactly one of {known} must be set, {found}"));
    }

    /// No two listeners share a port.
    fn unique_ports(&mut self, mappings: impl Iterator<Item = PortMapping>) {
        let mut seen = HashSet::new();
        for (index, mapping) in mappings.enumerate() {
            if !seen.insert(mapping.port) {
                let message = format!("port {} is taken by an earlier listener", mapping.port);
                self.fail_at(&format!("listeners[{index}].portMapping.port"), message);
            }
        }
    }
}

fn virtual_node(rules: &mut Rules, node: &VirtualNodeSpec) {
    let listeners = node.listeners.as_deref().unwrap_or_default();
    rules.at_most("listeners", listeners, lists::MOST_LISTENERS);
    rules.unique_ports(listeners.iter().map(|l| l.port_mapping));
    rules.each("listeners", listeners, listener::check);
    if let Some(discovery) = &node.service_discovery {
        rules.at("serviceDiscovery", |rules| service_discovery(rules, discovery));
    }
    rules.each(
        "backends",
        node.backends.iter().flatten(),
        |rules, Backend::VirtualService(backend)| {
            client_policy(
                rules,
                "virtualService.clientPolicy",
                backend.client_policy.as_deref(),
            );
        },
    );
    let defaults = node
        .backend_defaults
        .as_ref()
        .and_then(|d| d.client_policy.as_ref());
    client_policy(rules, "backendDefaults.clientPolicy", defaults);
    logging::check(rules, node.logging.as_ref());
}

fn service_discovery(rules: &mut Rules, discovery: &ServiceDiscovery) {
    match discovery {
        ServiceDiscovery::Dns(dns) => rules.at("dns.hostname", |rules| host_name(rules, &dns.hostname)),
        ServiceDiscovery::AwsCloudMap(service) => {
            let attributes = service.attributes.as_deref().unwrap_or_default();
            rules.at_most("awsCloudMap.attributes", attributes, lists::MOST_ATTRIBUTES);
        }
    }
}

fn virtual_service_provider(rules: &mut Rules, provider: &VirtualServiceProvider) {
    let (step, name) = match provider {
        VirtualServiceProvider::VirtualNode(p) => ("virtualNode.virtualNodeName", &p.virtual_node_name),
        VirtualServiceProvider::VirtualRouter(p) => {
            ("virtualRouter.virtualRouterName", &p.virtual_router_name)
        }
    };
    if name.contains('/') {
        rules.fail_at(step, "must be a name, not an ARN or path");
    }
}

fn virtual_router(rules: &mut Rules, router: &VirtualRouterSpec) {
    let listeners = router.listeners.as_deref().unwrap_or_default();
    rules.at_most("listeners", listeners, lists::MOST_LISTENERS);
    rules.unique_ports(listeners.iter().map(|l| l.port_mapping));
}

fn virtual_gateway(rules: &mut Rules, gateway: &VirtualGatewaySpec) {
    if gateway.listeners.is_empty() {
        rules.fail_at("listeners", "must have at least one listener");
    }
    rules.at_most("listeners", &gateway.listeners, lists::MOST_LISTENERS);
    rules.unique_ports(gateway.listeners.iter().map(|l| l.port_mapping));
    rules.each("listeners", &gateway.listeners, listener::check_gateway);
    let defaults = gateway
        .backend_defaults
        .as_ref()
        .and_then(|d| d.client_policy.as_ref());
    client_policy(rules, "backendDefaults.clientPolicy", defaults);
    logging::check(rules, gateway.logging.as_ref());
}

fn client_policy(rules: &mut Rules, step: &str, policy: Option<&ClientPolicy>) {
    if let Some(tls) = policy.and_then(|p| p.tls.as_ref()) {
        rules.at(&format!("{step}.tls"), |rules| tls::check_client(rules, tls));
    }
}

/// RFC 1035 lengths, with the underscores that service names in DNS are fond of.
fn host_name(rules: &mut Rules, name: &str) {
    let labels = name.strip_suffix('.').unwrap_or(name);
    let label = |l: &str| {
        (1..=63).contains(&l.len()) && l.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    let is_address = name.parse::<std::net::IpAddr>().is_ok();
    if !is_address && (labels.len() > 253 || !labels.split('.').all(label)) {
        rules.fail("must be a host name: labels of 1 to 63 letters, digits, - or _, 253 characters in all");
    }
}

fn http_family(protocol: PortProtocol) -> bool {
    protocol != PortProtocol::Tcp
}
