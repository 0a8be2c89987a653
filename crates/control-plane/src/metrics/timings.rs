//! Durations, counted in fixed buckets by whoever has one at hand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A distribution of durations since the start.
#[derive(Debug, Default)]
pub(crate) struct Timings {
    counts: [AtomicU64; Self::BOUNDS.len() + 1],
    /// In nanoseconds; enough for five hundred years.
    sum: AtomicU64,
}

impl Timings {
    /// Upper bounds of the buckets, inclusive; one more bucket has all that took longer.
    pub(crate) const BOUNDS: [Duration; 12] = [
        Duration::from_micros(100),
        Duration::from_micros(250),
        Duration::from_micros(500),
        Duration::from_millis(1),
        Duration::from_micros(2500),
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(25),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(500),
        Duration::from_millis(2500),
    ];

    /// Counts a duration.
    pub(crate) fn add(&self, duration: Duration) {
        let bucket = Self::BOUNDS.partition_point(|bound| *bound < duration);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.sum.fetch_add(nanos, Ordering::Relaxed);
    }

    /// The count of each bucket, and all durations together.
    pub(crate) fn read(&self) -> ([u64; Self::BOUNDS.len() + 1], Duration) {
        let counts = self.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        (counts, Duration::from_nanos(self.sum.load(Ordering::Relaxed)))
    }
}
