//! Random changes, random interleavings: the order of a session against a model of Envoy, in both forms of the protocol.

mod passed_twice;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use proptest::prelude::*;
use tokio::time::Instant;

use super::Session;
use crate::delivery::{Delivery, Delta, Request, StateOfTheWorld};
use crate::push::Push;
use crate::resource::ResourceType;
use crate::set::{Collection, ResourceSet};
use crate::status::SyncState;
use crate::testing::fixtures::{
    dns_cluster, eds_cluster, endpoints, listener, routes, secret, static_cluster,
};
use crate::testing::{Applied, Ask, Model, Told};

const WARM_UP: Duration = Duration::from_secs(1);
/// The model rejects a resource with this text in it.
const BAD: &str = "unacceptable";

/// A set from a small universe, so that sets share, change and lack each other's resources.
#[derive(Clone, Debug)]
struct Plan {
    /// By number of the route configuration: the numbers of its clusters.
    routes: BTreeMap<u8, BTreeSet<u8>>,
    /// Clusters that nothing refers to.
    spare: BTreeSet<u8>,
    /// Clusters whose content is changed.
    changed: BTreeSet<u8>,
    /// The port that all endpoints have.
    port: u16,
    /// The cluster that the model rejects.
    bad: Option<u8>,
    /// Numbers of secrets, all with the text of the port.
    secrets: BTreeSet<u8>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let some_clusters = prop::collection::btree_set(0..6_u8, 0..3);
    let targets = prop::collection::btree_set(0..6_u8, 1..4);
    let routes = prop::collection::btree_map(0..4_u8, targets, 0..4);
    (
        routes,
        some_clusters.clone(),
        some_clusters,
        1..3_u16,
        prop::option::weighted(0.2, 0..6_u8),
        prop::collection::btree_set(0..3_u8, 0..3),
    )
        .prop_map(|(routes, spare, changed, port, bad, secrets)| Plan {
            secrets,
            routes,
            spare,
            changed,
            port,
            bad,
        })
}

impl Plan {
    fn build(&self) -> ResourceSet {
        let clusters: BTreeSet<u8> = self
            .routes
            .values()
            .flatten()
            .chain(&self.spare)
            .copied()
            .collect();
        let mut set = ResourceSet::builder();
        for number in clusters {
            let name = format!("c{number}");
            let mut cluster = match number % 3 {
                0 => static_cluster(&name, self.port),
                1 => dns_cluster(&name, self.port),
                _ => eds_cluster(&name),
            };
            if self.bad == Some(number) {
                BAD.clone_into(&mut cluster.alt_stat_name);
            } else if self.changed.contains(&number) {
                "changed".clone_into(&mut cluster.alt_stat_name);
            }
            set = set.cluster(&cluster).endpoints(&endpoints(&name, &[self.port]));
        }
        for (number, clusters) in &self.routes {
            let names: Vec<String> = clusters.iter().map(|cluster| format!("c{cluster}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let name = format!("r{number}");
            set = set
                .route(&routes(&name, &names))
                .listener(&listener(&format!("l{number}"), 0, &name));
        }
        for number in &self.secrets {
            set = set.secret(&secret(&format!("x{number}"), &self.port.to_string()));
        }
        set.build()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Update(Plan),
    ToProxy,
    ToServer,
    Time,
    Reconnect,
    /// The same, to a server that remembers nothing.
    Restart,
    /// To a secret of that number.
    Subscribe(ResourceType, u8),
    Unsubscribe(ResourceType, u8),
}

/// How often, beside 20 other steps. In state of the world not both: the version of a list goes on vouching for what a
/// proxy has dropped of it, so when it asks for that again on a new stream, it looks as if it had it.
fn steps(reconnects: u32, restarts: u32, unsubscribes: u32) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => plan().prop_map(Step::Update),
        8 => Just(Step::ToProxy),
        8 => Just(Step::ToServer),
        2 => Just(Step::Time),
        1 => (0..3_u8).prop_map(|number| Step::Subscribe(ResourceType::Secret, number)),
        unsubscribes => (0..3_u8).prop_map(|number| Step::Unsubscribe(ResourceType::Secret, number)),
        reconnects => Just(Step::Reconnect),
        restarts => Just(Step::Restart),
    ];
    prop::collection::vec(step, 0..80)
}

/// A form of the protocol between the session and the model.
trait Form: Delivery<Request: From<Ask>> {
    fn model() -> Model;
    fn told(push: &Push) -> Told;
}

impl Form for StateOfTheWorld {
    fn model() -> Model {
        Model::new("node")
    }

