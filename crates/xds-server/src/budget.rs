//! How many requests a stream may still send: a token bucket. Never reads a clock: it is told the time.

use tokio::time::Instant;

/// Tokens come at a steady rate, up to a number that may be spent at once.
#[derive(Debug)]
pub(crate) struct Budget {
    burst: f64,
    per_second: f64,
    left: f64,
    at: Instant,
}

impl Budget {
    /// A full one.
    pub(crate) fn new(burst: u32, per_second: u32, now: Instant) -> Self {
        Self {
            burst: burst.into(),
            per_second: per_second.into(),
            left: burst.into(),
            at: now,
        }
    }

    /// Spends a token. `false` when there is none.
    pub(crate) fn spend(&mut self, now: Instant) -> bool {
        let earned = now.saturating_duration_since(self.at).as_secs_f64() * self.per_second;
        self.at = now;
        self.left = (self.left + earned).min(self.burst);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_spent_and_earned_again() {
        let start = Instant::now();
        let mut budget = Budget::new(3, 2, start);
        let spent = |budget: &mut Budget, at| (0..10).filter(|_| budget.spend(at)).count();
        assert_eq!(spent(&mut budget, start), 3);
        assert_eq!(spent(&mut budget, start + Duration::from_secs(1)), 2);
        assert_eq!(spent(&mut budget, start + Duration::from_secs(100)), 3);
    }
}
