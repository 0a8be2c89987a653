//! One resource type on an incremental stream: a response names what is new to the proxy, and what is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;

use super::{Allow, Delivery, Exchange, Gate, Heard, Offer, Request};
use crate::push::{DeltaResponse, Push};
use crate::resource::{Resource, ResourceType, Version};
use crate::set::Collection;
use crate::stats::Protocol;
use crate::subscription::{Selection, Subscription};

/// See the module. Names in a request count whatever its nonce, because no other request will say them again; its
/// nonce tells whether it answers a response.
///
/// Rules: <https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#incremental-xds>
#[derive(Debug, Default)]
pub(crate) struct Delta {
    subscription: Option<Subscription>,
    /// What is known of the proxy, by names that it subscribes to.
    held: BTreeMap<Arc<str>, Holding>,
    /// The version of a whole collection: the proxy has all that it asked for of that one, and nothing else.
    settled: Option<Version>,
    exchange: Exchange,
}

/// What is known of one resource at the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holding {
    /// It is to be told of it, whether it has it or not.
    Asked,
    /// It is being sent this version.
    Sent(Version),
    /// It has this version: accepted, or brought along from an earlier stream.
    Has(Version),
    /// It is being told that there is none.
    Removed,
    /// It may have one, or none: it rejected a response with it, or brought along what is no version of ours.
    Unknown,
}

impl Delivery for Delta {
    const PROTOCOL: Protocol = Protocol::Delta;
    type Request = DeltaDiscoveryRequest;
    type Response = DeltaResponse;

    fn hear(&mut self, kind: ResourceType, request: DeltaDiscoveryRequest) -> Heard {
        let asks =
            !(request.resource_names_subscribe.is_empty() && request.resource_names_unsubscribe.is_empty());
        if self.subscription.is_none() {
            self.meet(kind, request);
            return Heard::Subscribed;
        }
        let is_answer = self.exchange.is_current(&request.response_nonce);
        let answer = is_answer.then(|| self.exchange.answer(request.error_detail));
        let otherwise = if asks { Heard::Asked } else { Heard::Stale };
        let heard = answer.flatten().unwrap_or(otherwise);
        self.conclude(&heard);
        self.unsubscribe(request.resource_names_unsubscribe);
        self.subscribe(request.resource_names_subscribe);
        heard
    }

    fn offer(&mut self, kind: ResourceType, view: &Collection, allow: Allow, last_nonce: &mut u64) -> Offer {
        let Some(subscription) = &self.subscription else {
            return Offer::nothing(Gate::Open);
        };
        if self.exchange.is_awaited() {
            return Offer::nothing(Gate::Waiting);
        }
        if self.settled == Some(view.version()) {
            return Offer::nothing(Gate::Open);
        }
        let selection = subscription.select(view);
        let version = selection.version;
        let is_silent = selection.resources.is_empty() && !subscription.is_wildcard();
        let plan = self.plan(&selection, view, allow);
        if plan.is_due() {
            self.note(&plan);
            return Offer::send(Push {
                kind,
                version,
                nonce: self.exchange.send(version, last_nonce),
                resources: plan.resources,
                removed: plan.removed,
            });
        }
        if self.exchange.gate(version) == Gate::Rejected {
            return Offer::nothing(Gate::Rejected);
        }
        if plan.waits {
            return Offer::nothing(Gate::Waiting);
        }
        if is_silent {
            // The proxy was never told of anything that there is, so nothing vouches for it.
            self.exchange.forget();
        } else {
            self.exchange.settle(version);
        }
        self.settled = Some(view.version()).filter(|_| !plan.keeps);
        Offer::nothing(Gate::Open)
    }

    fn size_with(&self, request: &DeltaDiscoveryRequest) -> usize {
        let names = self.subscription.as_ref().map_or(0, Subscription::len);
        (names + request.resource_names_subscribe.len()).max(request.initial_resource_versions.len())
    }

    fn holds_something(&self) -> bool {
        let holds = |holding: &Holding| *holding != Holding::Asked;
        self.exchange.last().is_some() || self.held.values().any(holds)
    }

    /// Here the proxy says of every resource what it has.
    fn vouch(&mut self, _: Version) -> bool {
        false
    }

    /// Envoy asks for endpoints once, and not again when a changed cluster waits for them.
    fn renew(&mut self, name: &str) {
        // A proxy that came back may be about to say that it has them.
        if self.subscription.is_none() || self.held.contains_key(name) {
            self.held.insert(name.into(), Holding::Asked);
            self.settled = None;
        }
    }

    fn subscription(&self) -> Option<&Subscription> {
        self.subscription.as_ref()
    }

    fn exchange(&self) -> &Exchange {
        &self.exchange
    }
}

/// What of a difference goes out now, and what does not.
#[derive(Debug, Default)]
struct Plan {
    resources: Vec<Arc<Resource>>,
    removed: Vec<Arc<str>>,
    /// The proxy asked for everything and is to be told so, even if that is nothing.
    greets: bool,
    /// Something is left for later.
    waits: bool,
    /// Removals are left for when they are allowed: nobody waits for these.
    keeps: bool,
}

