//! The result: what was measured, and whether it is what the weights say. The JSON of `--json`.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::child::Finding;
use crate::tally::Tally;

/// How far a measured share may be from its weight, in percentage points.
pub(crate) const TOLERANCE: f64 = 3.0;

/// The whole result.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    /// Whether no request failed, every split is within the tolerance and what is to be refused was.
    pub(crate) ok: bool,
    /// All requests, those during changes too.
    pub(crate) requests: u64,
    /// Those that got no good answer.
    pub(crate) failed: u64,
    /// The failed ones by reason.
    pub(crate) failures: BTreeMap<String, u64>,
    /// Of all requests.
    pub(crate) latency_ms: Latency,
    /// In percentage points.
    pub(crate) tolerance: f64,
    /// With settled weights, in order.
    pub(crate) steps: Vec<StepSummary>,
    /// Between the steps, in order.
    pub(crate) changes: Vec<ChangeSummary>,
    /// Calls that are to be refused.
    pub(crate) refusals: Vec<Refusal>,
    /// How it was run.
    pub(crate) environment: Environment,
}

/// Requests between two changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StepSummary {
    /// Such as `75/25`.
    pub(crate) step: String,
    /// By virtual node.
    pub(crate) weights: BTreeMap<String, u64>,
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    /// Percent of the answers, by application.
    pub(crate) split: BTreeMap<String, f64>,
    /// Whether every share is within the tolerance of its weight.
    pub(crate) within_tolerance: bool,
    pub(crate) latency_ms: Latency,
}

/// Requests that began from just before the route was updated until well after all proxies had it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangeSummary {
    /// The step before.
    pub(crate) from: String,
    /// The step after.
    pub(crate) to: String,
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    /// From the answer of the API until every proxy had accepted the new configuration.
    pub(crate) in_effect_after_ms: f64,
    pub(crate) latency_ms: Latency,
}

/// A call to something that is not a backend of the caller.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refusal {
    /// Calling virtual node.
    pub(crate) from: String,
    /// Host called.
    pub(crate) to: String,
    pub(crate) refused: bool,
    /// What happened.
    pub(crate) finding: Finding,
}

impl Refusal {
    pub(crate) fn new(from: &str, to: &str, finding: Finding) -> Self {
        // Somebody who cannot be reached, or does not answer, refuses nothing.
        let refused = matches!(finding, Finding::Status(404) | Finding::Closed);
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            refused,
            finding,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, .. } = self;
        write!(f, "{from} calls {to}, not a backend of its: ")?;
        match &self.finding {
            Finding::Status(404) => f.write_str("refused (status 404)"),
            Finding::Closed => f.write_str("refused (connection closed)"),
            Finding::Answered(name) => write!(f, "NOT refused, {name} answered"),
            Finding::Status(status) => write!(f, "NOT refused, status {status}"),
            Finding::Unreachable(reason) => write!(f, "NOT refused, {reason}"),
        }
    }
}

/// In milliseconds; `null` without requests.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: Option<f64>,
    pub(crate) p90: Option<f64>,
    pub(crate) p99: Option<f64>,
}

impl From<&Tally> for Latency {
    fn from(tally: &Tally) -> Self {
        let percentile = |percent| tally.latency.percentile(percent).map(millis);
        Self {
            p50: percentile(50),
            p90: percentile(90),
            p99: percentile(99),
        }
    }
}

/// How the demonstration was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Environment {
    /// `root` or `user namespace`.
    pub(crate) privilege: &'static str,
    /// What the redirect rules know a sidecar by.
    pub(crate) sidecar_exempt_by: String,
    /// Program and version of the proxies.
    pub(crate) engine: String,
}

/// What was measured, before it is judged.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) steps: Vec<MeasuredStep>,
    /// How long each change took to be in effect, and what was requested meanwhile.
    pub(crate) changes: Vec<(Duration, Tally)>,
    pub(crate) refusals: Vec<Refusal>,
}