    fn told(push: &Push) -> Told {
        push.read::<Self::Response, DiscoveryResponse>().into()
    }
}

impl Form for Delta {
    fn model() -> Model {
        Model::new("node").delta()
    }

    fn told(push: &Push) -> Told {
        push.read::<Self::Response, DeltaDiscoveryResponse>().into()
    }
}

/// A session and a proxy with messages under way between them, in a world with a clock of its own.
struct World<F: Form> {
    session: Session<F>,
    model: Model,
    newest: Arc<ResourceSet>,
    /// What streams that ended left behind: lists of clusters that the proxy may hold.
    left: Vec<Arc<Collection>>,
    to_proxy: VecDeque<Push>,
    to_server: VecDeque<(ResourceType, F::Request)>,
    /// How many of these are the first ones of a stream, which a proxy sends at once.
    first: usize,
    now: Instant,
}

impl<F: Form> World<F> {
    /// A proxy that has settled on a first set.
    fn settled(first: &Plan) -> Self {
        Self::settled_on(first.build())
    }

    fn settled_on(first: ResourceSet) -> Self {
        let model = F::model().rejecting(|_, _, body| {
            body.value
                .windows(BAD.len())
                .any(|part| part == BAD.as_bytes())
                .then(|| BAD.to_owned())
        });
        let mut world = Self {
            session: Session::new(WARM_UP),
            model,
            newest: Arc::new(first),
            left: Vec::new(),
            to_proxy: VecDeque::new(),
            to_server: VecDeque::new(),
            first: 0,
            now: Instant::now(),
        };
        world.step(Step::Reconnect);
        world.settle();
        world
    }

    fn step(&mut self, step: Step) {
        let responses = match step {
            Step::Update(plan) => {
                self.newest = Arc::new(plan.build());
                self.session.update(Arc::clone(&self.newest), self.now)
            }
            Step::ToProxy => {
                if let Some(push) = self.to_proxy.pop_front() {
                    let asks = self.model.receive(F::told(&push));
                    self.say(asks);
                }
                Vec::new()
            }
            Step::ToServer => {
                self.first = self.first.saturating_sub(1);
                let next = self.to_server.pop_front();
                next.map_or_else(Vec::new, |(kind, request)| self.hear(kind, request))
            }
            Step::Time if self.first > 0 => Vec::new(),
            Step::Time => {
                self.now += WARM_UP;
                self.session.tick(self.now)
            }
            Step::Subscribe(kind, number) => {
                let ask = self.model.subscribe(kind, &[&format!("x{number}")]);
                self.say([ask]);
                Vec::new()
            }
            Step::Unsubscribe(kind, number) => {
                let ask = self.model.unsubscribe(kind, &[&format!("x{number}")]);
                self.say([ask]);
                Vec::new()
            }
            // Envoy's version of endpoints goes on vouching for those that it dropped with a cluster: when that cluster
            // comes back and the stream breaks before its endpoints do, the next stream looks as if all were there.
            Step::Reconnect | Step::Restart if !self.model.warming().is_empty() => Vec::new(),
            Step::Reconnect | Step::Restart => {
                self.left.extend_from_slice(self.session.clusters());
                if matches!(step, Step::Restart) {
                    self.left.clear();
                }
                self.session = Session::new(WARM_UP);
                self.to_proxy.clear();
                self.to_server.clear();
                let asks = self.model.connect();
                self.first = asks.len();
                self.say(asks);
                self.session.update(Arc::clone(&self.newest), self.now)
            }
        };
        self.to_proxy.extend(responses);
    }

    /// As a stream does it, see [`stream`](crate::stream).
    fn hear(&mut self, kind: ResourceType, request: F::Request) -> Vec<Push> {
        if kind == ResourceType::Cluster && !self.session.has_met(kind) {
            let version = request.version();
            if let Some(held) = self.left.iter().find(|list| Some(list.version()) == version) {
                self.session.recall(Arc::clone(held));
            }
        }
        self.session.request(kind, request, self.now).1
    }

