//! Counts and times of requests, for whoever exports metrics.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Requests answered since start, by service, operation and outcome.
///
/// Each label has few values: what a client invents is counted as `Unknown`.
#[derive(Debug, Default)]
pub struct Counters(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    requests: BTreeMap<Key, u64>,
    durations: BTreeMap<(&'static str, &'static str), Distribution>,
}

type Key = (&'static str, &'static str, &'static str);

#[derive(Debug, Default, Clone, Copy)]
struct Distribution {
    counts: [u64; Durations::BOUNDS.len() + 1],
    sum: Duration,
}

/// How many requests had one outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// `appmesh`, `sts` or `Unknown`.
    pub service: &'static str,
    /// Operation name such as `CreateMesh`, or `Unknown`.
    pub operation: &'static str,
    /// `OK`, or the error code such as `NotFoundException`.
    pub code: &'static str,
    /// How many.
    pub requests: u64,
}

/// How long the requests of one operation took, whatever came of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durations {
    /// As in [`Count`].
    pub service: &'static str,
    /// As in [`Count`].
    pub operation: &'static str,
    /// How many took at most the bound of [`BOUNDS`](Self::BOUNDS) in this place and more than the one before; the last
    /// place is for all that took longer.
    pub counts: [u64; Self::BOUNDS.len() + 1],
    /// All durations together.
    pub sum: Duration,
}

impl Durations {
    /// Upper bounds of the buckets, inclusive: from a read in memory to a write on a slow disk.
    pub const BOUNDS: [Duration; 8] = [
        Duration::from_micros(500),
        Duration::from_millis(1),
        Duration::from_micros(2500),
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(50),
        Duration::from_millis(250),
        Duration::from_secs(1),
    ];
}

impl Counters {
    /// All counts, ordered by service, operation and code.
    pub fn snapshot(&self) -> Vec<Count> {
        let state = self.lock();
        let counts = state.requests.iter();
        counts
            .map(|(&(service, operation, code), &requests)| Count {
                service,
                operation,
                code,
                requests,
            })
            .collect()
    }

    /// All durations, ordered by service and operation.
    pub fn durations(&self) -> Vec<Durations> {
        let state = self.lock();
        let durations = state.durations.iter();
        durations
            .map(|(&(service, operation), distribution)| Durations {
                service,
                operation,
                counts: distribution.counts,
                sum: distribution.sum,
            })
            .collect()
    }

    pub(crate) fn add(
        &self,
        service: &'static str,
        operation: &'static str,
        code: &'static str,
        took: Duration,
    ) {
        let mut state = self.lock();
        *state.requests.entry((service, operation, code)).or_default() += 1;
        let distribution = state.durations.entry((service, operation)).or_default();
        distribution.counts[Durations::BOUNDS.partition_point(|bound| *bound < took)] += 1;
        distribution.sum += took;
    }

    /// Counts are whole between any two calls, so a poisoned value is too.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_in_the_bucket_of_its_bound() {
        let counters = Counters::default();
        let [shortest, .., longest] = Durations::BOUNDS;
        for (code, took) in [
            ("OK", shortest),
            ("OK", longest),
            ("NotFoundException", longest * 2),
        ] {
            counters.add("appmesh", "DescribeMesh", code, took);
        }
        let [durations] = counters.durations()[..] else {
            panic!("there is one operation");
        };
        assert_eq!(durations.counts, [1, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(durations.sum, shortest + longest * 3);
        assert_eq!(counters.snapshot().len(), 2);
    }
}
