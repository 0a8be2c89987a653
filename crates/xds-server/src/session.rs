//! One stream without its transport, in either form of the protocol: requests and resource sets in, responses out.
//! Decides what may be sent when. Never does I/O and never waits: it is told the time.
//!
//! # Make before break
//!
//! A proxy must at no moment hold a route to a cluster it does not have. So a change goes out in this order, each
//! step when the proxy has accepted what it builds on:
//!
//! 1. secrets, clusters and endpoints: the new ones beside the old ones;
//! 2. when they are acknowledged, and added clusters had time to warm: listeners;
//! 3. when these are acknowledged: routes;
//! 4. when these are acknowledged: clusters, endpoints and secrets, without what is out of use.
//!
//! Where requests pass the routes of a proxy twice ([`ResourceSetBuilder::interim_route`]), step 3 is three: the second
//! routes with what the first ones lead to before and after, the first ones, and the second ones as they are to be, when
//! nothing can be under way any longer that the old first ones let through.
//!
//! [`Session::reconcile`] walks these steps from the first at every event and stops where one is open. It keeps no
//! record of "the step we are in": a newer set in the middle of a change simply adds to step 1.
//!
//! On a new stream this holds for what the proxy brings along. In the incremental form it says what that is; in state of
//! the world it names a list of clusters by its version, which the streams before this one know, or the source
//! ([`Session::recall`]). Where nobody knows it, clusters that are gone leave with the first list.
//!
//! A rejection stops the walk: what the proxy holds stays as it is, and nothing is removed. Endpoints and secrets
//! of what it holds are still brought up to date, and a proxy that holds nothing yet is still given what it asks
//! for.
//!
//! [`ResourceSetBuilder::interim_route`]: crate::ResourceSetBuilder::interim_route

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::delivery::{Allow, Delivery, Gate, Heard};
use crate::push::Push;
use crate::resource::{PerType, Resource, ResourceType};
use crate::set::{Collection, ResourceSet};
use crate::status::{SyncState, TypeStatus};
use crate::warming::{Readiness, Warming};

/// How long the workers of a proxy may take to have what its main thread acknowledged, on a machine that is busy.
const HANDOVER: Duration = Duration::from_millis(250);

/// See the module.
#[derive(Debug)]
pub(crate) struct Session<D> {
    warm_up: Duration,
    /// The newest set: where the proxy is being taken.
    target: Option<Arc<ResourceSet>>,
    /// What is offered now, between the old set and the target.
    views: PerType<Arc<Collection>>,
    /// The routes of the last target whose clusters, endpoints and secrets were all accepted.
    usable_routes: Arc<Collection>,
    deliveries: PerType<D>,
    /// Of all but listeners: the last view that the proxy accepted on this stream as a whole. Only that can be in
    /// use, so only that is kept beside the target. What was rejected leaves with the target it came with.
    accepted: PerType<Arc<Collection>>,
    /// Of the unanswered response, if it has all of a view.
    sent_routes: Option<SentRoutes>,
    /// All workers of the proxy have the routes that it accepted last from then on.
    handed_over: Option<Instant>,
    /// Requests that the routes before let through may be under way until then.
    under_way: Option<Instant>,
    /// The lists of clusters that the proxy may hold, the newest last: what it accepted last, and what it was sent
    /// since.
    clusters: Vec<Arc<Collection>>,
    warming: Option<Warming>,
    /// A proxy that came back has until then to say what else it holds, before anything is taken from it.
    returning: Option<Instant>,
    last_nonce: u64,
    progress: Gate,
    outbox: Vec<Push>,
}

/// A view of routes that a response is of.
#[derive(Debug)]
struct SentRoutes {
    view: Arc<Collection>,
    /// What they let through before is not to be taken for much longer.
    lead_elsewhere: bool,
}

impl<D: Delivery> Session<D> {
    /// A session that waits for its first set.
    pub(crate) fn new(warm_up: Duration) -> Self {
        Self {
            warm_up,
            target: None,
            views: PerType::default(),
            usable_routes: Arc::default(),
            deliveries: PerType::default(),
            accepted: PerType::default(),
            sent_routes: None,
            handed_over: None,
            under_way: None,
            clusters: Vec::new(),
            warming: None,
            returning: None,
            last_nonce: 0,
            progress: Gate::Waiting,
            outbox: Vec::new(),
        }
    }

