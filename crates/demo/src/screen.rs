//! What a person sees: lines, and a progress bar where there is a terminal. With `--json`, standard output belongs to
//! the summary, so all of it goes to standard error.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::getting_started::{NEW, OLD};
use crate::summary::Latency;
use crate::tally::Tally;

/// Where the demonstration tells its story.
pub(crate) struct Screen {
    to_stderr: bool,
    is_terminal: bool,
}

/// Requests on their way to a number; gone from the terminal when dropped.
pub(crate) struct Progress<'screen> {
    screen: &'screen Screen,
    name: String,
    bar: ProgressBar,
    goal: u64,
    /// Without a terminal: how many quarters were told of.
    quarters: u64,
}

impl Screen {
    pub(crate) fn new(to_stderr: bool) -> Self {
        let is_terminal = if to_stderr {
            io::stderr().is_terminal()
        } else {
            io::stdout().is_terminal()
        };
        Self {
            to_stderr,
            is_terminal,
        }
    }

    /// Whether a person can see a line change.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Writes a line. Whoever closed the output does not want to know.
    pub(crate) fn say(&self, line: impl AsRef<str>) {
        let line = line.as_ref();
        let _ = if self.to_stderr {
            writeln!(io::stderr(), "{line}")
        } else {
            writeln!(io::stdout(), "{line}")
        };
    }

    /// Begins to show the way to `goal` requests.
    pub(crate) fn progress(&self, name: String, goal: u64) -> Progress<'_> {
        let bar = ProgressBar::with_draw_target(Some(goal), self.draw_target());
        let style = ProgressStyle::with_template("  {prefix:8} {bar:24} {pos}/{len}  {msg}");
        bar.set_style(style.expect("the template is valid"));
        bar.set_prefix(name.clone());
        Progress {
            screen: self,
            name,
            bar,
            goal,
            quarters: 0,
        }
    }

    /// A line that is replaced by the next.
    pub(crate) fn live_line(&self) -> ProgressBar {
        let line = ProgressBar::with_draw_target(None, self.draw_target());
        line.set_style(ProgressStyle::with_template("{msg}").expect("the template is valid"));
        line
    }

    fn draw_target(&self) -> ProgressDrawTarget {
        match (self.is_terminal, self.to_stderr) {
            (false, _) => ProgressDrawTarget::hidden(),
            (true, true) => ProgressDrawTarget::stderr(),
            (true, false) => ProgressDrawTarget::stdout(),
        }
    }
}

impl Progress<'_> {
    /// Shows how far it is, on a terminal always, elsewhere at every quarter; true when it is there.
    pub(crate) fn show(&mut self, tally: &Tally) -> bool {
        let done = tally.requests().min(self.goal);
        self.bar.set_message(split(tally));
        self.bar.set_position(done);
        let quarters = done * 4 / self.goal.max(1);
        if !self.screen.is_terminal && quarters > self.quarters && done < self.goal {
            self.quarters = quarters;
            let Self { name, goal, .. } = self;
            self.screen
                .say(format!("  {name:8} {done}/{goal}  {}", split(tally)));
        }
        done == self.goal
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The head of the table that [`row`] fills.
pub(crate) fn table_head() -> String {
    format!(
        "  {:<18}{:>9}{:>12}{:>12}{:>9}{:>10}{:>10}{:>10}",
        "weights", "requests", OLD, NEW, "failed", "p50", "p90", "p99"
    )
}

/// A line of the table.
pub(crate) fn row(name: &str, tally: &Tally) -> String {
    let share = |node| format!("{:.1} %", tally.percent(node));
    let latency = Latency::from(tally);
    format!(
        "  {name:<18}{:>9}{:>12}{:>12}{:>9}{:>10}{:>10}{:>10}",
        tally.requests(),
        share(OLD),
        share(NEW),
        tally.failures(),
        millis(latency.p50),
        millis(latency.p90),
        millis(latency.p99),
    )
}

/// Split, latency and failures in a few words.
pub(crate) fn split(tally: &Tally) -> String {
    let latency = Latency::from(tally);
    format!(
        "{OLD} {:.1} %, {NEW} {:.1} %, p50 {}, p99 {}, {} failed",
        tally.percent(OLD),
        tally.percent(NEW),
        millis(latency.p50),
        millis(latency.p99),
        tally.failures()
    )
}

fn millis(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1} ms"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn rows_stand_under_their_head() {
        let mut tally = Tally::default();
        tally.record(Ok(OLD.to_owned()), Duration::from_millis(1));
        tally.record(Err("status 503".to_owned()), Duration::from_millis(4));
        let row = row("75/25", &tally);
        assert_eq!(row.len(), table_head().len());
        let words: Vec<_> = row.split_whitespace().collect();
        assert_eq!(words[..7], ["75/25", "2", "100.0", "%", "0.0", "%", "1"]);
        assert!(split(&Tally::default()).contains("p50 -"));
    }
}
