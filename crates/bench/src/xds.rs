//! The benchmark of the control plane: its sizes, and its parts one after the other. Measures nothing itself.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::api::{self, Api};
use crate::machine::Machine;
use crate::mesh::{Fleet, Protocol, Shape};
use crate::process::Memory;
use crate::report::Report;
use crate::route_changes::{self, RouteChanges};
use crate::server::Server;
use crate::writes::{self, Rounds, Writes};

/// Connections that fill a mesh.
const BUILDERS: usize = 16;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A run of a few seconds that shows that everything works; its figures mean nothing
    #[arg(long)]
    quick: bool,
    /// Program to measure [default: `evermesh` beside this program]
    #[arg(long)]
    server: Option<PathBuf>,
    /// Where results are kept, and databases while they are measured; its disk is the one that is measured
    #[arg(long, default_value = "target/bench")]
    output: PathBuf,
}

/// How much of everything.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Plan {
    /// The mesh that the proxies are of.
    pub(crate) mesh: Shape,
    /// Connected proxies to measure with, one fleet after the other.
    pub(crate) fleets: Vec<Fleet>,
    /// Route changes for each fleet.
    pub(crate) updates: usize,
    /// How long writes are measured.
    pub(crate) writes: Rounds,
}

/// The memory of the control plane in one situation.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct MemoryAt {
    /// The situation.
    pub(crate) state: String,
    #[serde(flatten)]
    pub(crate) memory: Memory,
}

/// A start on an existing database.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Start {
    /// From the start of the program until it served, everything loaded.
    pub(crate) ready_ms: f64,
    /// Processor time until then.
    pub(crate) cpu_ms: f64,
}

/// Figures of one control plane with a mesh.
struct OfMesh {
    start: Start,
    route_changes: Vec<RouteChanges>,
    memory: Vec<MemoryAt>,
}

/// Runs the benchmark, prints its tables and keeps its JSON.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let plan = if arguments.quick {
        Plan::quick()
    } else {
        Plan::full()
    };
    let program = arguments.program()?;
    let output = &arguments.output;
    fs::create_dir_all(output).with_context(|| format!("cannot make {}", output.display()))?;
    let scratch = tempfile::tempdir_in(output).context("cannot make a directory for databases")?;
    let machine = Machine::read()?;

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    let OfMesh {
        start,
        route_changes,
        memory,
    } = runtime.block_on(measure_mesh(&plan, &program, scratch.path()))?;
    let writes = runtime.block_on(measure_writes(&plan.writes, &program, scratch.path()))?;

    let report = Report {
        benchmark: "xds",
        quick: arguments.quick,
        load_at_end: Machine::load()?,
        machine,
        plan,
        start,
        route_changes,
        writes,
        memory,
    };
    let kept = report.keep(output)?;
    println!("{report}\nKept in {}", kept.display());
    Ok(())
}

impl Arguments {
    fn program(&self) -> Result<PathBuf> {
        let program = match &self.server {
            Some(program) => program.clone(),
            None => env::current_exe()
                .context("this program has no path")?
                .with_file_name("evermesh"),
        };
        ensure!(
            program.is_file(),
            "there is no {}: run `cargo build --release --bin evermesh`, or name it with --server",
            program.display()
        );
        Ok(program)
    }
}

impl Plan {
    fn full() -> Self {
        Self {
            mesh: Shape {
                nodes: 5000,
                services: 1000,
                backends: 10,
                callers: 100,
            },
            fleets: vec![
                Fleet::new(1, 1, Protocol::Sotw),
                Fleet::new(200, 20, Protocol::Sotw),
                Fleet::new(2000, 2000, Protocol::Sotw),
                Fleet::new(2000, 2000, Protocol::Delta),
            ],
            updates: 300,
            writes: Rounds {
                count: 5,
                length: Duration::from_secs(1),
            },
        }
    }

    fn quick() -> Self {
        Self {
            mesh: Shape {
                nodes: 30,
                services: 5,
                backends: 3,
                callers: 2,
            },
            fleets: vec![
                Fleet::new(1, 1, Protocol::Sotw),
                Fleet::new(4, 2, Protocol::Sotw),
                Fleet::new(6, 6, Protocol::Delta),
            ],
            updates: 5,
            writes: Rounds {
                count: 1,
                length: Duration::from_millis(100),
            },
        }
    }
}

/// Route changes and memory: one control plane, from empty over a restart to all proxies.
async fn measure_mesh(plan: &Plan, program: &Path, scratch: &Path) -> Result<OfMesh> {
    let directory = scratch.join("mesh");
    let server = Server::start(program, &directory).await?;
    let mut memory = vec![memory_at(&server, "empty".to_owned())?];
    let Shape {
        nodes,
        services,
        backends,
        ..
    } = plan.mesh;
    let state = format!("{nodes} virtual nodes of {backends} backends, {services} services");
    eprintln!("making {state}");
    for stage in plan.mesh.stages() {
        api::put_all(&mut Api::connect_many(server.api, BUILDERS).await?, stage).await?;
    }
    memory.push(memory_at(&server, state)?);
    drop(server);

    let server = Server::start(program, &directory).await?;
    let start = Start {
        ready_ms: server.ready_after.as_secs_f64() * 1e3,
        cpu_ms: server.process().cpu_time()?.as_secs_f64() * 1e3,
    };
    memory.push(memory_at(&server, "the same after a restart".to_owned())?);
    let mut route_changes = Vec::new();
    let mut update = 0;
    for &fleet in &plan.fleets {
        eprintln!("connecting proxies: {fleet}");
        let (proxies, cold) = route_changes::connect(&server, &plan.mesh, fleet).await?;
        memory.push(memory_at(&server, format!("and proxies: {fleet}"))?);
        eprintln!("changing a route {} times", plan.updates);
        route_changes.push(route_changes::measure(&server, &proxies, cold, plan.updates, &mut update).await?);
        memory.push(memory_at(&server, format!("and after {update} route changes"))?);
    }
    Ok(OfMesh {
        start,
        route_changes,
        memory,
    })
}

/// Writes: a control plane of their own, without proxies.
async fn measure_writes(rounds: &Rounds, program: &Path, scratch: &Path) -> Result<Writes> {
    let server = Server::start(program, &scratch.join("writes")).await?;
    writes::measure(&server, rounds, &scratch.join("bare.db")).await
}

fn memory_at(server: &Server, state: String) -> Result<MemoryAt> {
    let memory = server.process().memory()?;
    Ok(MemoryAt { state, memory })
}
