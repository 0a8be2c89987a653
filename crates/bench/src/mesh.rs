//! The mesh of the benchmark as calls of the API. Knows shapes of requests, never sends one.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use crate::api::Call;

/// The mesh that proxies are of.
const MESH: &str = "bench";
/// The service whose route is changed.
const CHANGED: usize = 0;
/// What the prefix of the changed route begins with; the number of the change follows in [`DIGITS`] digits.
const MARK: &str = "/update-";
const DIGITS: usize = 8;

/// How large a mesh is.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Shape {
    /// Virtual nodes. At least two.
    pub(crate) nodes: usize,
    /// Virtual services, each with a router and a route to two virtual nodes.
    pub(crate) services: usize,
    /// Services that each virtual node calls. Fewer than all.
    pub(crate) backends: usize,
    /// Virtual nodes that call the service whose route is changed: the first ones.
    pub(crate) callers: usize,
}

/// Connected proxies.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Fleet {
    /// Proxies, each with a connection of its own.
    pub(crate) proxies: usize,
    /// Virtual nodes that they are of, in equal parts. Proxies of one virtual node have the same configuration, which
    /// is computed once.
    pub(crate) virtual_nodes: usize,
    /// What they speak.
    pub(crate) protocol: Protocol,
}

/// A form of the xDS protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    /// State of the world.
    Sotw,
    /// Incremental.
    Delta,
}

impl Fleet {
    pub(crate) fn new(proxies: usize, virtual_nodes: usize, protocol: Protocol) -> Self {
        Self {
            proxies,
            virtual_nodes,
            protocol,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sotw => "sotw",
            Self::Delta => "delta",
        })
    }
}

impl fmt::Display for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            proxies,
            virtual_nodes,
            protocol,
        } = self;
        write!(f, "{proxies} of {virtual_nodes} virtual nodes, {protocol}")
    }
}

impl Shape {
    /// The calls that make the mesh. Those of one stage need only what earlier stages made.
    pub(crate) fn stages(&self) -> Vec<Vec<Call>> {
        let services = || 0..self.services;
        vec![
            vec![create_mesh(MESH)],
            (0..self.nodes).map(|node| self.create_node(node)).collect(),
            services().map(create_router).collect(),
            services().map(|service| self.create_route(service)).collect(),
            services().map(create_service).collect(),
        ]
    }

    /// The node ids of a fleet's proxies.
    ///
    /// # Panics
    /// When there are fewer virtual nodes than the fleet is of.
    pub(crate) fn proxies(&self, fleet: Fleet) -> Vec<String> {
        assert!(
            fleet.virtual_nodes <= self.nodes,
            "{fleet}, in a mesh of {}",
            self.nodes
        );
        (0..fleet.proxies)
            .map(|proxy| {
                format!(
                    "mesh/{MESH}/virtualNode/{}",
                    node_name(proxy % fleet.virtual_nodes)
                )
            })
            .collect()
    }

    /// How many proxies of a fleet get a changed route.
    pub(crate) fn concerned(&self, fleet: Fleet) -> usize {
        let nodes = (0..fleet.proxies).map(|proxy| proxy % fleet.virtual_nodes);
        nodes.filter(|node| *node < self.callers).count()
    }

    fn create_node(&self, node: usize) -> Call {
        let changed = (node < self.callers).then_some(CHANGED);
        let others = (0..).map(|step| 1 + (node * self.backends + step) % (self.services - 1));
        let backends = changed.into_iter().chain(others).take(self.backends);
        create_virtual_node(MESH, &node_name(node), backends.map(service_name))
    }

    fn create_route(&self, service: usize) -> Call {
        let path = format!("{}/routes", router_path(service));
        let target = |step: usize| node_name((2 * service + step) % self.nodes);
        let spec = route_spec(&prefix(0), &[(target(0), 50), (target(1), 50)]);
        Call {
            path,
            body: json!({ "routeName": "route", "spec": spec }),
        }
    }
}

/// The call that makes a mesh.
pub(crate) fn create_mesh(mesh: &str) -> Call {
    Call {
        path: "/v20190125/meshes".to_owned(),
        body: json!({ "meshName": mesh }),
    }
}