    /// Takes the proxy to a newer set.
    pub(crate) fn update(&mut self, set: Arc<ResourceSet>, now: Instant) -> Vec<Push> {
        if self.target.is_none() {
            // A proxy that has nothing is better served by a set of which it rejects a part than by none.
            self.release(&set);
        }
        self.target = Some(set);
        self.tick(now)
    }

    /// Hints before the first request for clusters at the list that the proxy holds by that. In state of the world only
    /// the whole list can say that a cluster stays, so without the ones it holds, they would go before they are out of
    /// use.
    pub(crate) fn recall(&mut self, clusters: Arc<Collection>) {
        self.clusters = vec![clusters];
    }

    /// Takes in a request, and says what it meant.
    pub(crate) fn request(
        &mut self,
        kind: ResourceType,
        request: D::Request,
        now: Instant,
    ) -> (Heard, Vec<Push>) {
        let heard = self.deliveries[kind].hear(kind, request);
        if heard == Heard::Subscribed
            && kind == ResourceType::Cluster
            && self.deliveries[kind].holds_something()
        {
            self.returning = Some(now + self.warm_up);
            self.take_up();
        }
        if kind == ResourceType::Route && heard.is_answer() {
            let sent = self.sent_routes.take();
            if let Some(sent) = sent.filter(|_| heard == Heard::Acknowledged) {
                self.accepted[kind] = sent.view;
                self.handed_over = Some(now + HANDOVER);
                if sent.lead_elsewhere {
                    self.under_way = Some(now + self.warm_up);
                }
            }
        }
        let responses = if heard == Heard::Stale {
            Vec::new()
        } else {
            self.tick(now)
        };
        (heard, responses)
    }

