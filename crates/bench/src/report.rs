//! What was measured, as tables for people and as JSON to keep.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::machine::Machine;
use crate::mesh::Fleet;
use crate::route_changes::RouteChanges;
use crate::statistics::Percentiles;
use crate::writes::Writes;
use crate::xds::{MemoryAt, Plan, Start};

/// A whole run. Its `Display` is the tables.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) benchmark: &'static str,
    /// Whether figures mean nothing.
    pub(crate) quick: bool,
    pub(crate) machine: Machine,
    /// Load average of the last minute when it ended.
    pub(crate) load_at_end: f64,
    pub(crate) plan: Plan,
    pub(crate) start: Start,
    pub(crate) route_changes: Vec<RouteChanges>,
    pub(crate) writes: Writes,
    pub(crate) memory: Vec<MemoryAt>,
}

impl Report {
    /// Writes the JSON into a new file of a directory.
    pub(crate) fn keep(&self, directory: &Path) -> Result<PathBuf> {
        let time = self.machine.at.replace([':', '-'], "");
        let path = directory.join(format!("{}-{time}.json", self.benchmark));
        let json = serde_json::to_string_pretty(self).context("the report has no JSON form")?;
        fs::write(&path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.quick {
            writeln!(f, "A QUICK RUN: the figures mean nothing.\n")?;
        }
        let Machine {
            processor,
            cores,
            memory_kib,
            kernel,
            commit,
            load_at_start,
            ..
        } = &self.machine;
        let (gib, load_at_end) = (*memory_kib as f64 / f64::from(1 << 20), self.load_at_end);
        writeln!(
            f,
            "{processor}, {cores} cores, {gib:.1} GiB, {kernel}; commit {commit}"
        )?;
        writeln!(
            f,
            "load average {load_at_start:.1} at the start, {load_at_end:.1} at the end\n"
        )?;
        writeln!(
            f,
            "The simulated proxies and the API's client share these cores with what is measured.\n"
        )?;
        let Start { ready_ms, cpu_ms } = &self.start;
        writeln!(
            f,
            "Start on the existing database until it serves: {ready_ms:.0} ms, {cpu_ms:.0} ms of CPU\n"
        )?;
        writeln!(
            f,
            "All proxies from the first connection to accepted configurations"
        )?;
        writeln!(f, "{}\n", cold_starts(&self.route_changes))?;
        writeln!(
            f,
            "UpdateRoute to the last concerned proxy that receives it, in ms"
        )?;
        writeln!(f, "{}", route_changes(&self.route_changes))?;
        writeln!(
            f,
            "(A push does not wait for the API's answer; one that was first counts as 0.)\n"
        )?;
        writeln!(
            f,
            "CreateVirtualNode, {} bytes; each write synced to disk",
            self.writes.bytes
        )?;
        writeln!(f, "{}\n", writes(&self.writes))?;
        writeln!(f, "Memory of evermesh serve, in MiB")?;
        writeln!(f, "{}", memory(&self.memory))
    }
}

fn cold_starts(all: &[RouteChanges]) -> Table {
    let mut table = table(&["proxies", "of nodes", "xDS", "ms", "CPU ms"]);
    for figures in all {
        let Fleet {
            proxies,
            virtual_nodes,
            protocol,
        } = figures.fleet;
        let [ms, cpu] = [figures.cold_ms, figures.cold_cpu_ms].map(|time| format!("{time:.0}"));
        table.add_row([
            proxies.to_string(),
            virtual_nodes.to_string(),
            protocol.to_string(),
            ms,
            cpu,
        ]);
    }
    align(table, &[2])
}

fn route_changes(all: &[RouteChanges]) -> Table {
    let header = [
        "proxies",
        "concerned",
        "xDS",
        "changes",
        "from",
        "p50",
        "p90",
        "p99",
        "max",
        "already there",
        "CPU ms per change, s per 1,000",
    ];
    let mut table = table(&header);
    for figures in all {
        let row = |from: &str, times: Percentiles, rest: [String; 2]| {
            let lead = [
                figures.fleet.proxies.to_string(),
                figures.concerned.to_string(),
                figures.fleet.protocol.to_string(),
                figures.updates.to_string(),
                from.to_owned(),
            ];
            lead.into_iter()
                .chain(milliseconds(times))
                .chain(rest)
                .collect::<Vec<_>>()
        };
        let cpu = format!("{:.2}", figures.cpu_ms_per_update);
        let nothing = || [String::new(), String::new()];
        table
            .add_row(row(
                "answer",
                figures.from_answer,
                [figures.before_answer.to_string(), cpu],
            ))
            .add_row(row("request", figures.from_request, nothing()))
            .add_row(row("request to answer", figures.to_answer, nothing()));
    }
    align(table, &[2, 4])
}

fn writes(writes: &Writes) -> Table {
    let mut table = table(&[
        "writers",
        "per second",
        "to bare",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "max ms",
    ]);
    let bare = [
        "bare SQLite, 1".to_owned(),
        format!("{:.0}", writes.bare_per_second),
        "1.00".to_owned(),
    ];
    table.add_row(bare);
    for api in &writes.api {
        let lead = [
            format!("API, {}", api.writers),
            format!("{:.0}", api.per_second),
            format!("{:.2}", api.ratio_to_bare),
        ];
        table.add_row(
            lead.into_iter()
                .chain(milliseconds(api.latency))
                .collect::<Vec<_>>(),
        );
    }
    align(table, &[0])
}

fn memory(all: &[MemoryAt]) -> Table {
    let mut table = table(&["state", "RSS", "PSS"]);
    let mib = |kib: u64| format!("{:.1}", kib as f64 / 1024.0);
    for MemoryAt { state, memory } in all {
        table.add_row([state.clone(), mib(memory.rss_kib), mib(memory.pss_kib)]);
    }
    align(table, &[0])
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_MARKDOWN)
        .set_header(header.to_vec());
    table
}

/// Numbers to the right, but for the columns of words.
fn align(mut table: Table, words: &[usize]) -> Table {
    for index in (0..table.column_count()).filter(|index| !words.contains(index)) {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn milliseconds(times: Percentiles) -> [String; 4] {
    [times.p50_ms, times.p90_ms, times.p99_ms, times.max_ms].map(|time| format!("{time:.2}"))
}
