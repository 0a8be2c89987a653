//! Counting, by all streams of a server at once and without a lock. Never decides what counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::resource::{PerType, ResourceType};
use crate::stats::{Histogram, Protocol, RefusalReason, ResponseCounts, Stats, StreamCounts};

/// See [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    streams: [Streams; Protocol::ALL.len()],
    refusals: [Counter; RefusalReason::ALL.len()],
    types: PerType<Responses>,
    pub(crate) requests: Counter,
    pub(crate) stale_requests: Counter,
    pub(crate) unknown_types: Counter,
    pub(crate) time_to_send: Durations,
    pub(crate) time_to_acknowledge: Durations,
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

    pub(crate) fn read(&self) -> Stats {
        let mut types = PerType::default();
        for kind in ResourceType::ALL {
            types[kind] = self.types[kind].read();
        }
        Stats {
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

/// See [`Histogram`].
#[derive(Debug, Default)]
pub(crate) struct Durations {
    counts: [Counter; Histogram::BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

impl Durations {
    pub(crate) fn add(&self, duration: Duration) {
        let bucket = Histogram::BOUNDS.partition_point(|bound| *bound < duration);
        self.counts[bucket].add();
        let microseconds = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    fn read(&self) -> Histogram {
        Histogram {
            counts: self.counts.each_ref().map(Counter::read),
            sum: Duration::from_micros(self.microseconds.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_first_bucket_whose_bound_it_does_not_exceed() {
        let durations = Durations::default();
        for milliseconds in [0, 1, 2, 10_000, 10_001, 3_600_000] {
            durations.add(Duration::from_millis(milliseconds));
        }
        let histogram = durations.read();
        assert_eq!(histogram.counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(histogram.count(), 6);
        assert_eq!(histogram.sum, Duration::from_millis(3_620_004));
    }

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
