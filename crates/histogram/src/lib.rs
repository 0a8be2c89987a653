//! Durations counted in fixed buckets, by many threads and without a lock. Whoever has something to time chooses the
//! bounds; how a distribution is shown is for others.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Durations that are being counted.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [Duration],
    counts: Box<[AtomicU64]>,
    /// In nanoseconds; enough for five hundred years.
    sum: AtomicU64,
}

/// How long something took, each time since a [`Histogram`] was made. Taken number by number, so the sum of a busy one
/// may be off by what was added meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Upper bounds of the buckets, inclusive and ascending.
    pub bounds: &'static [Duration],
    /// How often it took at most the bound in this place and more than the one before; one more place, the last, is for
    /// all that took longer.
    pub counts: Vec<u64>,
    /// All durations together.
    pub sum: Duration,
}

impl Histogram {
    /// Nothing counted yet. `bounds` are the upper bounds of the buckets, inclusive and ascending.
    #[must_use]
    pub fn new(bounds: &'static [Duration]) -> Self {
        debug_assert!(bounds.is_sorted(), "buckets are looked up by bisection");
        let counts = (0..=bounds.len()).map(|_| AtomicU64::default()).collect();
        Self {
            bounds,
            counts,
            sum: AtomicU64::default(),
        }
    }

    /// Counts a duration.
    pub fn add(&self, duration: Duration) {
        let bucket = self.bounds.partition_point(|bound| *bound < duration);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.sum.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// What has been counted.
    #[must_use]
    pub fn read(&self) -> Distribution {
        let counts = self.counts.iter();
        Distribution {
            bounds: self.bounds,
            counts: counts.map(|count| count.load(Ordering::Relaxed)).collect(),
            sum: Duration::from_nanos(self.sum.load(Ordering::Relaxed)),
        }
    }
}

impl Distribution {
    /// How many durations there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_first_bucket_whose_bound_it_does_not_exceed() {
        const BOUNDS: [Duration; 3] = [
            Duration::from_millis(1),
            Duration::from_micros(2500),
            Duration::from_secs(10),
        ];
        let histogram = Histogram::new(&BOUNDS);
        for milliseconds in [0, 1, 2, 10_000, 10_001, 3_600_000] {
            histogram.add(Duration::from_millis(milliseconds));
        }
        let distribution = histogram.read();
        assert_eq!(distribution.bounds, BOUNDS);
        assert_eq!(distribution.counts, [2, 1, 1, 2]);
        assert_eq!(distribution.count(), 6);
        assert_eq!(distribution.sum, Duration::from_millis(3_620_004));
    }
}
