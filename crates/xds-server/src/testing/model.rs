//! Envoy's side of a state-of-the-world stream, without I/O. Never a proxy: it holds resources and checks them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use envoy_types::pb::google::protobuf::Any;
use envoy_types::pb::google::rpc;

use super::references::{References, decode};
use crate::resource::{PerType, ResourceType};
use crate::warming::Readiness;

/// Says of a resource (type, name, body) why it is rejected; `None` accepts it.
type Judge = Box<dyn Fn(ResourceType, &str, &Any) -> Option<String> + Send>;

/// A proxy that subscribes, applies, acknowledges and rejects as Envoy does:
///
/// * clusters first; listeners when these are warm; endpoints and routes by reference, asked for before the
///   acknowledgement of what refers to them;
/// * an added *or changed* EDS cluster asks for its endpoints again, and is warm when they arrive;
/// * the good resources of a response are applied even when it is rejected because of others;
/// * versions, names and resources outlive the stream, nonces do not.
///
/// After every response it checks that whatever it holds refers only to clusters that it holds and that were warm
/// once; breaches are in [`faults`](Self::faults).
pub struct Model {
    node: Node,
    held: PerType<BTreeMap<String, Held>>,
    subscribed: PerType<Option<BTreeSet<String>>>,
    versions: PerType<String>,
    nonces: PerType<String>,
    /// EDS clusters that were added or changed, and have no endpoints since.
    warming: BTreeSet<String>,
    /// Clusters that were never warm.
    cold: BTreeSet<String>,
    judge: Judge,
    log: Vec<Applied>,
    faults: Vec<String>,
}

struct Held {
    body: Any,
    references: References,
    /// The EDS resource of a cluster.
    endpoints: Option<String>,
}

/// A response that was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its type.
    pub kind: ResourceType,
    /// Its version.
    pub version: String,
    /// The names of its resources, in the order sent.
    pub names: Vec<String>,
    /// Why it was rejected, if it was.
    pub rejected: Option<String>,
}

