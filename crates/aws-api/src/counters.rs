//! Counts and times of requests, for whoever exports metrics.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evermesh_histogram::{Distribution, Histogram};

/// Bounds of times of requests: from a read in memory to a write on a slow disk.
const BOUNDS: [Duration; 8] = [
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
];

/// Requests answered since start, by service, operation and outcome.
///
/// Each label has few values: what a client invents is counted as `Unknown`.
#[derive(Debug, Default)]
pub struct Counters(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    requests: BTreeMap<Key, u64>,
    durations: BTreeMap<(&'static str, &'static str), Histogram>,
}

type Key = (&'static str, &'static str, &'static str);

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durations {
    /// As in [`Count`].
    pub service: &'static str,
    /// As in [`Count`].
    pub operation: &'static str,
    /// Of each since the start.
    pub distribution: Distribution,
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
            .map(|(&(service, operation), histogram)| Durations {
                service,
                operation,
                distribution: histogram.read(),
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
        let durations = state.durations.entry((service, operation));
        durations.or_insert_with(|| Histogram::new(&BOUNDS)).add(took);
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
    fn the_times_of_an_operation_are_counted_whatever_came_of_it() {
        let counters = Counters::default();
        let [shortest, .., longest] = BOUNDS;
        for (code, took) in [
            ("OK", shortest),
            ("OK", longest),
            ("NotFoundException", longest * 2),
        ] {
            counters.add("appmesh", "DescribeMesh", code, took);
        }
        let [durations] = &counters.durations()[..] else {
            panic!("there is one operation");
        };
        assert_eq!(durations.distribution.counts, [1, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(durations.distribution.sum, shortest + longest * 3);
        assert_eq!(counters.snapshot().len(), 2);
    }
}
