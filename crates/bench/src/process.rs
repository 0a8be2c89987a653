//! What the kernel says of another process: memory and processor time, from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

/// A process by its id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

/// Resident memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    /// All resident pages, in KiB.
    pub(crate) rss_kib: u64,
    /// The same, with pages shared by several processes counted in parts.
    pub(crate) pss_kib: u64,
}

impl Process {
    /// Its memory now.
    pub(crate) fn memory(self) -> Result<Memory> {
        let path = format!("/proc/{}/smaps_rollup", self.0);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        parse_memory(&text).with_context(|| format!("{path} has no Rss and Pss"))
    }

    /// The time its threads have run, in user and kernel mode. To a hundredth of a second, on most kernels.
    pub(crate) fn cpu_time(self) -> Result<Duration> {
        let path = format!("/proc/{}/stat", self.0);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let ticks = parse_ticks(&text).with_context(|| format!("{path} has no utime and stime"))?;
        Ok(Duration::from_secs_f64(
            ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
        ))
    }
}

fn parse_memory(rollup: &str) -> Option<Memory> {
    let kib = |name: &str| {
        let value = rollup.lines().find_map(|line| line.strip_prefix(name))?;
        value.trim().strip_suffix(" kB")?.parse().ok()
    };
    Some(Memory {
        rss_kib: kib("Rss:")?,
        pss_kib: kib("Pss:")?,
    })
}

/// Fields 14 and 15 of proc_pid_stat(5). The second field, a name in parentheses, may contain anything.
fn parse_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

    use super::*;

    #[test]
    fn memory_is_read() {
        let text = "55-7f ---p 0 00:00 0   [rollup]\nRss:                1780 kB\nPss:                 274 kB\nPss_Dirty:  9 kB\n";
        let expected = Memory {
            rss_kib: 1780,
            pss_kib: 274,
        };
        assert_eq!(parse_memory(text), Some(expected));
        assert_eq!(parse_memory("Rss: 1 kB\n"), None);
    }

    #[test]
    fn time_is_read_behind_a_strange_name() {
        let text = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 31 11 0 0 20 0 5 0 100";
        assert_eq!(parse_ticks(text), Some(42));
        assert_eq!(parse_ticks("7 (short) S 1"), None);
    }

    #[test]
    fn the_kernel_writes_what_is_read() {
        let own = Process(std::process::id());
        assert!(own.memory().unwrap().rss_kib > 0);
        own.cpu_time().unwrap();
    }
}
