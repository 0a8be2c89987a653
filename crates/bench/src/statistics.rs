//! Percentiles and medians of what was measured.

use std::time::Duration;

use serde::Serialize;

/// Percentiles of a set of times by nearest rank, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

impl Percentiles {
    /// Of these times; `None` without any.
    pub(crate) fn of(times: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let mut times: Vec<Duration> = times.into_iter().collect();
        times.sort_unstable();
        let at = |percent: usize| {
            let rank = (times.len() * percent).div_ceil(100).checked_sub(1)?;
            Some(times[rank].as_secs_f64() * 1e3)
        };
        Some(Self {
            p50_ms: at(50)?,
            p90_ms: at(90)?,
            p99_ms: at(99)?,
            max_ms: at(100)?,
        })
    }
}

/// The median; of an even number, the mean of the two in the middle. `None` without any.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some(f64::midpoint(values[low], values[high]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_occurred() {
        let of = |count: u64| Percentiles::of((1..=count).rev().map(Duration::from_millis));
        let percentiles = |p50_ms, p90_ms, p99_ms, max_ms| {
            Some(Percentiles {
                p50_ms,
                p90_ms,
                p99_ms,
                max_ms,
            })
        };
        assert_eq!(of(200), percentiles(100.0, 180.0, 198.0, 200.0));
        assert_eq!(of(3), percentiles(2.0, 3.0, 3.0, 3.0));
        assert_eq!(of(1), percentiles(1.0, 1.0, 1.0, 1.0));
        assert_eq!(of(0), None);
    }

    #[test]
    fn medians_of_odd_and_even_numbers() {
        assert_eq!(median([9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median([4.0, 1.0, 2.0, 100.0]), Some(3.0));
        assert_eq!(median([]), None);
    }
}