/// The call that makes a virtual node with one listener, found by DNS.
pub(crate) fn create_virtual_node(mesh: &str, name: &str, backends: impl Iterator<Item = String>) -> Call {
    let backends: Vec<Value> = backends
        .map(|service| json!({ "virtualService": { "virtualServiceName": service } }))
        .collect();
    Call {
        path: format!("/v20190125/meshes/{mesh}/virtualNodes"),
        body: json!({
            "virtualNodeName": name,
            "spec": {
                "listeners": [{ "portMapping": { "port": 8080, "protocol": "http" } }],
                "serviceDiscovery": { "dns": { "hostname": format!("{name}.bench.internal") } },
                "backends": backends,
            },
        }),
    }
}

/// The call that changes the route that all proxies have, and puts the number of the change into it.
///
/// Weights and path move, so that nothing in the way can take the change for none.
pub(crate) fn update_route(update: u64) -> Call {
    let weight = update % 100;
    let targets = [(node_name(0), weight), (node_name(1), 100 - weight)];
    Call {
        path: format!("{}/routes/route", router_path(CHANGED)),
        body: json!({ "spec": route_spec(&prefix(update), &targets) }),
    }
}

/// The number of the newest change in an encoded route configuration; `None` when the changed route is not in it.
pub(crate) fn update_in(routes: &[u8]) -> Option<u64> {
    let mark = MARK.as_bytes();
    let numbers = routes
        .windows(mark.len() + DIGITS)
        .filter_map(|window| window.strip_prefix(mark));
    numbers
        .filter_map(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
        .max()
}

fn create_router(service: usize) -> Call {
    Call {
        path: format!("/v20190125/meshes/{MESH}/virtualRouters"),
        body: json!({
            "virtualRouterName": router_name(service),
            "spec": { "listeners": [{ "portMapping": { "port": 8080, "protocol": "http" } }] },
        }),
    }
}

fn create_service(service: usize) -> Call {
    let provider = json!({ "virtualRouter": { "virtualRouterName": router_name(service) } });
    Call {
        path: format!("/v20190125/meshes/{MESH}/virtualServices"),
        body: json!({ "virtualServiceName": service_name(service), "spec": { "provider": provider } }),
    }
}

fn route_spec(prefix: &str, targets: &[(String, u64)]) -> Value {
    let targets: Vec<Value> = targets
        .iter()
        .map(|(node, weight)| json!({ "virtualNode": node, "weight": weight }))
        .collect();
    json!({ "httpRoute": { "match": { "prefix": prefix }, "action": { "weightedTargets": targets } } })
}

fn prefix(update: u64) -> String {
    format!("{MARK}{update:0DIGITS$}")
}

fn node_name(node: usize) -> String {
    format!("node-{node:05}")
}

fn router_name(service: usize) -> String {
    format!("router-{service:05}")
}

fn service_name(service: usize) -> String {
    format!("service-{service:05}.bench.internal")
}

fn router_path(service: usize) -> String {
    format!("/v20190125/meshes/{MESH}/virtualRouter/{}", router_name(service))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

    use std::collections::BTreeSet;

    use super::*;

    const SHAPE: Shape = Shape {
        nodes: 30,
        services: 5,
        backends: 3,
        callers: 4,
    };

    #[test]
    fn some_nodes_call_the_changed_service_and_all_call_each_service_once() {
        for (node, call) in SHAPE.stages()[1].iter().enumerate() {
            let backends = call.body["spec"]["backends"].as_array().unwrap();
            let names: BTreeSet<_> = backends.iter().map(Value::to_string).collect();
            assert_eq!((backends.len(), names.len()), (3, 3));
            let calls = names.iter().any(|name| name.contains(&service_name(CHANGED)));
            assert_eq!(calls, node < SHAPE.callers);
        }
    }

    #[test]
    fn proxies_of_callers_are_concerned() {
        for (proxies, nodes, concerned) in [(1, 1, 1), (8, 2, 8), (10, 10, 4), (12, 6, 8)] {
            let fleet = Fleet::new(proxies, nodes, Protocol::Sotw);
            assert_eq!(SHAPE.concerned(fleet), concerned, "{fleet}");
        }
    }

    #[test]
    fn the_number_of_a_change_is_found_among_other_bytes() {
        let routes = format!("\u{1}x{}\u{2}{}y/update-", prefix(0), prefix(4711));
        assert_eq!(update_in(routes.as_bytes()), Some(4711));
        assert_eq!(update_in(b"/update-1"), None);
        assert_eq!(update_in(b""), None);
    }
}
