//! Counting, by all streams of a server at once and without a lock. Never decides what counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use evermesh_histogram::Histogram;

use crate::resource::{PerType, ResourceType};
use crate::stats::{Protocol, RefusalReason, ResponseCounts, Stats, StreamCounts};

/// Bounds of times of pushes: from one on the same machine to a proxy that hardly answers.
const PUSH_BOUNDS: [Duration; 13] = [
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

/// See [`Stats`].
#[derive(Debug)]
pub(crate) struct Counters {
    streams: [Streams; Protocol::ALL.len()],
    refusals: [Counter; RefusalReason::ALL.len()],
    types: PerType<Responses>,
    pub(crate) requests: Counter,
    pub(crate) stale_requests: Counter,
    pub(crate) unknown_types: Counter,
    pub(crate) time_to_send: Histogram,
    pub(crate) time_to_acknowledge: Histogram,
}

/// Responses of one resource type.
#[derive(Debug, Default)]
pub(crate) struct Responses {
    pub(crate) pushes: Counter,
    pub(crate) acks: Counter,
    pub(crate) nacks: Counter,
}

impl Counters {
    pub(crate) fn streams(&self, protocol: Protocol) -> &Streams {
        &self.streams[protocol as usize]
    }

    pub(crate) fn refused(&self, reason: RefusalReason) -> &Counter {
        &self.refusals[reason as usize]
    }

    pub(crate) fn responses(&self, kind: ResourceType) -> &Responses {
        &self.types[kind]
    }

    /// With what is not counted here: the connections that are open.
    pub(crate) fn read(&self, connections: u64) -> Stats {
        let mut types = PerType::default();
        for kind in ResourceType::ALL {
            types[kind] = self.types[kind].read();
        }
        Stats {
            connections,
            streams: self.streams.each_ref().map(Streams::read),
            refusals: self.refusals.each_ref().map(Counter::read),
            requests: self.requests.read(),
            types,
            stale_requests: self.stale_requests.read(),
            unknown_types: self.unknown_types.read(),
            time_to_send: self.time_to_send.read(),
            time_to_acknowledge: self.time_to_acknowledge.read(),
        }
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            streams: Default::default(),
            refusals: Default::default(),
            types: PerType::default(),
            requests: Counter::default(),
            stale_requests: Counter::default(),
            unknown_types: Counter::default(),
            time_to_send: Histogram::new(&PUSH_BOUNDS),
            time_to_acknowledge: Histogram::new(&PUSH_BOUNDS),
        }
    }
}

impl Responses {
    fn read(&self) -> ResponseCounts {
        ResponseCounts {
            pushes: self.pushes.read(),
            acks: self.acks.read(),
            nacks: self.nacks.read(),
        }
    }
}

/// Streams of one form of the protocol.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    opened: Counter,
    closed: Counter,
}

impl Streams {
    /// Counts a stream, which is open until the result is dropped.
    pub(crate) fn open(&self) -> impl Drop + '_ {
        struct Open<'a>(&'a Streams);
        impl Drop for Open<'_> {
            fn drop(&mut self) {
                self.0.closed.add();
            }
        }
        self.opened.add();
        Open(self)
    }

    fn read(&self) -> StreamCounts {
        // In this order, so that what closes in between is not seen as closed and never opened.
        let closed = self.closed.read();
        let accepted = self.opened.read();
        StreamCounts {
            open: accepted.saturating_sub(closed),
            accepted,
        }
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_place_of_its_number() {
        for (place, reason) in RefusalReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
        for (place, protocol) in Protocol::ALL.into_iter().enumerate() {
            assert_eq!(protocol as usize, place);
        }
    }
}
