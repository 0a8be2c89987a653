//! The text format of Prometheus, version 0.0.4. Knows no metric.

use std::fmt::{Display, Write};
use std::time::Duration;

use evermesh_histogram::Distribution;

/// A page that is being written.
#[derive(Debug, Default)]
pub(super) struct Page(String);

/// A family that samples are added to.
#[derive(Debug)]
pub(super) struct Family<'p> {
    page: &'p mut String,
    name: &'static str,
}

/// Labels by name. Values are the project's own words: nothing in them has to be escaped.
type Labels<'a> = &'a [(&'a str, &'a str)];

impl Page {
    /// Begins a family of values that go up and down. `help` is one line without backslashes, here and below.
    pub(super) fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "gauge", help)
    }

    /// Begins a family of values that only grow; its name ends in `_total`.
    pub(super) fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "counter", help)
    }

    /// Begins a family of distributions.
    pub(super) fn histogram(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "histogram", help)
    }

    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        line(&mut self.0, format_args!("# HELP {name} {help}"));
        line(&mut self.0, format_args!("# TYPE {name} {kind}"));
        Family {
            page: &mut self.0,
            name,
        }
    }

    /// The page.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// Adds the only value.
    pub(super) fn value(&mut self, value: impl Display) {
        self.sample(&[], value);
    }

    /// Adds a value.
    pub(super) fn sample(&mut self, labels: Labels<'_>, value: impl Display) {
        self.write("", labels, None, &value);
    }

    /// Adds a value for each value of a label.
    pub(super) fn samples<'a>(&mut self, label: &str, values: impl IntoIterator<Item = (&'a str, u64)>) {
        for (of, value) in values {
            self.sample(&[(label, of)], value);
        }
    }

    /// Adds a distribution.
    pub(super) fn distribution(&mut self, labels: Labels<'_>, distribution: &Distribution) {
        let mut up_to = 0;
        for (bound, count) in distribution.bounds.iter().zip(&distribution.counts) {
            up_to += count;
            let bound = seconds(*bound).to_string();
            self.write("_bucket", labels, Some(&bound), &up_to);
        }
        let all = distribution.count();
        self.write("_bucket", labels, Some("+Inf"), &all);
        self.write("_sum", labels, None, &seconds(distribution.sum));
        self.write("_count", labels, None, &all);
    }

    fn write(&mut self, suffix: &str, labels: Labels<'_>, bound: Option<&str>, value: &dyn Display) {
        let all = labels.iter().copied().chain(bound.map(|bound| ("le", bound)));
        let all: Vec<_> = all.map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let name = self.name;
        match all.as_slice() {
            [] => line(self.page, format_args!("{name}{suffix} {value}")),
            all => line(
                self.page,
                format_args!("{name}{suffix}{{{}}} {value}", all.join(",")),
            ),
        }
    }
}

/// Seconds, as Prometheus counts time.
fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(page, "{text}");
}
