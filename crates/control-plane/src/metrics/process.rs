//! What the kernel says of this process, under the names that Prometheus' own clients give it.

use std::fs;

use super::text::Page;

/// Adds what can be read; a system without `/proc` has none of it.
pub(super) fn add_to(page: &mut Page) {
    if let Some(bytes) = resident_memory() {
        page.gauge("process_resident_memory_bytes", "Resident memory.")
            .value(bytes);
    }
    if let Some(seconds) = cpu_seconds() {
        page.counter(
            "process_cpu_seconds_total",
            "Processor time in user and kernel mode.",
        )
        .value(seconds);
    }
}

/// The second number of `statm` counts pages.
fn resident_memory() -> Option<u64> {
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = pages.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Fields 14 and 15 of proc_pid_stat(5). The second field, a name in parentheses, may contain anything.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let ticks = ticks()? + ticks()?;
    Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}