/// What was measured with settled weights.
#[derive(Debug)]
pub(crate) struct MeasuredStep {
    pub(crate) name: String,
    pub(crate) weights: Vec<(&'static str, u64)>,
    pub(crate) tally: Tally,
}

impl Summary {
    /// Judges what was measured.
    pub(crate) fn new(measured: Measured, environment: Environment) -> Self {
        let mut all = Tally::default();
        let tallies = measured.steps.iter().map(|step| &step.tally);
        for tally in tallies.chain(measured.changes.iter().map(|(_, tally)| tally)) {
            all.add(tally);
        }
        let changes: Vec<_> = measured
            .steps
            .windows(2)
            .zip(&measured.changes)
            .map(|(steps, (took, tally))| change(&steps[0], &steps[1], *took, tally))
            .collect();
        let steps: Vec<_> = measured.steps.iter().map(step).collect();
        let refusals = measured.refusals;
        let ok = all.failures() == 0
            && steps.iter().all(|step| step.within_tolerance)
            && refusals.iter().all(|refusal| refusal.refused);
        Self {
            ok,
            requests: all.requests(),
            failed: all.failures(),
            latency_ms: Latency::from(&all),
            failures: all.failed,
            tolerance: TOLERANCE,
            steps,
            changes,
            refusals,
            environment,
        }
    }
}

impl Summary {
    /// The result in a line.
    pub(crate) fn verdict(&self) -> String {
        let Self { requests, failed, .. } = self;
        let off = self.steps.iter().filter(|step| !step.within_tolerance).count();
        let open = self.refusals.iter().filter(|refusal| !refusal.refused).count();
        let mut verdict = format!("{requests} requests, {failed} failed");
        for (reason, count) in &self.failures {
            verdict += &format!(" ({count} x {reason})");
        }
        match off {
            0 => verdict += &format!("; every split within {TOLERANCE} points of its weights"),
            off => verdict += &format!("; {off} splits more than {TOLERANCE} points off their weights"),
        }
        match open {
            0 => verdict += "; what is no backend was refused",
            open => verdict += &format!("; {open} calls NOT refused"),
        }
        verdict
    }
}

fn step(measured: &MeasuredStep) -> StepSummary {
    let MeasuredStep { name, weights, tally } = measured;
    let weighted = weights.iter().map(|(node, _)| (*node).to_owned());
    let everybody = weighted.chain(tally.answered.keys().cloned());
    StepSummary {
        step: name.clone(),
        weights: weights
            .iter()
            .map(|(node, weight)| ((*node).to_owned(), *weight))
            .collect(),
        requests: tally.requests(),
        failed: tally.failures(),
        split: everybody
            .map(|node| {
                let percent = tally.percent(&node);
                (node, rounded(percent))
            })
            .collect(),
        within_tolerance: tally.deviation(weights) <= TOLERANCE,
        latency_ms: Latency::from(tally),
    }
}

fn change(from: &MeasuredStep, to: &MeasuredStep, took: Duration, tally: &Tally) -> ChangeSummary {
    ChangeSummary {
        from: from.name.clone(),
        to: to.name.clone(),
        requests: tally.requests(),
        failed: tally.failures(),
        in_effect_after_ms: millis(took),
        latency_ms: Latency::from(tally),
    }
}

fn millis(duration: Duration) -> f64 {
    rounded(duration.as_secs_f64() * 1e3)
}

/// Two decimals: more would be noise.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(answered: &[(&str, u64)], failed: u64) -> Tally {
        let mut tally = Tally::default();
        for (name, count) in answered {
            (0..*count).for_each(|_| tally.record(Ok((*name).to_owned()), Duration::from_millis(2)));
        }
        (0..failed).for_each(|_| tally.record(Err("status 503".to_owned()), Duration::from_millis(20)));
        tally
    }

    fn measured() -> Measured {
        Measured {
            steps: vec![
                MeasuredStep {
                    name: "100/0".to_owned(),
                    weights: vec![("a", 100), ("b", 0)],
                    tally: tally(&[("a", 400)], 0),
                },
                MeasuredStep {
                    name: "75/25".to_owned(),
                    weights: vec![("a", 75), ("b", 25)],
                    tally: tally(&[("a", 291), ("b", 109)], 0),
                },
            ],
            changes: vec![(Duration::from_micros(12_345), tally(&[("a", 10), ("b", 1)], 0))],
            refusals: vec![Refusal::new("a", "c", Finding::Closed)],
        }
    }

    fn judged(measured: Measured) -> Summary {
        let environment = Environment {
            privilege: "root",
            sidecar_exempt_by: "uid 1337".to_owned(),
            engine: "envoy/1.2.3".to_owned(),
        };
        Summary::new(measured, environment)
    }

    #[test]
    fn the_json_says_what_was_measured() {
        let summary = serde_json::to_value(judged(measured())).unwrap();
        assert_eq!(summary["ok"], true);
        assert_eq!(
            (&summary["requests"], &summary["failed"]),
            (&811.into(), &0.into())
        );
        let step = &summary["steps"][1];
        assert_eq!(step["step"], "75/25");
        assert_eq!(step["split"], serde_json::json!({"a": 72.75, "b": 27.25}));
        assert_eq!(step["withinTolerance"], true);
        assert_eq!(
            summary["steps"][0]["split"],
            serde_json::json!({"a": 100.0, "b": 0.0})
        );
        let change = &summary["changes"][0];
        assert_eq!(
            (&change["from"], &change["to"]),
            (&"100/0".into(), &"75/25".into())
        );
        assert_eq!(change["inEffectAfterMs"], 12.35);
        assert_eq!(summary["refusals"][0]["finding"], "closed");
        let p50 = summary["latencyMs"]["p50"].as_f64().unwrap();
        assert!((2.0..2.1).contains(&p50), "{p50}");
        assert_eq!(summary["environment"]["engine"], "envoy/1.2.3");
    }

    #[test]
    fn every_shortcoming_fails_it() {
        assert!(judged(measured()).ok);
        let mut failed_request = measured();
        failed_request.changes[0].1.add(&tally(&[], 1));
        assert!(!judged(failed_request).ok);
        let mut wrong_split = measured();
        wrong_split.steps[1].tally = tally(&[("a", 287), ("b", 113)], 0);
        assert!(!judged(wrong_split).ok, "3.25 points off");
        let mut no_answer = measured();
        no_answer.steps[0].tally = Tally::default();
        assert!(!judged(no_answer).ok);
        for finding in [
            Finding::Answered("c".to_owned()),
            Finding::Status(503),
            Finding::Unreachable("no such name".to_owned()),
        ] {
            let mut not_refused = measured();
            not_refused.refusals.push(Refusal::new("a", "c", finding));
            assert!(!judged(not_refused).ok);
        }
    }
}
