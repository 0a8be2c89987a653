//! One state-of-the-world stream without its transport: requests and resource sets in, responses out.
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
//! [`Session::reconcile`] walks these steps from the first at every event and stops where one is open. It keeps no
//! record of "the step we are in": a newer set in the middle of a change simply adds to step 1.
//!
//! A rejection stops the walk: what the proxy holds stays as it is, and nothing is removed. Endpoints and secrets
//! of what it holds are still brought up to date, and a proxy that holds nothing yet is still given what it asks
//! for.

use std::sync::Arc;
use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::ControlPlane;
use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use tokio::time::Instant;

use crate::delivery::{Allow, Delivery, Gate, Heard, Payload};
use crate::resource::{PerType, ResourceType};
use crate::set::{Collection, ResourceSet};
use crate::status::{SyncState, TypeStatus};
use crate::warming::Warming;

/// See the module.
#[derive(Debug)]
pub(crate) struct Session {
    identifier: String,
    warm_up: Duration,
    /// The newest set: where the proxy is being taken.
    target: Option<Arc<ResourceSet>>,
    /// What is offered now, between the old set and the target.
    views: PerType<Arc<Collection>>,
    /// The routes of the last target whose clusters, endpoints and secrets were all accepted.
    usable_routes: Arc<Collection>,
    deliveries: PerType<Delivery>,
    /// Of all but listeners: the last view that the proxy accepted on this stream as a whole. Only that can be in
    /// use, so only that is kept beside the target. What was rejected leaves with the target it came with.
    accepted: PerType<Arc<Collection>>,
    warming: Option<Warming>,
    last_nonce: u64,
    progress: Gate,
    outbox: Vec<DiscoveryResponse>,
}

impl Session {
    /// A session that waits for its first set. `identifier` names the control plane in responses.
    pub(crate) fn new(identifier: String, warm_up: Duration) -> Self {
        Self {
            identifier,
            warm_up,
            target: None,
            views: PerType::default(),
            usable_routes: Arc::default(),
            deliveries: PerType::default(),
            accepted: PerType::default(),
            warming: None,
            last_nonce: 0,
            progress: Gate::Waiting,
            outbox: Vec::new(),
        }
    }

    /// Takes the proxy to a newer set.
    pub(crate) fn update(&mut self, set: Arc<ResourceSet>, now: Instant) -> Vec<DiscoveryResponse> {
        if self.target.is_none() {
            // A proxy that has nothing is better served by a set of which it rejects a part than by none.
            self.release(&set);
        }
        self.target = Some(set);
        self.tick(now)
    }

    /// Takes in a request, and says what it meant.
    pub(crate) fn request(
        &mut self,
        kind: ResourceType,
        request: DiscoveryRequest,
        now: Instant,
    ) -> (Heard, Vec<DiscoveryResponse>) {
        let heard = self.deliveries[kind].hear(kind, request);
        let responses = if heard == Heard::Stale {
            Vec::new()
        } else {
            self.tick(now)
        };
        (heard, responses)
    }

    /// Goes on as far as possible: after [`wake_at`](Self::wake_at) has come.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<DiscoveryResponse> {
        if let Some(target) = self.target.clone() {
            self.progress = self.reconcile(&target, now);
        }
        std::mem::take(&mut self.outbox)
    }

    /// When to [`tick`](Self::tick) if nothing else happens.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.warming.as_ref().map(Warming::until)
    }

    /// How far the proxy has come.
    pub(crate) fn state(&self) -> SyncState {
        if self.target.is_none() {
            SyncState::AwaitingConfiguration
        } else if ResourceType::ALL
            .into_iter()
            .any(|kind| self.deliveries[kind].is_rejected())
        {
            SyncState::Rejected
        } else if self.progress == Gate::Open {
            SyncState::InSync
        } else {
            SyncState::Updating
        }
    }

    /// The status of every type the proxy subscribed to.
    pub(crate) fn types(&self) -> Vec<TypeStatus> {
        ResourceType::ALL
            .into_iter()
            .filter_map(|kind| self.deliveries[kind].status(kind))
            .collect()
    }

    /// The steps of the module's description. Returns the first that is not done, or [`Gate::Open`].
    fn reconcile(&mut self, target: &ResourceSet, now: Instant) -> Gate {
        use ResourceType::{Cluster, Endpoint, Listener, Route, Secret};

        let base = self.add_before_use(target, now).max(self.warm(target, now));
        if base == Gate::Open {
            self.release(target);
        }
        let listeners = base.max(self.offer(Listener, allowed(base, base)));

        self.views[Route] = match listeners {
            Gate::Open => Arc::clone(&self.usable_routes),
            // The listener under way asks for its new routes; those in use wait for it.
            Gate::Rejected | Gate::Waiting => Collection::overlay(&self.usable_routes, &self.accepted[Route]),
        };
        let routes = listeners.max(self.offer(Route, allowed(base, listeners)));
        if routes != Gate::Open {
            return routes;
        }
        self.accept(Route, now);

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
                let offered = self.offer(kind, Allow::Changes);
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

    /// Step 4.
    fn remove_after_use(&mut self, kind: ResourceType, target: &ResourceSet, now: Instant) -> Gate {
        self.views[kind] = Arc::clone(target.collection(kind));
        // At once, and not on acknowledgement: what is removed may not be built on from now.
        self.accept(kind, now);
        self.offer(kind, Allow::Changes)
    }

    /// Called when a type's view is not waited for: notes what the proxy has of it. Clusters may begin to warm.
    fn accept(&mut self, kind: ResourceType, now: Instant) {
        // Without an acknowledgement it has not subscribed to anything in the view.
        let acknowledged = self.deliveries[kind].is_acknowledged();
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
        if kind == ResourceType::Cluster && serves && self.deliveries[kind].has_responded() {
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
        let has_endpoints =
            |name: &str| view.get(name).is_none() || (endpoints.covers(name) && endpoints.is_acknowledged());
        if warming.is_over(now, target.collection(ResourceType::Cluster), has_endpoints) {
            self.warming = None;
            return Gate::Open;
        }
        Gate::Waiting
    }

    /// Sends what is due of a type's view, as far as allowed.
    fn offer(&mut self, kind: ResourceType, allow: Allow) -> Gate {
        let (payload, gate) = self.deliveries[kind].offer(&self.views[kind], allow, &mut self.last_nonce);
        let response = payload.map(|payload| respond(kind, &payload, &self.identifier));
        self.outbox.extend(response);
        gate
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

fn respond(kind: ResourceType, payload: &Payload<'_>, identifier: &str) -> DiscoveryResponse {
    DiscoveryResponse {
        version_info: payload.selection.version.to_string(),
        resources: payload
            .selection
            .resources
            .iter()
            .map(|resource| resource.body().clone())
            .collect(),
        type_url: kind.type_url().to_owned(),
        nonce: payload.nonce.clone(),
        control_plane: Some(ControlPlane {
            identifier: identifier.to_owned(),
        }),
        ..DiscoveryResponse::default()
    }
}

#[cfg(test)]
mod properties;
