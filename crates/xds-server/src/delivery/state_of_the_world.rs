//! One resource type on a state-of-the-world stream: every response lists all that the proxy is to have.

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::DiscoveryRequest;

use super::{Allow, Delivery, Exchange, Gate, Heard, Offer, Request};
use crate::push::{Push, StateOfTheWorldResponse};
use crate::resource::{ResourceType, Version};
use crate::set::Collection;
use crate::stats::Protocol;
use crate::subscription::Subscription;

/// See the module. A request counts when it bears the nonce of the last response of its type on this stream (none
/// before the first). Any other crossed that response on the way, and the proxy will state its names again.
#[derive(Debug, Default)]
pub(crate) struct StateOfTheWorld {
    subscription: Option<Subscription>,
    /// The version the proxy stated when it came: what it holds from an earlier stream, until we know better.
    claim: Option<String>,
    /// The proxy asked for something again, and is to be answered even if nothing changed.
    owed: bool,
    exchange: Exchange,
}

impl Delivery for StateOfTheWorld {
    const PROTOCOL: Protocol = Protocol::StateOfTheWorld;
    type Request = DiscoveryRequest;
    type Response = StateOfTheWorldResponse;

    fn hear(&mut self, kind: ResourceType, request: DiscoveryRequest) -> Heard {
        let Some(subscription) = &mut self.subscription else {
            self.subscription = Some(Subscription::new(kind, request.resource_names));
            self.claim = Some(request.version_info).filter(|version| !version.is_empty());
            return Heard::Subscribed;
        };
        if !self.exchange.is_current(&request.response_nonce) {
            return Heard::Stale;
        }
        let grows = subscription.restate(kind, request.resource_names);
        let named = !subscription.is_wildcard();
        self.owed |= named && grows;
        let is_question = !self.exchange.is_awaited() && request.error_detail.is_none();
        // No name has to be new: Envoy asks again when it warms a changed cluster, and waits for endpoints although
        // they are the same.
        self.owed |= named && is_question;
        self.exchange.answer(request.error_detail).unwrap_or(Heard::Asked)
    }

    fn offer(&mut self, kind: ResourceType, view: &Collection, allow: Allow, last_nonce: &mut u64) -> Offer {
        let Some(subscription) = &self.subscription else {
            return Offer::nothing(Gate::Open);
        };
        if self.exchange.is_awaited() {
            return Offer::nothing(Gate::Waiting);
        }
        let selection = subscription.select(view);
        let says_nothing = selection.resources.is_empty() && !subscription.is_wildcard();
        if says_nothing && !(subscription.is_empty() && self.exchange.last().is_some()) {
            // To leave a name out does not remove it, so there is nothing to say. What comes next is news.
            // But one who has given up all names is told so: its version must not vouch for them when it comes back.
            self.exchange.forget();
            self.owed = false;
            return Offer::nothing(Gate::Open);
        }
        let version = selection.version;
        let resources = selection.resources.into_iter().cloned().collect();
        self.vouch(version);
        if !self.is_due(version, allow) {
            return Offer::nothing(self.exchange.gate(version));
        }
        self.claim = None;
        self.owed = false;
        Offer::send(Push {
            kind,
            version,
            nonce: self.exchange.send(version, last_nonce),
            resources,
            removed: Vec::new(),
        })
    }

    fn size_with(&self, request: &DiscoveryRequest) -> usize {
        request.resource_names.len()
    }

    fn holds_something(&self) -> bool {
        self.exchange.last().is_some() || self.claim.is_some()
    }

    fn vouch(&mut self, version: Version) -> bool {
        let holds = self.claim.take_if(|claim| *claim == version.to_string());
        if holds.is_some() {
            self.exchange.settle(version);
        }
        holds.is_some()
    }

    /// Here the proxy asks.
    fn renew(&mut self, _: &str) {}

    fn subscription(&self) -> Option<&Subscription> {
        self.subscription.as_ref()
    }

    fn exchange(&self) -> &Exchange {
        &self.exchange
    }
}

impl StateOfTheWorld {
    fn is_due(&self, version: Version, allow: Allow) -> bool {
        match allow {
            Allow::Nothing => false,
            Allow::Answers => self.owed || !self.holds_something(),
            Allow::Additions | Allow::Changes => self.owed || self.exchange.last() != Some(version),
        }
    }
}

impl Request for DiscoveryRequest {
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
        self.resource_names.iter().map(String::as_str)
    }

    fn version(&self) -> Option<Version> {
        Version::read(&self.version_info)
    }
}
