//! Latencies counted in buckets whose width grows with the value, so that percentiles of any number of requests take
//! little memory and can be added up. Knows nothing of requests.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Every power of two is divided into 2^5 buckets: no reading is off by more than 1/32.
const PRECISION: u32 = 5;
const SUB_BUCKETS: u64 = 1 << PRECISION;

/// Counts of durations, in microseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Histogram {
    /// Count by bucket; empty buckets are left out.
    buckets: BTreeMap<u64, u64>,
}

impl Histogram {
    pub(crate) fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        *self.buckets.entry(bucket(micros)).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (bucket, count) in &other.buckets {
            *self.buckets.entry(*bucket).or_default() += count;
        }
    }

    /// The duration that `percent` of all do not exceed; `None` when there are none.
    pub(crate) fn percentile(&self, percent: u64) -> Option<Duration> {
        let total: u64 = self.buckets.values().sum();
        let rank = (total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let reached = self.buckets.iter().find(|(_, count)| {
            seen += *count;
            seen >= rank
        });
        reached.map(|(bucket, _)| Duration::from_micros(upper_bound(*bucket)))
    }
}

/// Values below 2^5 have a bucket each; beyond, a bucket is the highest bit's position and the five bits after it.
fn bucket(micros: u64) -> u64 {
    let shift = micros.checked_ilog2().unwrap_or(0).saturating_sub(PRECISION);
    u64::from(shift) * SUB_BUCKETS + (micros >> shift)
}

/// The greatest value of a bucket.
fn upper_bound(bucket: u64) -> u64 {
    let shift = (bucket / SUB_BUCKETS).saturating_sub(1);
    let mantissa = bucket - shift * SUB_BUCKETS;
    // Of the topmost bucket this is one more than fits.
    let end = u128::from(mantissa + 1) << shift;
    u64::try_from(end - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_and_the_bucket_is_narrow() {
        let around_powers = (0..64).flat_map(|bit| {
            let power = 1u64 << bit;
            [power - 1, power, power + power / 3, power + (power - 1)]
        });
        for value in around_powers.chain(0..5000).chain([u64::MAX]) {
            let end = upper_bound(bucket(value));
            assert!(end >= value, "{value} is above its bucket's end {end}");
            assert!(end - value <= value / SUB_BUCKETS, "{value} is far from {end}");
            if end < u64::MAX {
                assert_eq!(bucket(end + 1), bucket(value) + 1, "after {end}");
            }
        }
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50), None);
        (1..=100).for_each(|ms| histogram.record(Duration::from_millis(ms)));
        for percent in [1, 50, 90, 99, 100] {
            let found = histogram.percentile(percent).unwrap().as_secs_f64() * 1e3;
            let exact = f64::from(u32::try_from(percent).unwrap());
            assert!(
                (exact..=exact * 33.0 / 32.0).contains(&found),
                "p{percent} is {found}"
            );
        }
    }

    #[test]
    fn adding_is_counting_both() {
        let of = |millis: &[u64]| {
            let mut histogram = Histogram::default();
            millis
                .iter()
                .for_each(|ms| histogram.record(Duration::from_millis(*ms)));
            histogram
        };
        let mut sum = of(&[1, 2]);
        sum.add(&of(&[2, 300]));
        assert_eq!(sum, of(&[1, 2, 2, 300]));
    }

    #[test]
    fn it_survives_json() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::from_micros(7));
        histogram.record(Duration::from_secs(2));
        let json = serde_json::to_string(&histogram).unwrap();
        assert_eq!(serde_json::from_str::<Histogram>(&json).unwrap(), histogram);
    }
}
