//! When changes are worked off: the first one after a quiet time at once, and a burst of them in few steps. Never looks
//! into a change.

use std::time::Duration;

use evermesh_store::{Batch, Watch};
use futures::FutureExt;
use tokio::time::{Instant, timeout_at};

/// Longest pause between two changes of one burst, ...
const LONGEST_PAUSE: Duration = Duration::from_millis(3);
/// ... and shortest: timers are no finer, and cheap steps need not be saved.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
/// Longest time for which a burst puts its first change off.
const CEILING: Duration = Duration::from_millis(100);
/// Most revisions taken in one step, which bounds the memory for those that wait.
const MOST_REVISIONS: usize = 1024;

/// Collects changes into steps.
#[derive(Debug, Default)]
pub(crate) struct Bursts {
    last: Option<Step>,
}

/// The work on the last changes.
#[derive(Debug)]
struct Step {
    began: Instant,
    ended: Instant,
}

impl Bursts {
    /// All changes of the step that a change begins: with it those that have already come after it. Within a burst it
    /// waits for more, as long as there is no pause between them and no longer than the ceiling; a pause is at most
    /// the time that the last step took, so that cheap steps are not put off.
    pub(crate) async fn collect(&mut self, first: Batch, watch: &mut Watch) -> Vec<Batch> {
        let arrived = Instant::now();
        let pause = self.pause(arrived);
        let mut batches = vec![first];
        while batches.len() < MOST_REVISIONS {
            let next = if pause.is_zero() {
                watch.next().now_or_never()
            } else {
                let until = (Instant::now() + pause).min(arrived + CEILING);
                timeout_at(until, watch.next()).await.ok()
            };
            match next {
                Some(Ok(batch)) => batches.push(batch),
                // A failure is not lost: the next call meets it again.
                Some(Err(_)) | None => break,
            }
        }
        let now = Instant::now();
        self.last = Some(Step {
            began: now,
            ended: now,
        });
        batches
    }

    /// The collected changes are worked off.
    pub(crate) fn done(&mut self) {
        if let Some(step) = &mut self.last {
            step.ended = Instant::now();
        }
    }

    /// How long the next change is waited for: not at all unless the last step is so little time ago that this is a
    /// burst.
    fn pause(&self, now: Instant) -> Duration {
        let Some(last) = &self.last else {
            return Duration::ZERO;
        };
        let pause = LONGEST_PAUSE.min(last.ended - last.began);
        let is_burst = pause >= SHORTEST_PAUSE && now - last.ended <= pause;
        if is_burst { pause } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests;
