//! Envoy's side of a stream, in either form of the protocol, without I/O. Never a proxy: it holds resources and checks
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::google::protobuf::Any;

use super::messages::{Ask, Told};
use super::references::{References, decode};
use crate::resource::{PerType, ResourceType};
use crate::stats::Protocol;
use crate::warming::Readiness;

/// Says of a resource (type, name, body) why it is rejected; `None` accepts it.
type Judge = Box<dyn Fn(ResourceType, &str, &Any) -> Option<String> + Send>;

/// A proxy that subscribes, applies, acknowledges and rejects as Envoy does:
///
/// * clusters first; listeners when these are warm; endpoints and routes by reference, asked for before the
///   acknowledgement of what refers to them;
/// * an added *or changed* EDS cluster waits for its endpoints, and is warm when they arrive; it asks for them again in
///   state of the world, and in delta only when nothing else of the proxy did before;
/// * the good resources of a response are applied even when it is rejected because of others;
/// * in delta only clusters and listeners can be removed, the others go with what refers to them;
/// * versions, names and resources outlive the stream, nonces do not.
///
/// After every response it checks that whatever it holds refers only to clusters that it holds and that were warm
/// once; breaches are in [`faults`](Self::faults).
pub struct Model {
    protocol: Protocol,
    node: Node,
    held: PerType<BTreeMap<String, Held>>,
    subscribed: PerType<Option<BTreeSet<String>>>,
    versions: PerType<String>,
    /// Delta: the versions of the resources last accepted.
    known: PerType<BTreeMap<String, String>>,
    nonces: PerType<String>,
    /// Delta: the names that this stream has heard of; `None` before the first request of a type.
    stated: PerType<Option<BTreeSet<String>>>,
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
    /// Delta: the names of those that are gone.
    pub removed: Vec<String>,
    /// Why it was rejected, if it was.
    pub rejected: Option<String>,
}