impl Plan {
    fn is_due(&self) -> bool {
        self.greets || !self.resources.is_empty() || !self.removed.is_empty()
    }
}

impl Delta {
    /// Between what is known of the proxy and what it is to have. Each part has a least allowance that it goes out
    /// with; and unless the proxy asked for it, it does not go out when the proxy has rejected this very list.
    fn plan(&self, selection: &Selection<'_>, view: &Collection, allow: Allow) -> Plan {
        let mut plan = Plan::default();
        let is_rejected = self.exchange.gate(selection.version) == Gate::Rejected;
        let is_first = selection.is_wildcard && !self.holds_something();
        if is_first {
            plan.greets = allow >= Allow::Answers;
            plan.waits = !plan.greets;
        }
        for resource in &selection.resources {
            let (is_asked, needs) = match self.held.get(resource.name()) {
                Some(Holding::Has(version)) if *version == resource.version() => continue,
                Some(Holding::Asked) => (true, Allow::Answers),
                _ if is_first => (true, Allow::Answers),
                _ => (false, Allow::Additions),
            };
            if allow >= needs && (is_asked || !is_rejected) {
                plan.resources.push(Arc::clone(resource));
            } else {
                plan.waits = true;
            }
        }
        for (name, holding) in &self.held {
            if view.get(name).is_some() {
                continue;
            }
            let is_asked = *holding == Holding::Asked;
            let needs = if is_asked {
                Allow::Additions
            } else {
                Allow::Changes
            };
            if allow >= needs && (is_asked || !is_rejected) {
                plan.removed.push(Arc::clone(name));
            } else if allow == Allow::Additions {
                plan.keeps = true;
            } else {
                plan.waits = true;
            }
        }
        plan
    }

    /// The plan is being sent.
    fn note(&mut self, plan: &Plan) {
        for resource in &plan.resources {
            let sent = Holding::Sent(resource.version());
            self.held.insert(resource.shared_name(), sent);
        }
        for name in &plan.removed {
            self.held.insert(Arc::clone(name), Holding::Removed);
        }
    }

    /// What the answer to the last response tells of what was in it.
    fn conclude(&mut self, answer: &Heard) {
        let is_accepted = match answer {
            Heard::Acknowledged => true,
            Heard::Rejected(_) => false,
            Heard::Subscribed | Heard::Stale | Heard::Asked => return,
        };
        self.settled = None;
        self.held.retain(|_, holding| {
            *holding = match *holding {
                Holding::Removed if is_accepted => return false,
                Holding::Sent(version) if is_accepted => Holding::Has(version),
                Holding::Sent(_) | Holding::Removed => Holding::Unknown,
                // It was asked for since.
                other => other,
            };
            true
        });
    }

    /// The first request, with what the proxy has brought along.
    fn meet(&mut self, kind: ResourceType, request: DeltaDiscoveryRequest) {
        let renewed = std::mem::take(&mut self.held);
        let names = request.resource_names_subscribe;
        self.subscription = Some(Subscription::new(kind, names.clone()));
        self.subscribe(names);
        let brought = request
            .initial_resource_versions
            .into_iter()
            .map(|(name, version)| {
                let holding = Version::read(&version).map_or(Holding::Unknown, Holding::Has);
                (name.into(), holding)
            });
        for (name, holding) in brought.chain(renewed) {
            if self.covers(&name) {
                self.held.insert(name, holding);
            }
        }
    }

    fn subscribe(&mut self, names: Vec<String>) {
        let Some(subscription) = &mut self.subscription else {
            return;
        };
        for name in names {
            self.settled = None;
            if subscription.add(&name) {
                self.held.insert(name.into(), Holding::Asked);
            }
        }
    }

    /// What is still covered, by the subscription to everything, is to be said again: so the protocol has it.
    fn unsubscribe(&mut self, names: Vec<String>) {
        let Some(subscription) = &mut self.subscription else {
            return;
        };
        for name in names {
            self.settled = None;
            if !subscription.remove(&name) {
                continue;
            }
            if subscription.is_wildcard() {
                self.held.insert(name.into(), Holding::Asked);
            } else {
                self.held.remove(name.as_str());
            }
        }
        if !subscription.is_wildcard() {
            self.held.retain(|name, _| subscription.covers(name));
        }
    }
}

impl Request for DeltaDiscoveryRequest {
    fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }

    fn take_node(&mut self) -> Option<Node> {
        self.node.take()
    }

    fn type_url(&self) -> &str {
        &self.type_url
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.resource_names_subscribe
            .iter()
            .chain(&self.resource_names_unsubscribe)
            .chain(self.initial_resource_versions.keys())
            .map(String::as_str)
    }

    fn version(&self) -> Option<Version> {
        None
    }
}
