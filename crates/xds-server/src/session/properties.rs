//! Random changes, random interleavings: the order of a session against a model of Envoy.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use proptest::prelude::*;
use tokio::time::Instant;

use super::Session;
use crate::resource::ResourceType;
use crate::set::ResourceSet;
use crate::status::SyncState;
use crate::testing::Model;
use crate::testing::fixtures::{dns_cluster, eds_cluster, endpoints, listener, routes, static_cluster};

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
    )
        .prop_map(|(routes, spare, changed, port, bad)| Plan {
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
}

fn steps(reconnects: u32) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => plan().prop_map(Step::Update),
        8 => Just(Step::ToProxy),
        8 => Just(Step::ToServer),
        2 => Just(Step::Time),
        reconnects => Just(Step::Reconnect),
    ];
    prop::collection::vec(step, 0..80)
}

/// A session and a proxy with messages under way between them, in a world with a clock of its own.
struct World {
    session: Session,
    model: Model,
    newest: Arc<ResourceSet>,
    to_proxy: VecDeque<DiscoveryResponse>,
    to_server: VecDeque<DiscoveryRequest>,
    now: Instant,
}

impl World {
    /// A proxy that has settled on a first set.
    fn settled(first: &Plan) -> Self {
        let model = Model::new("node").rejecting(|_, _, body| {
            body.value
                .windows(BAD.len())
                .any(|part| part == BAD.as_bytes())
                .then(|| BAD.to_owned())
        });
        let mut world = Self {
            session: Session::new(String::new(), WARM_UP),
            model,
            newest: Arc::new(first.build()),
            to_proxy: VecDeque::new(),
            to_server: VecDeque::new(),
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
                let response = self.to_proxy.pop_front();
                self.to_server
                    .extend(response.map_or_else(Vec::new, |response| self.model.receive(response)));
                Vec::new()
            }
            Step::ToServer => self.to_server.pop_front().map_or_else(Vec::new, |request| {
                let kind = ResourceType::from_type_url(&request.type_url).unwrap();
                self.session.request(kind, request, self.now).1
            }),
            Step::Time => {
                self.now += WARM_UP;
                self.session.tick(self.now)
            }
            // Envoy's version of endpoints goes on vouching for those that it dropped with a cluster: when that cluster
            // comes back and the stream breaks before its endpoints do, the next stream looks as if all were there.
            Step::Reconnect if !self.model.warming().is_empty() => Vec::new(),
            Step::Reconnect => {
                self.session = Session::new(String::new(), WARM_UP);
                self.to_proxy.clear();
                self.to_server = self.model.connect().into();
                self.session.update(Arc::clone(&self.newest), self.now)
            }
        };
        self.to_proxy.extend(responses);
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
            let held = self.model.held(kind);
            match kind {
                ResourceType::Cluster | ResourceType::Listener | ResourceType::Route => {
                    prop_assert_eq!(held, wanted)
                }
                // By reference: endpoints of EDS clusters only, and no secrets.
                ResourceType::Endpoint | ResourceType::Secret => {
                    prop_assert!(held.iter().all(|(name, body)| wanted.get(name) == Some(body)));
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
    fn made_before_broken(first in plan(), steps in steps(0), last in plan()) {
        let mut world = World::settled(&Plan { bad: None, ..first });
        for step in steps {
            world.step(step);
        }
        world.step(Step::Update(Plan { bad: None, ..last }));
        world.settle();
        prop_assert_eq!(world.model.faults(), &[] as &[String]);
        world.holds_newest()?;
    }

    /// Streams may break at any moment: the proxy still ends with the newest set, and a stream more sends nothing.
    ///
    /// Without rejections: Envoy applies the good part of what it rejects, and on its next stream states the version
    /// before that, so no server can know from the stream what it holds.
    #[test]
    fn reconnects_converge(first in plan(), steps in steps(2), last in plan()) {
        let mut world = World::settled(&Plan { bad: None, ..first });
        for step in steps {
            world.step(match step {
                Step::Update(plan) => Step::Update(Plan { bad: None, ..plan }),
                other => other,
            });
        }
        world.step(Step::Update(Plan { bad: None, ..last }));
        world.settle();
        world.holds_newest()?;

        let responses = world.model.log().len();
        world.step(Step::Reconnect);
        world.settle();
        prop_assert_eq!(world.model.log().len(), responses);
        world.holds_newest()?;
    }

    /// Nothing a proxy may say makes a session panic, or send two unanswered responses of a type.
    #[test]
    fn survives_any_request(requests in prop::collection::vec(any_request(), 0..40)) {
        let mut world = World::settled(&Plan {
            routes: [(0, [0, 1, 2].into())].into(), spare: [].into(), changed: [].into(), port: 1, bad: None,
        });
        let mut unanswered: BTreeMap<ResourceType, String> = BTreeMap::new();
        for (kind, request) in requests {
            if unanswered.get(&kind) == Some(&request.response_nonce) {
                unanswered.remove(&kind);
            }
            for response in world.session.request(kind, request, world.now).1 {
                let kind = ResourceType::from_type_url(&response.type_url).unwrap();
                prop_assert_eq!(unanswered.insert(kind, response.nonce), None);
            }
        }
    }
}

fn any_request() -> impl Strategy<Value = (ResourceType, DiscoveryRequest)> {
    let names = prop::collection::vec(prop_oneof!["[*cr][0-3]?", ".*"], 0..4);
    let nonce = (0..20_u8).prop_map(|n| if n == 0 { String::new() } else { n.to_string() });
    (
        prop::sample::select(&ResourceType::ALL[..]),
        names,
        nonce,
        ".{0,4}",
        any::<bool>(),
    )
        .prop_map(|(kind, resource_names, response_nonce, version_info, rejects)| {
            let error_detail = rejects.then(Default::default);
            let request = DiscoveryRequest {
                resource_names,
                response_nonce,
                version_info,
                error_detail,
                type_url: kind.type_url().to_owned(),
                ..DiscoveryRequest::default()
            };
            (kind, request)
        })
}
