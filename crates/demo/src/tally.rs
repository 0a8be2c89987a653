//! What became of a number of requests: who answered how many, what failed, how long it took.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::histogram::Histogram;

/// Counts of requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// Answered requests by the name of the application that answered.
    pub(crate) answered: BTreeMap<String, u64>,
    /// Failed requests by reason.
    pub(crate) failed: BTreeMap<String, u64>,
    /// Of answered and failed requests.
    pub(crate) latency: Histogram,
}

/// What became of one request: the application that answered, or why none did.
pub(crate) type Outcome = Result<String, String>;

impl Tally {
    pub(crate) fn record(&mut self, outcome: Outcome, latency: Duration) {
        let count = match outcome {
            Ok(application) => self.answered.entry(application),
            Err(reason) => self.failed.entry(reason),
        };
        *count.or_default() += 1;
        self.latency.record(latency);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (application, count) in &other.answered {
            *self.answered.entry(application.clone()).or_default() += count;
        }
        for (reason, count) in &other.failed {
            *self.failed.entry(reason.clone()).or_default() += count;
        }
        self.latency.add(&other.latency);
    }

    pub(crate) fn requests(&self) -> u64 {
        self.answers() + self.failures()
    }

    pub(crate) fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// The share of the answers that came from `application`, in percent; 0 when there was no answer.
    pub(crate) fn percent(&self, application: &str) -> f64 {
        let count = self.answered.get(application).copied().unwrap_or(0);
        percent(count, self.answers())
    }

    /// How far, in percentage points, the split is from `weights` where it is farthest. An application without a
    /// weight is to have no share.
    pub(crate) fn deviation(&self, weights: &[(&str, u64)]) -> f64 {
        let total = weights.iter().map(|(_, weight)| weight).sum();
        let expected: BTreeMap<&str, u64> = weights.iter().copied().collect();
        let answered = self.answered.keys().map(String::as_str);
        let everybody: BTreeSet<&str> = answered.chain(expected.keys().copied()).collect();
        everybody
            .into_iter()
            .map(|application| {
                let weight = expected.get(application).copied().unwrap_or(0);
                (self.percent(application) - percent(weight, total)).abs()
            })
            .fold(0.0, f64::max)
    }

    fn answers(&self) -> u64 {
        self.answered.values().sum()
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nobody sends 2^53 requests in a demonstration"
)]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 * 100.0 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(counts: &[(&str, u64)]) -> Tally {
        Tally {
            answered: counts
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect(),
            ..Tally::default()
        }
    }

    #[test]
    fn the_deviation_is_that_of_the_worst_share() {
        let weights = [("one", 75), ("two", 25)];
        assert_eq!(answered(&[("one", 1500), ("two", 500)]).deviation(&weights), 0.0);
        assert_eq!(answered(&[("one", 1440), ("two", 560)]).deviation(&weights), 3.0);
        assert_eq!(answered(&[("one", 2000)]).deviation(&weights), 25.0);
        assert_eq!(
            answered(&[("one", 75), ("two", 24), ("three", 1)]).deviation(&weights),
            1.0
        );
        assert_eq!(answered(&[]).deviation(&weights), 75.0, "no answer is no success");
        assert_eq!(answered(&[("stranger", 1)]).deviation(&[("one", 0)]), 100.0);
    }

    #[test]
    fn failures_are_requests_and_have_no_share() {
        let mut tally = Tally::default();
        for outcome in [
            Ok("one".to_owned()),
            Err("status 503".to_owned()),
            Ok("one".to_owned()),
        ] {
            tally.record(outcome, Duration::from_millis(1));
        }
        assert_eq!((tally.requests(), tally.failures()), (3, 1));
        assert_eq!(tally.percent("one"), 100.0);
        let mut sum = tally.clone();
        sum.add(&tally);
        assert_eq!((sum.requests(), sum.failed["status 503"]), (6, 2));
        let json = serde_json::to_string(&sum).unwrap();
        assert_eq!(serde_json::from_str::<Tally>(&json).unwrap(), sum);
    }
}
