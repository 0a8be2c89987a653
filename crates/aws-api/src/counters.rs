//! Counts of requests, for whoever exports metrics.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Requests answered since start, by service, operation and outcome.
///
/// Each label has few values: what a client invents is counted as `Unknown`.
#[derive(Debug, Default)]
pub struct Counters(Mutex<BTreeMap<Key, u64>>);

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

impl Counters {
    /// All counts, ordered by service, operation and code.
    pub fn snapshot(&self) -> Vec<Count> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts
            .iter()
            .map(|(&(service, operation, code), &requests)| Count {
                service,
                operation,
                code,
                requests,
            })
            .collect()
    }

    pub(crate) fn add(&self, service: &'static str, operation: &'static str, code: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((service, operation, code)).or_default() += 1;
    }
}
