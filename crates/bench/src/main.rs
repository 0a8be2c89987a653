//! Benchmarks of the released programs, for `make bench-*`. Never linked against what it measures: programs are
//! started, and met where their users meet them.

mod api;
mod arrivals;
mod disk;
mod machine;
mod mesh;
mod process;
mod proxies;
mod report;
mod route_changes;
mod server;
mod statistics;
mod writes;
mod xds;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Benchmarks of Evermesh, for its developers.
#[derive(Debug, Parser)]
#[command(name = "evermesh-bench")]
struct Cli {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Debug, Subcommand)]
enum Benchmark {
    /// The control plane: how fast route changes reach proxies, API writes, memory
    Xds(xds::Arguments),
}

fn main() -> Result<()> {
    match Cli::parse().benchmark {
        Benchmark::Xds(arguments) => xds::run(&arguments),
    }
}