impl Model {
    /// A proxy of that node id and nothing else, which accepts everything.
    pub fn new(node_id: &str) -> Self {
        Self {
            protocol: Protocol::StateOfTheWorld,
            node: Node {
                id: node_id.to_owned(),
                ..Node::default()
            },
            held: PerType::default(),
            subscribed: PerType::default(),
            versions: PerType::default(),
            known: PerType::default(),
            nonces: PerType::default(),
            stated: PerType::default(),
            warming: BTreeSet::new(),
            cold: BTreeSet::new(),
            judge: Box::new(|_, _, _| None),
            log: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Speaks the incremental form of the protocol.
    #[must_use]
    pub fn delta(mut self) -> Self {
        self.protocol = Protocol::Delta;
        self
    }

    /// The form of the protocol that it speaks.
    pub fn protocol(&self) -> Protocol {
        self.protocol
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
    pub fn connect(&mut self) -> Vec<Ask> {
        use ResourceType::{Cluster, Endpoint, Listener, Route, Secret};
        self.nonces = PerType::default();
        self.stated = PerType::default();
        self.subscribed[Cluster].get_or_insert_default();
        let order = [Cluster, Endpoint, Listener, Route, Secret];
        order
            .into_iter()
            .filter(|kind| self.subscribed[*kind].is_some())
            .collect::<Vec<_>>()
            .into_iter()
            .map(|kind| self.ask(kind))
            .collect()
    }

    /// Subscribes to names, in addition to what references call for: the request to send.
    pub fn subscribe(&mut self, kind: ResourceType, names: &[&str]) -> Ask {
        let subscribed = self.subscribed[kind].get_or_insert_default();
        subscribed.extend(names.iter().map(ToString::to_string));
        self.ask(kind)
    }

    /// Unsubscribes from names: the request to send.
    pub fn unsubscribe(&mut self, kind: ResourceType, names: &[&str]) -> Ask {
        let subscribed = self.subscribed[kind].get_or_insert_default();
        subscribed.retain(|name| !names.contains(&name.as_str()));
        self.drop_unsubscribed(kind);
        self.ask(kind)
    }

    /// Takes in a response: the requests to send, in order.
    pub fn receive(&mut self, response: impl Into<Told>) -> Vec<Ask> {
        let response = response.into();
        let Some(kind) = ResourceType::from_type_url(&response.type_url) else {
            self.faults.push(format!(
                "a response of type {:?}, which was not asked for",
                response.type_url
            ));
            return Vec::new();
        };
        self.check_labels(kind, &response);
        let Told {
            resources, removed, ..
        } = response;
        let labels: Vec<_> = resources.iter().filter_map(|(label, _)| label.clone()).collect();
        let bodies = resources.into_iter().map(|(_, body)| body).collect();
        let (names, rejected) = self.apply(kind, bodies, &removed);
        let mut requests = self.follow(kind);
        self.nonces[kind] = response.nonce;
        if rejected.is_none() {
            self.versions[kind].clone_from(&response.version);
            self.known[kind].extend(labels);
            self.known[kind].retain(|name, _| !removed.contains(name));
            self.drop_unsubscribed(kind);
        }
        requests.push(Ask {
            is_answer: true,
            rejected: rejected.clone(),
            ..self.ask(kind)
        });
        self.log.push(Applied {
            kind,
            version: response.version,
            names,
            removed,
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

    /// The names that it asks for of a type.
    pub fn subscribed(&self, kind: ResourceType) -> BTreeSet<String> {
        self.subscribed[kind].clone().unwrap_or_default()
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

    fn ask(&mut self, kind: ResourceType) -> Ask {
        let names = self.subscribed[kind].clone().unwrap_or_default();
        let is_first = self.stated[kind].is_none();
        let before = self.stated[kind].replace(names.clone()).unwrap_or_default();
        Ask {
            kind,
            node: self.node.clone(),
            nonce: self.nonces[kind].clone(),
            is_answer: false,
            rejected: None,
            version: self.versions[kind].clone(),
            subscribe: names.difference(&before).cloned().collect(),
            unsubscribe: before.difference(&names).cloned().collect(),
            versions: if is_first {
                self.known[kind].clone()
            } else {
                BTreeMap::new()
            },
            names,
        }
    }

    /// Delta: every resource bears its own name, none is there twice, and none that the proxy has.
    fn check_labels(&mut self, kind: ResourceType, response: &Told) {
        // What a proxy has of a response that it rejected is known to nobody: it is sent again with the next change.
        // And what is asked for by name may have been asked for again.
        let rejected = |applied: &Applied| applied.kind == kind && applied.rejected.is_some();
        let may_be_repeated = !kind.empty_means_all() || self.log.iter().any(rejected);
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut faults = Vec::new();
        for (label, body) in &response.resources {
            let Some((name, version)) = label else { continue };
            if name_of(kind, body).as_ref() != Ok(name) {
                faults.push(format!("{kind}: a resource bears the wrong name {name}"));
            }
            if !seen.insert(name) {
                faults.push(format!("{kind}: {name} is there twice"));
            }
            if !may_be_repeated && self.known[kind].get(name) == Some(version) {
                faults.push(format!("{kind}: {name} was sent though it is held"));
            }
        }
        for name in &response.removed {
            if !seen.insert(name) {
                faults.push(format!("{kind}: {name} is there twice"));
            }
        }
        self.faults.extend(faults);
    }

    /// Applies what is acceptable. Returns the names received, and why the response is rejected.
    fn apply(
        &mut self,
        kind: ResourceType,
        bodies: Vec<Any>,
        removed: &[String],
    ) -> (Vec<String>, Option<String>) {
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
            match self.protocol {
                Protocol::StateOfTheWorld => self.held[kind].retain(|name, _| names.contains(name)),
                Protocol::Delta => self.held[kind].retain(|name, _| !removed.contains(name)),
            }
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
    fn follow(&mut self, kind: ResourceType) -> Vec<Ask> {
        let held = self.held[kind].values();
        let (target, wanted, anew): (_, BTreeSet<String>, _) = match kind {
            ResourceType::Cluster => {
                let clusters = &self.held[kind];
                self.warming.retain(|name| clusters.contains_key(name));
                self.cold.retain(|name| clusters.contains_key(name));
                let wanted = held.filter_map(|cluster| cluster.endpoints.clone()).collect();
                let asks_again = self.protocol == Protocol::StateOfTheWorld && !self.warming.is_empty();
                (ResourceType::Endpoint, wanted, asks_again)
            }
            ResourceType::Listener => {
                let wanted = held
                    .flat_map(|listener| listener.references.routes.clone())
                    .collect();
                (ResourceType::Route, wanted, false)
            }
            ResourceType::Secret | ResourceType::Endpoint | ResourceType::Route => return Vec::new(),
        };
        let before = self.subscribed[target].as_ref();
        if before.map_or(wanted.is_empty(), |before| *before == wanted) && !anew {
            return Vec::new();
        }
        self.subscribed[target] = Some(wanted);
        self.drop_unsubscribed(target);
        vec![self.ask(target)]
    }

    /// Of types asked for by name, the proxy keeps what it asks for, and vouches for nothing else.
    fn drop_unsubscribed(&mut self, kind: ResourceType) {
        let names = self.subscribed[kind].as_ref();
        let is_wanted = |name: &String| names.is_some_and(|names| names.contains(name));
        if !kind.empty_means_all() {
            self.held[kind].retain(|name, _| is_wanted(name));
            self.known[kind].retain(|name, _| is_wanted(name));
        }
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
