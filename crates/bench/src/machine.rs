//! Where and of what figures were measured.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Serialize;

/// A machine, and the state of the source.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    /// Model of the processor.
    pub(crate) processor: String,
    /// Cores that may be used.
    pub(crate) cores: usize,
    /// Main memory.
    pub(crate) memory_kib: u64,
    /// Name and release of the kernel.
    pub(crate) kernel: String,
    /// Commit of the source, with `-dirty` when it has changed since; `unknown` without Git.
    pub(crate) commit: String,
    /// RFC 3339.
    pub(crate) at: String,
    /// Load average of the last minute when it began: other work on the machine, mostly.
    pub(crate) load_at_start: f64,
}

impl Machine {
    /// This machine, now.
    pub(crate) fn read() -> Result<Self> {
        let kernel = rustix::system::uname();
        Ok(Self {
            processor: field("/proc/cpuinfo", "model name").unwrap_or_else(|_| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_kib: memory()?,
            kernel: format!(
                "{} {}",
                kernel.sysname().to_string_lossy(),
                kernel.release().to_string_lossy()
            ),
            commit: commit().unwrap_or_else(|| "unknown".to_owned()),
            at: format!("{:.0}", jiff::Timestamp::now()),
            load_at_start: Self::load()?,
        })
    }

    /// The load average of the last minute.
    pub(crate) fn load() -> Result<f64> {
        let text = fs::read_to_string("/proc/loadavg").context("cannot read /proc/loadavg")?;
        let first = text.split_whitespace().next().unwrap_or_default();
        first
            .parse()
            .with_context(|| format!("/proc/loadavg begins with {first:?}"))
    }
}

fn memory() -> Result<u64> {
    let total = field("/proc/meminfo", "MemTotal")?;
    let kib = total.strip_suffix(" kB").unwrap_or(&total);
    kib.parse()
        .with_context(|| format!("MemTotal of /proc/meminfo is {total:?}"))
}

/// The value of the first line `name : value` of a file.
fn field(path: &str, name: &str) -> Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    });
    value.with_context(|| format!("{path} has no {name}"))
}

fn commit() -> Option<String> {
    let described = Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=12"])
        .output()
        .ok()?;
    let text = String::from_utf8(described.stdout).ok()?;
    (described.status.success()).then(|| text.trim().to_owned())
}
