//! One resource type on one stream: what the proxy asked for, was sent, and made of it. Never decides when a change
//! may go out: its caller says what is allowed.
//!
//! [`Delivery`] is what an order of types needs to know of a type, whatever the form of the protocol;
//! [`StateOfTheWorld`] and [`Delta`] are the two forms, and [`Exchange`] is what they have in common.

mod delta;
mod exchange;
mod state_of_the_world;

use std::fmt;

use envoy_types::pb::envoy::config::core::v3::Node;
use prost::Message;

pub(crate) use self::delta::Delta;
pub(crate) use self::exchange::{Exchange, Gate};
pub(crate) use self::state_of_the_world::StateOfTheWorld;
use crate::push::{Push, WireForm};
use crate::resource::{ResourceType, Version};
use crate::set::Collection;
use crate::stats::Protocol;
use crate::status::Nack;
use crate::subscription::Subscription;

/// One resource type on one stream, in one form of the protocol. In both at most one response is unanswered, and
/// what was rejected is not sent again until something changes.
pub(crate) trait Delivery: Default + fmt::Debug + Send + Sync + 'static {
    /// The form.
    const PROTOCOL: Protocol;
    /// Its request.
    type Request: Request;
    /// Its response.
    type Response: WireForm;

    /// Takes in a request of this type.
    fn hear(&mut self, kind: ResourceType, request: Self::Request) -> Heard;

    /// What to send of `view`, as far as allowed, and how far the type has come with that.
    fn offer(&mut self, kind: ResourceType, view: &Collection, allow: Allow, last_nonce: &mut u64) -> Offer;

    /// The most resources that the proxy would be kept in mind with, if it were heard with this request.
    fn size_with(&self, request: &Self::Request) -> usize;

    /// Whether the proxy has, or claims to have, anything of this type.
    fn holds_something(&self) -> bool;

    /// The list of this version is known. Returns whether it is the one that the proxy came with, and so has.
    fn vouch(&mut self, version: Version) -> bool;

    /// The proxy needs `name` again, though it may hold it, and may not ask.
    fn renew(&mut self, name: &str);

    /// `None` before the first request of this type.
    fn subscription(&self) -> Option<&Subscription>;

    /// Responses and answers of this type.
    fn exchange(&self) -> &Exchange;

    /// Whether the proxy subscribes to `name`.
    fn covers(&self, name: &str) -> bool {
        self.subscription()
            .is_some_and(|subscription| subscription.covers(name))
    }
}

/// A request in either form.
pub(crate) trait Request: Message + Default + 'static {
    fn node(&self) -> Option<&Node>;
    fn take_node(&mut self) -> Option<Node>;
    fn type_url(&self) -> &str;
    /// Every name of a resource in it.
    fn names(&self) -> impl Iterator<Item = &str>;
    /// State of the world: the version of the list that the proxy holds, if that can be one of ours.
    fn version(&self) -> Option<Version>;
}

/// What a request meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The first request of this type on this stream.
    Subscribed,
    /// It crossed a newer response and was ignored.
    Stale,
    /// The last response was accepted.
    Acknowledged,
    /// The last response was rejected; the reason is in the status.
    Rejected(Nack),
    /// A change of names, or the same ones asked for again.
    Asked,
}

impl Heard {
    /// Whether it answers a response, and was not sent on the proxy's own account.
    pub(crate) fn is_answer(&self) -> bool {
        matches!(self, Self::Acknowledged | Self::Rejected(_))
    }
}

/// What may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Allow {
    /// Nothing.
    Nothing,
    /// What the proxy asks for and does not hold.
    Answers,
    /// That, what is new, and what is changed. State of the world cannot tell this from [`Changes`](Self::Changes):
    /// what a list leaves out is gone.
    Additions,
    /// That, and removals.
    Changes,
}

/// What is to be sent, and how far a type has come with that.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) push: Option<Push>,
    pub(crate) gate: Gate,
}

impl Offer {
    fn nothing(gate: Gate) -> Self {
        Self { push: None, gate }
    }

    fn send(push: Push) -> Self {
        Self {
            push: Some(push),
            gate: Gate::Waiting,
        }
    }
}