    fn say(&mut self, asks: impl IntoIterator<Item = Ask>) {
        let requests = asks.into_iter().map(|ask| (ask.kind(), ask.into()));
        self.to_server.extend(requests);
    }

    /// Delivers everything, and lets time pass, until nothing more happens.
    fn settle(&mut self) {
        for _ in 0..1000 {
            if self.to_proxy.is_empty() && self.to_server.is_empty() {
                if self.session.wake_at().is_none() {
                    return;
                }
                self.step(Step::Time);
            }
            self.step(Step::ToProxy);
            self.step(Step::ToServer);
        }
        panic!("does not come to rest: {:?}", self.model);
    }

    fn holds_newest(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.session.state(), SyncState::InSync);
        prop_assert!(
            self.model.warming().is_empty(),
            "warming: {:?}",
            self.model.warming()
        );
        for kind in ResourceType::ALL {
            let wanted: BTreeMap<_, _> = self
                .newest
                .collection(kind)
                .iter()
                .map(|r| (r.name(), r.body()))
                .collect();
            let held: BTreeMap<_, _> = self
                .model
                .held(kind)
                .into_iter()
                .map(|(name, body)| (name, body.clone()))
                .collect();
            match kind {
                ResourceType::Cluster | ResourceType::Listener | ResourceType::Route => {
                    prop_assert_eq!(held, wanted)
                }
                // By reference: endpoints of EDS clusters only.
                ResourceType::Endpoint => {
                    prop_assert!(held.iter().all(|(name, body)| wanted.get(name) == Some(body)));
                }
                // All that it asks for and that there are; to be gone is no reason to drop one.
                ResourceType::Secret => {
                    let names = self.model.subscribed(kind);
                    for (name, body) in wanted.iter().filter(|(name, _)| names.contains(**name)) {
                        prop_assert_eq!(held.get(name), Some(body));
                    }
                }
            }
        }
        Ok(())
    }
}

proptest! {
    /// A route never refers to a cluster that is absent or was never warm, whatever crosses whatever, and
    /// whatever is rejected on the way. In the end the proxy has the newest set.
    #[test]
    fn made_before_broken(first in plan(), steps in steps(0, 0, 1), last in plan()) {
        make_before_break::<StateOfTheWorld>(first, steps, last)?;
    }

    #[test]
    fn made_before_broken_by_delta(first in plan(), steps in steps(0, 0, 1), last in plan()) {
        make_before_break::<Delta>(first, steps, last)?;
    }

    /// Streams may break at any moment: what is missing on a new stream is added before use, and what is gone is removed
    /// after use; the proxy still ends with the newest set, and a stream more sends nothing.
    ///
    /// Without rejections: Envoy applies the good part of what it rejects, and on its next stream states the version
    /// before that, so no server can know from the stream what it holds.
    #[test]
    fn reconnects_converge(first in plan(), steps in steps(2, 0, 0), last in plan()) {
        let world = converge::<StateOfTheWorld>(first, steps, last)?;
        prop_assert_eq!(world.model.faults(), &[] as &[String]);
    }

    #[test]
    fn reconnects_converge_by_delta(first in plan(), steps in steps(2, 1, 1), last in plan()) {
        let world = converge::<Delta>(first, steps, last)?;
        prop_assert_eq!(world.model.faults(), &[] as &[String]);
    }

    /// Whatever happened on the way, both forms of the protocol end with the same.
    #[test]
    fn both_forms_end_with_the_same(first in plan(), steps in steps(1, 1, 0), last in plan()) {
        let one = converge::<StateOfTheWorld>(first.clone(), steps.clone(), last.clone())?;
        let other = converge::<Delta>(first, steps, last)?;
        for kind in [ResourceType::Cluster, ResourceType::Endpoint, ResourceType::Listener, ResourceType::Route] {
            prop_assert_eq!(one.model.held(kind), other.model.held(kind));
        }
    }

    /// Nothing a proxy may say makes a session panic, or send two unanswered responses of a type.
    #[test]
    fn survives_any_request(requests in prop::collection::vec(any_request(), 0..40)) {
        survive::<StateOfTheWorld>(requests)?;
    }

    #[test]
    fn survives_any_delta_request(requests in prop::collection::vec(any_delta_request(), 0..40)) {
        survive::<Delta>(requests)?;
    }
}