impl Model {
    /// A proxy of that node id and nothing else, which accepts everything.
    pub fn new(node_id: &str) -> Self {
        Self {
            node: Node {
                id: node_id.to_owned(),
                ..Node::default()
            },
            held: PerType::default(),
            subscribed: PerType::default(),
            versions: PerType::default(),
            nonces: PerType::default(),
            warming: BTreeSet::new(),
            cold: BTreeSet::new(),
            judge: Box::new(|_, _, _| None),
            log: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Rejects resources for which `judge` gives a reason.
    #[must_use]
    pub fn rejecting(
        mut self,
        judge: impl Fn(ResourceType, &str, &Any) -> Option<String> + Send + 'static,
    ) -> Self {
        self.judge = Box::new(judge);
        self
    }

    /// Begins a stream: the requests to send on it first.
    pub fn connect(&mut self) -> Vec<DiscoveryRequest> {
        use ResourceType::{Cluster, Endpoint, Listener, Route, Secret};
        self.nonces = PerType::default();
        self.subscribed[Cluster].get_or_insert_default();
        let order = [Cluster, Endpoint, Listener, Route, Secret];
        order
            .into_iter()
            .filter(|kind| self.subscribed[*kind].is_some())
            .map(|kind| self.request(kind))
            .collect()
    }

    /// Subscribes to names, in addition to what references call for: the request to send.
    pub fn subscribe(&mut self, kind: ResourceType, names: &[&str]) -> DiscoveryRequest {
        let subscribed = self.subscribed[kind].get_or_insert_default();
        subscribed.extend(names.iter().map(ToString::to_string));
        self.request(kind)
    }

    /// Takes in a response: the requests to send, in order.
    pub fn receive(&mut self, response: DiscoveryResponse) -> Vec<DiscoveryRequest> {
        let Some(kind) = ResourceType::from_type_url(&response.type_url) else {
            self.faults.push(format!(
                "a response of type {:?}, which was not asked for",
                response.type_url
            ));
            return Vec::new();
        };
        let (names, rejected) = self.apply(kind, response.resources);
        let mut requests = self.follow(kind);
        self.nonces[kind] = response.nonce;
        if rejected.is_none() {
            self.versions[kind].clone_from(&response.version_info);
        }
        let error_detail = rejected.clone().map(|message| rpc::Status {
            code: 13,
            message,
            ..rpc::Status::default()
        });
        requests.push(DiscoveryRequest {
            error_detail,
            ..self.request(kind)
        });
        self.log.push(Applied {
            kind,
            version: response.version_info,
            names,
            rejected,
        });
        if self.warming.is_empty() && self.subscribed[ResourceType::Listener].is_none() {
            requests.push(self.subscribe(ResourceType::Listener, &[]));
        }
        self.check();
        requests
    }

    /// The names and bodies held of a type.
    pub fn held(&self, kind: ResourceType) -> BTreeMap<&str, &Any> {
        self.held[kind]
            .iter()
            .map(|(name, held)| (name.as_str(), &held.body))
            .collect()
    }

    /// The version last accepted of a type; empty before.
    pub fn version(&self, kind: ResourceType) -> &str {
        &self.versions[kind]
    }

    /// The responses taken in, in their order.
    pub fn log(&self) -> &[Applied] {
        &self.log
    }

    /// EDS clusters that wait for their endpoints.
    pub fn warming(&self) -> &BTreeSet<String> {
        &self.warming
    }

    /// Breaches of make-before-break, and nonsense received.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    fn request(&self, kind: ResourceType) -> DiscoveryRequest {
        DiscoveryRequest {
            version_info: self.versions[kind].clone(),
            node: Some(self.node.clone()),
            resource_names: self.subscribed[kind].iter().flatten().cloned().collect(),
            type_url: kind.type_url().to_owned(),
            response_nonce: self.nonces[kind].clone(),
            ..DiscoveryRequest::default()
        }
    }

    /// Applies what is acceptable. Returns the names received, and why the response is rejected.
    fn apply(&mut self, kind: ResourceType, bodies: Vec<Any>) -> (Vec<String>, Option<String>) {
        let (mut names, mut reasons) = (Vec::new(), Vec::new());
        for body in bodies {
            let name = match name_of(kind, &body) {
                Ok(name) => name,
                Err(reason) => {
                    reasons.push(reason);
                    continue;
                }
            };
            names.push(name.clone());
            if !self.is_watched(kind, &name) {
                continue;
            }
            match (self.judge)(kind, &name, &body).map_or_else(|| Held::new(kind, body), Err) {
                Ok(held) => self.hold(kind, name, held),
                Err(reason) => reasons.push(format!("{name}: {reason}")),
            }
        }
        if kind.empty_means_all() {
            self.held[kind].retain(|name, _| names.contains(name));
        }
        (names, Some(reasons.join("; ")).filter(|text| !text.is_empty()))
    }

    /// What is no longer of interest may still be under way.
    fn is_watched(&self, kind: ResourceType, name: &str) -> bool {
        kind.empty_means_all()
            || self.subscribed[kind]
                .as_ref()
                .is_some_and(|names| names.contains(name))
    }

    fn hold(&mut self, kind: ResourceType, name: String, held: Held) {
        match kind {
            ResourceType::Cluster => {
                let before = self.held[kind].get(&name);
                if held.endpoints.is_some() && before.is_none_or(|before| before.body != held.body) {
                    self.warming.insert(name.clone());
                    if before.is_none() {
                        self.cold.insert(name.clone());
                    }
                }
            }
            ResourceType::Endpoint => {
                let clusters = &self.held[ResourceType::Cluster];
                let is_waiting = |cluster: &String| {
                    clusters.get(cluster).and_then(|c| c.endpoints.as_ref()) == Some(&name)
                };
                self.warming.retain(|cluster| !is_waiting(cluster));
                self.cold.retain(|cluster| !is_waiting(cluster));
            }
            ResourceType::Secret | ResourceType::Listener | ResourceType::Route => {}
        }
        self.held[kind].insert(name, held);
    }

    /// Asks for what the resources of a type refer to, and drops what they no longer do.
    fn follow(&mut self, kind: ResourceType) -> Vec<DiscoveryRequest> {
        let held = self.held[kind].values();
        let (target, wanted, anew): (_, BTreeSet<String>, _) = match kind {
            ResourceType::Cluster => {
                let clusters = &self.held[kind];
                self.warming.retain(|name| clusters.contains_key(name));
                self.cold.retain(|name| clusters.contains_key(name));
                let wanted = held.filter_map(|cluster| cluster.endpoints.clone()).collect();
                (ResourceType::Endpoint, wanted, !self.warming.is_empty())
            }
            ResourceType::Listener => {
                let wanted = held
                    .flat_map(|listener| listener.references.routes.clone())
                    .collect();
                (ResourceType::Route, wanted, false)
            }
            ResourceType::Secret | ResourceType::Endpoint | ResourceType::Route => return Vec::new(),
        };
        self.held[target].retain(|name, _| wanted.contains(name));
        let before = self.subscribed[target].as_ref();
        if before.map_or(wanted.is_empty(), |before| *before == wanted) && !anew {
            return Vec::new();
        }
        self.subscribed[target] = Some(wanted);
        vec![self.request(target)]
    }

    fn check(&mut self) {
        let clusters = &self.held[ResourceType::Cluster];
        for kind in [ResourceType::Listener, ResourceType::Route] {
            for (name, held) in &self.held[kind] {
                for cluster in &held.references.clusters {
                    if !clusters.contains_key(cluster) {
                        self.faults.push(format!(
                            "{kind} {name} refers to cluster {cluster}, which is not held"
                        ));
                    } else if self.cold.contains(cluster) {
                        self.faults.push(format!(
                            "{kind} {name} refers to cluster {cluster}, which is not warm"
                        ));
                    }
                }
            }
        }
    }
}

impl Held {
    fn new(kind: ResourceType, body: Any) -> Result<Self, String> {
        let references = References::of(kind, &body)?;
        let endpoints = match kind {
            ResourceType::Cluster => match Readiness::of_cluster(&decode::<Cluster>(&body)?) {
                Readiness::Endpoints(name) => Some(name.to_string()),
                Readiness::AtOnce | Readiness::Unseen => None,
            },
            _ => None,
        };
        Ok(Self {
            body,
            references,
            endpoints,
        })
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("node", &self.node.id)
            .field("versions", &self.versions)
            .field("subscribed", &self.subscribed)
            .field("warming", &self.warming)
            .field("log", &self.log)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

/// The name inside a resource: field 1 of every type that is served.
fn name_of(kind: ResourceType, body: &Any) -> Result<String, String> {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Named {
        #[prost(string, tag = "1")]
        name: String,
    }
    if body.type_url != kind.type_url() {
        return Err(format!("a resource of type {} among {kind}", body.type_url));
    }
    decode::<Named>(body).map(|named| named.name)
}
