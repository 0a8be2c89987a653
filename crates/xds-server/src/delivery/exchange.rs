//! The last response of one type and its answer: the same in both forms of the protocol. Never knows what was in it.

use std::time::SystemTime;

use envoy_types::pb::google::rpc;

use super::Heard;
use crate::resource::{ResourceType, Version};
use crate::status::{Nack, TypeStatus};

/// The text of a rejection is cut here, so that a proxy cannot fill the memory of the server with it.
const MAX_REASON: usize = 4096;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// Of the last response on this stream; `None` before the first.
    nonce: Option<u64>,
    last: Option<Sent>,
    acknowledged: Option<Version>,
    last_nack: Option<Nack>,
}

/// The last list of resources the proxy was taken to, or claimed to hold and does.
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

impl Exchange {
    /// Whether a request with this nonce has seen the last response; without one yet, any request without a nonce.
    pub(super) fn is_current(&self, nonce: &str) -> bool {
        match self.nonce {
            Some(last) => nonce.parse() == Ok(last),
            None => nonce.is_empty(),
        }
    }

    /// Takes in the answer to the last response; `None` when it has one already, or there was no response.
    pub(super) fn answer(&mut self, error: Option<rpc::Status>) -> Option<Heard> {
        let sent = self.last.as_mut().filter(|sent| sent.answer == Answer::Awaited)?;
        let Some(error) = error else {
            sent.answer = Answer::Acknowledged;
            self.acknowledged = Some(sent.version);
            return Some(Heard::Acknowledged);
        };
        sent.answer = Answer::Rejected;
        let nack = Nack {
            version: sent.version,
            reason: cut(error.message),
            at: SystemTime::now(),
        };
        self.last_nack = Some(nack.clone());
        Some(Heard::Rejected(nack))
    }

    /// Notes a response, and gives it a nonce.
    pub(super) fn send(&mut self, version: Version, last_nonce: &mut u64) -> u64 {
        *last_nonce += 1;
        self.nonce = Some(*last_nonce);
        self.last = Some(Sent {
            version,
            answer: Answer::Awaited,
        });
        *last_nonce
    }

    /// The proxy holds this list without having been sent it.
    pub(super) fn settle(&mut self, version: Version) {
        self.last = Some(Sent {
            version,
            answer: Answer::Acknowledged,
        });
        self.acknowledged = Some(version);
    }

    /// The proxy subscribes to nothing that there is: what comes next is news.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    /// The version of [`Sent`].
    pub(super) fn last(&self) -> Option<Version> {
        self.last.map(|sent| sent.version)
    }

    /// Whether the proxy may hold a list of this version: it accepted it, or may be about to.
    pub(crate) fn may_hold(&self, version: Version) -> bool {
        self.acknowledged == Some(version) || self.last() == Some(version)
    }

    /// Whether the last response is unanswered.
    pub(super) fn is_awaited(&self) -> bool {
        self.is(Answer::Awaited)
    }

    /// Whether the proxy has accepted, on this stream or before it, all of what it was offered last.
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.is(Answer::Acknowledged)
    }

    /// Whether the proxy has rejected what it was offered last.
    pub(crate) fn is_rejected(&self) -> bool {
        self.is(Answer::Rejected)
    }

    /// Whether a response went out on this stream.
    pub(crate) fn has_responded(&self) -> bool {
        self.nonce.is_some()
    }

    /// How far the type has come towards a list of this version.
    pub(super) fn gate(&self, version: Version) -> Gate {
        match self.last {
            Some(sent) if sent.version == version => match sent.answer {
                Answer::Acknowledged => Gate::Open,
                Answer::Rejected => Gate::Rejected,
                Answer::Awaited => Gate::Waiting,
            },
            _ => Gate::Waiting,
        }
    }

    /// For the list of proxies.
    pub(crate) fn status(&self, kind: ResourceType) -> TypeStatus {
        TypeStatus {
            kind,
            sent: self.last(),
            acknowledged: self.acknowledged,
            last_nack: self.last_nack.clone(),
        }
    }

    fn is(&self, answer: Answer) -> bool {
        self.last.is_some_and(|sent| sent.answer == answer)
    }
}

/// At most [`MAX_REASON`] bytes of `text`, cut between characters.
fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_REASON));
    text
}
