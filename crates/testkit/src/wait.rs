//! Waiting for a condition. The deadline is a net, far beyond what a healthy run takes; nothing is measured with it.

use std::time::{Duration, Instant};

/// Enough for anything that starts on a loaded machine with two cores.
pub const DEADLINE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(10);

/// Calls `condition` until it gives a value, and returns that.
///
/// # Panics
/// After `deadline`, with `what` was waited for.
#[track_caller]
pub fn wait_until<T>(what: &str, deadline: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < end, "waited {deadline:?} in vain until {what}");
        std::thread::sleep(PAUSE);
    }
}

/// [`wait_until`] for a condition that is a future; leaves its thread to others in between.
///
/// # Panics
/// After `deadline`, with `what` was waited for; also when one call of `condition` takes that long.
pub async fn wait_until_async<T>(
    what: &str,
    deadline: Duration,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let repeat = async {
        loop {
            if let Some(value) = condition().await {
                return value;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    match tokio::time::timeout(deadline, repeat).await {
        Ok(value) => value,
        Err(_) => panic!("waited {deadline:?} in vain until {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_returns_the_first_value() {
        let mut calls = 0;
        let value = wait_until("three calls", DEADLINE, || {
            calls += 1;
            (calls == 3).then_some(calls)
        });
        assert_eq!(value, 3);
    }

    #[test]
    #[should_panic(expected = "in vain until pigs fly")]
    fn it_says_what_it_waited_for() {
        wait_until("pigs fly", Duration::ZERO, || None::<()>);
    }

    #[tokio::test]
    #[should_panic(expected = "in vain until an answer comes")]
    async fn a_condition_that_hangs_meets_the_deadline_too() {
        wait_until_async("an answer comes", Duration::from_millis(20), async || {
            std::future::pending::<Option<()>>().await
        })
        .await;
    }
}