fn good(plan: Plan) -> Plan {
    Plan { bad: None, ..plan }
}

fn make_before_break<F: Form>(first: Plan, steps: Vec<Step>, last: Plan) -> Result<(), TestCaseError> {
    let mut world = World::<F>::settled(&good(first));
    for step in steps {
        world.step(step);
    }
    world.step(Step::Update(good(last)));
    world.settle();
    prop_assert_eq!(world.model.faults(), &[] as &[String]);
    world.holds_newest()
}

fn converge<F: Form>(first: Plan, steps: Vec<Step>, last: Plan) -> Result<World<F>, TestCaseError> {
    let mut world = World::<F>::settled(&good(first));
    for step in steps {
        world.step(match step {
            Step::Update(plan) => Step::Update(good(plan)),
            other => other,
        });
    }
    world.step(Step::Update(good(last)));
    world.settle();
    world.holds_newest()?;

    let responses = world.model.log().len();
    world.step(Step::Reconnect);
    world.settle();
    let more: Vec<_> = world.model.log()[responses..]
        .iter()
        .filter(|applied| !applied.names.is_empty() || !is_told_of_nothing(applied))
        .collect();
    prop_assert!(more.is_empty(), "sent again: {:?}", more);
    world.holds_newest()?;
    Ok(world)
}

/// In delta nobody can bring along that there is nothing, and so is told again.
fn is_told_of_nothing(applied: &Applied) -> bool {
    applied.removed.is_empty() || applied.kind == ResourceType::Secret
}

fn survive<F: Form>(requests: Vec<(ResourceType, F::Request, String)>) -> Result<(), TestCaseError> {
    let mut world = World::<F>::settled(&Plan {
        routes: [(0, [0, 1, 2].into())].into(),
        spare: [].into(),
        changed: [].into(),
        port: 1,
        bad: None,
        secrets: [0].into(),
    });
    let mut unanswered: BTreeMap<ResourceType, String> = BTreeMap::new();
    for (kind, request, nonce) in requests {
        if unanswered.get(&kind) == Some(&nonce) {
            unanswered.remove(&kind);
        }
        for push in world.session.request(kind, request, world.now).1 {
            prop_assert_eq!(unanswered.insert(push.kind, push.nonce.to_string()), None);
        }
    }
    Ok(())
}

fn any_nonce() -> impl Strategy<Value = String> {
    (0..20_u8).prop_map(|n| if n == 0 { String::new() } else { n.to_string() })
}

fn any_names() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop_oneof!["[*cr][0-3]?", ".*"], 0..4)
}

fn any_request() -> impl Strategy<Value = (ResourceType, DiscoveryRequest, String)> {
    (
        prop::sample::select(&ResourceType::ALL[..]),
        any_names(),
        any_nonce(),
        ".{0,4}",
        any::<bool>(),
    )
        .prop_map(|(kind, resource_names, response_nonce, version_info, rejects)| {
            let error_detail = rejects.then(Default::default);
            let nonce = response_nonce.clone();
            let request = DiscoveryRequest {
                resource_names,
                response_nonce,
                version_info,
                error_detail,
                type_url: kind.type_url().to_owned(),
                ..DiscoveryRequest::default()
            };
            (kind, request, nonce)
        })
}

fn any_delta_request() -> impl Strategy<Value = (ResourceType, DeltaDiscoveryRequest, String)> {
    (
        prop::sample::select(&ResourceType::ALL[..]),
        any_names(),
        any_names(),
        prop::collection::hash_map("[*cr][0-3]?", ".{0,4}|[0-9a-f]{32}", 0..4),
        any_nonce(),
        any::<bool>(),
    )
        .prop_map(
            |(kind, subscribe, unsubscribe, versions, response_nonce, rejects)| {
                let nonce = response_nonce.clone();
                let request = DeltaDiscoveryRequest {
                    resource_names_subscribe: subscribe,
                    resource_names_unsubscribe: unsubscribe,
                    initial_resource_versions: versions,
                    response_nonce,
                    error_detail: rejects.then(Default::default),
                    type_url: kind.type_url().to_owned(),
                    ..DeltaDiscoveryRequest::default()
                };
                (kind, request, nonce)
            },
        )
}
