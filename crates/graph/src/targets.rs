//! Weighted targets: which listener of which virtual node a share of traffic goes to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evermesh_model::MeshSnapshot;
use evermesh_model::spec::{
    AwsCloudMapInstanceAttribute, DnsResponseType, Listener, ServiceDiscovery, VirtualNodeSpec,
    WeightedTarget as TargetSpec,
};

use crate::ip_preference;
use crate::node::protocol;
use crate::report::{Place, Report, code};
use crate::resilience;
use crate::supplied::{Attribute, CloudMapService};
use crate::tls;
use crate::view::{Discovery, Target, TargetKey, WeightedTarget};

/// What a route carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// Requests: only for listeners of HTTP.
    Requests,
    /// Connections, which any listener takes.
    Connections,
}

/// Every target that a service's routes lead to.
pub(crate) struct Targets<'a> {
    mesh: &'a MeshSnapshot,
    known: BTreeMap<TargetKey, Arc<Target>>,
}

impl<'a> Targets<'a> {
    pub(crate) fn new(mesh: &'a MeshSnapshot) -> Self {
        Self {
            mesh,
            known: BTreeMap::new(),
        }
    }

    /// The targets of a route that can be reached. A target that cannot is reported, and its share goes to the others;
    /// when all of those have weight 0, none is left, for they are not meant to take traffic.
    pub(crate) fn resolve(
        &mut self,
        specs: &[TargetSpec],
        traffic: Traffic,
        place: &Place<'_>,
        report: &mut Report,
    ) -> Vec<WeightedTarget> {
        let mut resolved = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            let place = place.item("action.weightedTargets", index);
            let target = self.named(spec, traffic, &place, report);
            resolved.extend(target.map(|target| WeightedTarget {
                target,
                weight: spec.weight,
            }));
        }
        if resolved.iter().any(|target| target.weight > 0) {
            return resolved;
        }
        if !resolved.is_empty() {
            let message = "no target that can be reached has a weight above 0; the route leads nowhere";
            let place = place.at("action.weightedTargets");
            report.error(&place, code::WEIGHTS_SUM_TO_ZERO, message);
        }
        Vec::new()
    }

    /// One listener of a node as a target, if the node can be found.
    pub(crate) fn target(
        &mut self,
        name: &str,
        node: &VirtualNodeSpec,
        listener: &Listener,
        place: &Place<'_>,
        report: &mut Report,
    ) -> Option<TargetKey> {
        let key = TargetKey {
            virtual_node: name.to_owned(),
            protocol: protocol(listener.port_mapping.protocol),
            port: listener.port_mapping.port,
            called_as: None,
        };
        let discovery = discovery(name, node, place, report)?;
        self.known.entry(key.clone()).or_insert_with(|| {
            Arc::new(Target {
                key: key.clone(),
                tls: tls::without_policy(listener.tls.as_ref(), &discovery),
                discovery,
                ip_preference: ip_preference::preference(self.mesh, node),
                health_check: resilience::health_check(listener),
                outlier_detection: resilience::outlier_detection(listener),
            })
        });
        Some(key)
    }

    /// What a share of a route goes to, if that takes such traffic.
    fn named(
        &mut self,
        spec: &TargetSpec,
        traffic: Traffic,
        place: &Place<'_>,
        report: &mut Report,
    ) -> Option<TargetKey> {
        let name = &spec.virtual_node;
        let Some(node) = self.mesh.virtual_nodes.get(name) else {
            let message =
                format!("there is no virtual node {name}; its share goes to the other targets, if any");
            report.error(&place.at("virtualNode"), code::DANGLING_REFERENCE, message);
            return None;
        };
        let listener = choose_listener(spec, node, place, report)?;
        if traffic == Traffic::Requests && !protocol(listener.port_mapping.protocol).is_http() {
            let port = listener.port_mapping.port;
            let message = format!("port {port} of virtual node {name} is tcp and takes no requests");
            report.error(place, code::PROTOCOL_MISMATCH, message);
            return None;
        }
        self.target(name, node, listener, place, report)
    }

    /// Those among which some traffic is shared, each once.
    pub(crate) fn of<'s>(&self, shares: impl IntoIterator<Item = &'s WeightedTarget>) -> Vec<Arc<Target>> {
        let keys: BTreeSet<&TargetKey> = shares.into_iter().map(|share| &share.target).collect();
        let known = keys.into_iter().filter_map(|key| self.known.get(key));
        known.cloned().collect()
    }
}

fn choose_listener<'a>(
    spec: &TargetSpec,
    node: &'a VirtualNodeSpec,
    place: &Place<'_>,
    report: &mut Report,
) -> Option<&'a Listener> {
    let listeners = node.listeners.as_deref().unwrap_or_default();
    let name = &spec.virtual_node;
    match (spec.port, listeners) {
        (_, []) => {
            let message =
                format!("virtual node {name} has no listener; its share goes to the other targets, if any");
            report.error(&place.at("virtualNode"), code::TARGET_WITHOUT_LISTENER, message);
            None
        }
        (None, [only]) => Some(only),
        (None, [first, ..]) => {
            let port = first.port_mapping.port;
            let message =
                format!("virtual node {name} has several listeners: say which; the first, {port}, is used");
            report.warning(&place.at("port"), code::TARGET_PORT_AMBIGUOUS, message);
            Some(first)
        }
        (Some(port), several) => {
            let found = several.iter().find(|listener| listener.port_mapping.port == port);
            if found.is_none() {
                let message = format!(
                    "virtual node {name} does not listen on port {port}; its share goes to the other targets, if any"
                );
                report.error(&place.at("port"), code::TARGET_PORT_UNKNOWN, message);
            }
            found
        }
    }
}

fn discovery(
    name: &str,
    node: &VirtualNodeSpec,
    place: &Place<'_>,
    report: &mut Report,
) -> Option<Discovery> {
    match &node.service_discovery {
        None => {
            let message = format!("virtual node {name} has no service discovery: it cannot be found");
            report.error(place, code::TARGET_WITHOUT_DISCOVERY, message);
            None
        }
        Some(ServiceDiscovery::AwsCloudMap(cloud_map)) => {
            let attributes = cloud_map.attributes.iter().flatten();
            Some(Discovery::CloudMap(CloudMapService {
                namespace: cloud_map.namespace_name.clone(),
                service: cloud_map.service_name.clone(),
                attributes: attributes.map(attribute).collect(),
            }))
        }
        Some(ServiceDiscovery::Dns(dns)) => Some(match dns.response_type {
            None | Some(DnsResponseType::LoadBalancer) => Discovery::DnsLoadBalancer(dns.hostname.clone()),
            Some(DnsResponseType::Endpoints) => Discovery::DnsEndpoints(dns.hostname.clone()),
        }),
    }
}

fn attribute(spec: &AwsCloudMapInstanceAttribute) -> Attribute {
    Attribute {
        key: spec.key.clone(),
        value: spec.value.clone(),
    }
}
