//! One resource type on one state-of-the-world stream: what the proxy asked for, was sent, and made of it.
//! Never decides when a change may go out: its caller says what is allowed.

use std::time::SystemTime;

use envoy_types::pb::envoy::service::discovery::v3::DiscoveryRequest;

use crate::resource::{ResourceType, Version};
use crate::set::Collection;
use crate::status::{Nack, TypeStatus};
use crate::subscription::{Selection, Subscription};

/// The text of a rejection is cut here, so that a proxy cannot fill the memory of the server with it.
const MAX_REASON: usize = 4096;

/// See the module. The rules of the protocol that it holds:
///
/// * A request counts when it bears the nonce of the last response of its type on this stream (none before the
///   first). Any other crossed that response on the way, and the proxy will state its names again.
/// * At most one response is unanswered.
/// * A rejected version is not sent again until its content changes.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    subscription: Option<Subscription>,
    /// The version the proxy stated when it came: what it holds from an earlier stream, until we know better.
    claim: Option<String>,
    last: Option<Sent>,
    nonce: String,
    acknowledged: Option<Version>,
    last_nack: Option<Nack>,
    /// The proxy asked for something again, and is to be answered even if nothing changed.
    owed: bool,
}

/// The last list of resources the proxy was sent, or claimed to hold and does.
#[derive(Debug, Clone, Copy)]
struct Sent {
    version: Version,
    answer: Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Awaited,
    Acknowledged,
    Rejected,
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
    /// Whether it answers a response, and not on its own account.
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
    /// That, and changes of what it holds.
    Changes,
}

/// How far a type has come, the better first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gate {
    /// The proxy has accepted all there is, or has not subscribed.
    Open,
    /// The proxy has rejected it.
    Rejected,
    /// Something is not sent or not answered yet.
    Waiting,
}

/// A list of resources to be sent.
#[derive(Debug)]
pub(crate) struct Payload<'a> {
    pub(crate) selection: Selection<'a>,
    pub(crate) nonce: String,
}

impl Delivery {
    /// Takes in a request of this type.
    pub(crate) fn hear(&mut self, kind: ResourceType, request: DiscoveryRequest) -> Heard {
        let Some(subscription) = &mut self.subscription else {
            self.subscription = Some(Subscription::new(kind, request.resource_names));
            self.claim = Some(request.version_info).filter(|version| !version.is_empty());
            return Heard::Subscribed;
        };
        if request.response_nonce != self.nonce {
            return Heard::Stale;
        }
        let grows = subscription.restate(kind, request.resource_names);
        let named = !subscription.is_wildcard();
        let awaited = self.last.as_mut().filter(|sent| sent.answer == Answer::Awaited);
        let heard = match (awaited, request.error_detail) {
            (Some(sent), Some(error)) => {
                sent.answer = Answer::Rejected;
                let nack = Nack {
                    version: sent.version,
                    reason: cut(error.message),
                    at: SystemTime::now(),
                };
                self.last_nack = Some(nack.clone());
                Heard::Rejected(nack)
            }
            (Some(sent), None) => {
                sent.answer = Answer::Acknowledged;
                self.acknowledged = Some(sent.version);
                Heard::Acknowledged
            }
            (None, Some(_)) => Heard::Asked,
            (None, None) => {
                // Not an answer, so a question, even when no name is new: Envoy asks again when it warms a changed
                // cluster, and waits for endpoints although they are the same.
                self.owed |= named;
                Heard::Asked
            }
        };
        self.owed |= named && grows;
        heard
    }

    /// What to send of `view`, as far as allowed, and how far the type has come with that.
    pub(crate) fn offer<'a>(
        &mut self,
        view: &'a Collection,
        allow: Allow,
        next_nonce: &mut u64,
    ) -> (Option<Payload<'a>>, Gate) {
        let Some(subscription) = &self.subscription else {
            return (None, Gate::Open);
        };
        if self.is_awaited() {
            return (None, Gate::Waiting);
        }
        let selection = subscription.select(view);
        let says_nothing = selection.resources.is_empty() && !subscription.is_wildcard();
        if says_nothing && !(subscription.is_empty() && self.last.is_some()) {
            // To leave a name out does not remove it, so there is nothing to say. What comes next is news.
            // But one who has given up all names is told so: its version must not vouch for them when it comes back.
            self.last = None;
            self.owed = false;
            return (None, Gate::Open);
        }
        self.settle_claim(selection.version);
        if !self.is_due(selection.version, allow) {
            return (None, self.gate(selection.version));
        }
        *next_nonce += 1;
        self.nonce = next_nonce.to_string();
        self.last = Some(Sent {
            version: selection.version,
            answer: Answer::Awaited,
        });
        self.claim = None;
        self.owed = false;
        (
            Some(Payload {
                selection,
                nonce: self.nonce.clone(),
            }),
            Gate::Waiting,
        )
    }

    /// Whether the proxy has accepted, on this stream or before it, all of what it was offered last.
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.last.is_some_and(|sent| sent.answer == Answer::Acknowledged)
    }

    /// Whether the proxy has rejected what it was offered last.
    pub(crate) fn is_rejected(&self) -> bool {
        self.last.is_some_and(|sent| sent.answer == Answer::Rejected)
    }

    /// Whether the proxy subscribes to `name`.
    pub(crate) fn covers(&self, name: &str) -> bool {
        self.subscription
            .as_ref()
            .is_some_and(|subscription| subscription.covers(name))
    }

    /// Whether the proxy has, or claims to have, anything of this type.
    pub(crate) fn holds_something(&self) -> bool {
        self.last.is_some() || self.claim.is_some()
    }

    /// Whether a response went out on this stream.
    pub(crate) fn has_responded(&self) -> bool {
        !self.nonce.is_empty()
    }

    /// For the list of proxies; `None` when not subscribed.
    pub(crate) fn status(&self, kind: ResourceType) -> Option<TypeStatus> {
        self.subscription.as_ref()?;
        Some(TypeStatus {
            kind,
            sent: self.last.map(|sent| sent.version),
            acknowledged: self.acknowledged,
            last_nack: self.last_nack.clone(),
        })
    }

    fn is_awaited(&self) -> bool {
        self.last.is_some_and(|sent| sent.answer == Answer::Awaited)
    }

    /// A proxy that comes back with the version it would be sent has it already.
    fn settle_claim(&mut self, version: Version) {
        if self
            .claim
            .take_if(|claim| *claim == version.to_string())
            .is_some()
        {
            self.last = Some(Sent {
                version,
                answer: Answer::Acknowledged,
            });
            self.acknowledged = Some(version);
        }
    }

    fn is_due(&self, version: Version, allow: Allow) -> bool {
        let holds_nothing = !self.holds_something();
        match allow {
            Allow::Nothing => false,
            Allow::Answers => self.owed || holds_nothing,
            Allow::Changes => self.owed || self.last.is_none_or(|sent| sent.version != version),
        }
    }

    fn gate(&self, version: Version) -> Gate {
        match self.last {
            Some(sent) if sent.version == version => match sent.answer {
                Answer::Acknowledged => Gate::Open,
                Answer::Rejected => Gate::Rejected,
                Answer::Awaited => Gate::Waiting,
            },
            _ => Gate::Waiting,
        }
    }
}

/// At most [`MAX_REASON`] bytes of `text`, cut between characters.
fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_REASON));
    text
}