    /// Goes on as far as possible: after [`wake_at`](Self::wake_at) has come.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<Push> {
        for pause in [&mut self.handed_over, &mut self.under_way] {
            pause.take_if(|until| *until <= now);
        }
        if let Some(target) = self.target.clone() {
            self.progress = self.reconcile(&target, now);
        }
        std::mem::take(&mut self.outbox)
    }

    /// When to [`tick`](Self::tick) if nothing else happens.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        let warming = self.warming.as_ref().map(Warming::until);
        let others = [self.returning, self.handed_over, self.under_way]
            .into_iter()
            .flatten();
        warming.into_iter().chain(others).min()
    }

    /// The newest set that was taken in.
    pub(crate) fn target(&self) -> Option<Arc<ResourceSet>> {
        self.target.clone()
    }

    /// How far the proxy has come.
    pub(crate) fn state(&self) -> SyncState {
        if self.target.is_none() {
            SyncState::AwaitingConfiguration
        } else if ResourceType::ALL
            .into_iter()
            .any(|kind| self.deliveries[kind].exchange().is_rejected())
        {
            SyncState::Rejected
        } else if self.progress == Gate::Open {
            SyncState::InSync
        } else {
            SyncState::Updating
        }
    }

    /// Whether the proxy has sent a request of this type.
    pub(crate) fn has_met(&self, kind: ResourceType) -> bool {
        self.deliveries[kind].subscription().is_some()
    }

    /// The lists of clusters that the proxy may hold when the stream ends now.
    pub(crate) fn clusters(&self) -> &[Arc<Collection>] {
        &self.clusters
    }

    /// The status of every type the proxy subscribed to.
    pub(crate) fn types(&self) -> Vec<TypeStatus> {
        ResourceType::ALL
            .into_iter()
            .filter(|kind| self.has_met(*kind))
            .map(|kind| self.deliveries[kind].exchange().status(kind))
            .collect()
    }

    /// See [`Delivery::size_with`].
    pub(crate) fn size_with(&self, kind: ResourceType, request: &D::Request) -> usize {
        self.deliveries[kind].size_with(request)
    }

    /// The steps of the module's description. Returns the first that is not done, or [`Gate::Open`].
    fn reconcile(&mut self, target: &ResourceSet, now: Instant) -> Gate {
        use ResourceType::{Cluster, Endpoint, Listener, Route, Secret};

        let base = self.add_before_use(target, now).max(self.warm(target, now));
        if base == Gate::Open {
            self.release(target);
        }
        let listeners = base.max(self.offer(Listener, allowed(base, base)));

        if listeners != Gate::Open {
            // The listener under way asks for its new routes; those in use wait for it.
            self.views[Route] = Collection::overlay(&self.usable_routes, &self.accepted[Route]);
            return listeners.max(self.offer(Route, allowed(base, listeners)));
        }
        let routes = self.change_routes(target, now);
        if routes != Gate::Open {
            return routes;
        }

        if self.is_returning(now) {
            return Gate::Waiting;
        }

        // Out of use now. The proxy drops the endpoints and secrets of a cluster with the cluster.
        let clusters = self.remove_after_use(Cluster, target, now);
        if clusters != Gate::Open {
            return clusters;
        }
        let endpoints = self.remove_after_use(Endpoint, target, now);
        endpoints.max(self.remove_after_use(Secret, target, now))
    }

    /// Step 1. Endpoints and secrets do not wait for clusters: on one stream they arrive in the order sent.
    fn add_before_use(&mut self, target: &ResourceSet, now: Instant) -> Gate {
        use ResourceType::{Cluster, Endpoint, Secret};
        [Secret, Cluster, Endpoint]
            .into_iter()
            .fold(Gate::Open, |gate, kind| {
                self.views[kind] = Collection::overlay(&self.accepted[kind], target.collection(kind));
                let offered = self.offer(kind, Allow::Additions);
                if offered == Gate::Open {
                    self.accept(kind, now);
                }
                gate.max(offered)
            })
    }

    /// Step 1 is done: listeners and routes may refer to what is in the target.
    fn release(&mut self, target: &ResourceSet) {
        self.views[ResourceType::Listener] = Arc::clone(target.collection(ResourceType::Listener));
        self.usable_routes = Arc::clone(target.collection(ResourceType::Route));
    }

    /// Step 3. Until the second routes have what the first ones are about to lead to, those stay; and until nothing is under
    /// way that the first ones let through before, the second ones keep that.
    fn change_routes(&mut self, target: &ResourceSet, now: Instant) -> Gate {
        let (routes, interim) = (target.collection(ResourceType::Route), target.interim_routes());
        let held = Arc::clone(&self.accepted[ResourceType::Route]);
        let changes = |route: &Arc<Resource>| {
            let held = held.get(route.name());
            interim.get(route.name()).is_none() && held.is_some_and(|held| held.version() != route.version())
        };
        let lead_elsewhere = !interim.is_empty() && routes.iter().any(changes);
        let meanwhile = Collection::overlay(routes, interim);
        if lead_elsewhere {
            let beside = Collection::overlay(&held, interim);
            let gate = self.offer_routes(Collection::overlay(&meanwhile, &beside), false, now);
            if gate != Gate::Open {
                return gate;
            }
            if self.handed_over.is_some() {
                return Gate::Waiting;
            }
        }
        self.handed_over = None;
        if lead_elsewhere || self.under_way.is_some() {
            let leaves = lead_elsewhere && meanwhile != *routes;
            let gate = self.offer_routes(meanwhile, leaves, now);
            if gate != Gate::Open {
                return gate;
            }
            if self.under_way.is_some() {
                return Gate::Waiting;
            }
        }
        self.offer_routes(Arc::clone(routes), false, now)
    }

    /// Sends what is due of a view of routes; `lead_elsewhere` when some of it is to be taken back after a pause.
    fn offer_routes(&mut self, view: Arc<Collection>, lead_elsewhere: bool, now: Instant) -> Gate {
        let responses = self.outbox.len();
        self.views[ResourceType::Route] = view;
        let gate = self.offer(ResourceType::Route, Allow::Changes);
        if self.outbox.len() > responses {
            let view = Arc::clone(&self.views[ResourceType::Route]);
            self.sent_routes = Some(SentRoutes { view, lead_elsewhere });
        }
        if gate == Gate::Open {
            self.accept(ResourceType::Route, now);
        }
        gate
    }

    /// Step 4.
    fn remove_after_use(&mut self, kind: ResourceType, target: &ResourceSet, now: Instant) -> Gate {
        self.views[kind] = Arc::clone(target.collection(kind));
        // At once, and not on acknowledgement: what is removed may not be built on from now.
        self.accept(kind, now);
        self.offer(kind, Allow::Changes)
    }

    /// Whether the proxy may hold listeners or routes from an earlier stream that it has not told of yet.
    fn is_returning(&mut self, now: Instant) -> bool {
        let in_use = [ResourceType::Listener, ResourceType::Route];
        let has_told = in_use.into_iter().all(|kind| self.has_met(kind));
        if self.returning.is_some_and(|until| now >= until) || has_told {
            self.returning = None;
        }
        self.returning.is_some()
    }

    /// Called when a type's view is not waited for: notes what the proxy has of it. Clusters may begin to warm.
    fn accept(&mut self, kind: ResourceType, now: Instant) {
        // Without an acknowledgement it has not subscribed to anything in the view.
        let acknowledged = self.deliveries[kind].exchange().is_acknowledged();
        let accepted = if acknowledged {
            Arc::clone(&self.views[kind])
        } else {
            Arc::default()
        };
        let before = std::mem::replace(&mut self.accepted[kind], accepted);
        // A proxy that has no listeners and routes yet asks for them itself, when its clusters are warm; and one
        // that came back with these very clusters has them warm.
        let in_use = [ResourceType::Listener, ResourceType::Route];
        let serves = in_use
            .into_iter()
            .any(|kind| self.deliveries[kind].holds_something());
        if kind == ResourceType::Cluster && serves && self.deliveries[kind].exchange().has_responded() {
            let until = now + self.warm_up;
            self.warming = Warming::start(&before, &self.accepted[kind], until, self.warming.take());
        }
    }

    /// Whether clusters are warming that listeners and routes may be about to use.
    fn warm(&mut self, target: &ResourceSet, now: Instant) -> Gate {
        let Some(warming) = &self.warming else {
            return Gate::Open;
        };
        let endpoints = &self.deliveries[ResourceType::Endpoint];
        let view = &self.views[ResourceType::Endpoint];
        let has_endpoints = |name: &str| {
            view.get(name).is_none() || (endpoints.covers(name) && endpoints.exchange().is_acknowledged())
        };
        if warming.is_over(now, target.collection(ResourceType::Cluster), has_endpoints) {
            self.warming = None;
            return Gate::Open;
        }
        Gate::Waiting
    }

    /// Sends what is due of a type's view, as far as allowed.
    fn offer(&mut self, kind: ResourceType, allow: Allow) -> Gate {
        let offer = self.deliveries[kind].offer(kind, &self.views[kind], allow, &mut self.last_nonce);
        if let Some(push) = offer.push {
            self.renew_endpoints(&push);
            self.outbox.push(push);
        }
        if kind == ResourceType::Cluster {
            self.note_clusters();
        }
        offer.gate
    }

    /// A proxy came back: if it has the list that was recalled, all goes on as on its last stream.
    fn take_up(&mut self) {
        let recalled = std::mem::take(&mut self.clusters).pop();
        let clusters = &mut self.deliveries[ResourceType::Cluster];
        if let Some(held) = recalled.filter(|held| clusters.vouch(held.version())) {
            self.accepted[ResourceType::Cluster] = Arc::clone(&held);
            self.clusters.push(held);
        }
    }

    /// Keeps in mind what was just offered, and forgets what the proxy holds no longer.
    fn note_clusters(&mut self) {
        let offered = &self.views[ResourceType::Cluster];
        if !self.clusters.iter().any(|list| list == offered) {
            self.clusters.push(Arc::clone(offered));
        }
        let exchange = self.deliveries[ResourceType::Cluster].exchange();
        self.clusters.retain(|list| exchange.may_hold(list.version()));
    }

    /// A cluster that is sent waits for its endpoints, also when it was there before and they are the same.
    fn renew_endpoints(&mut self, push: &Push) {
        // No other type has this readiness.
        for cluster in &push.resources {
            if let Readiness::Endpoints(name) = cluster.readiness() {
                self.deliveries[ResourceType::Endpoint].renew(name);
            }
        }
    }
}

/// What may be sent of listeners and routes, which build on step 1 (`base`) and on all `before` them.
fn allowed(base: Gate, before: Gate) -> Allow {
    match (base, before) {
        (_, Gate::Open) => Allow::Changes,
        (Gate::Waiting, _) => Allow::Nothing,
        _ => Allow::Answers,
    }
}

#[cfg(test)]
mod properties;
