//! API writes per second, beside bare commits of SQLite on the same disk: in turns, because the speed of a shared
//! disk changes from one second to the next.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use serde::Serialize;
use serde_json::Value;

use crate::api::{self, Api, Call};
use crate::disk::BareSqlite;
use crate::mesh::{create_mesh, create_virtual_node};
use crate::server::Server;
use crate::statistics::{Percentiles, median};

/// Numbers of concurrent writers.
const WRITERS: [usize; 2] = [1, 16];
/// Virtual nodes go into meshes of this size, which is within the default quota, ...
const NODES_PER_MESH: usize = 1000;
/// ... and so are these.
const MESHES: usize = 100;

/// How long to measure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Rounds {
    /// Rounds. In each, everything has one turn.
    pub(crate) count: usize,
    /// Length of a turn.
    pub(crate) length: Duration,
}

/// All figures of writes.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Writes {
    /// Bytes of a created resource as JSON, and of a row of bare SQLite.
    pub(crate) bytes: usize,
    /// Commits per second of one bare writer, one row each: the median of the rounds.
    pub(crate) bare_per_second: f64,
    /// Of the API.
    pub(crate) api: Vec<ApiWrites>,
}

/// The figures for one number of writers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ApiWrites {
    /// Concurrent writers, each with a connection of its own.
    pub(crate) writers: usize,
    /// Acknowledged creations per second: the median of the rounds.
    pub(crate) per_second: f64,
    /// To the bare commits of the same round: the median of the rounds.
    pub(crate) ratio_to_bare: f64,
    /// From request to answer, in all rounds.
    pub(crate) latency: Percentiles,
    /// All creations.
    pub(crate) writes: usize,
}

/// What one turn of writers brought.
struct Turn {
    latencies: Vec<Duration>,
    per_second: f64,
}

/// Measures in rounds. `bare` is where the bare database is made; on the server's disk, it is to be.
pub(crate) async fn measure(server: &Server, rounds: &Rounds, bare: &Path) -> Result<Writes> {
    let mut connections = Api::connect_many(server.api, WRITERS[WRITERS.len() - 1]).await?;
    api::put_all(
        &mut connections,
        (0..MESHES).map(|mesh| create_mesh(&mesh_name(mesh))).collect(),
    )
    .await?;
    let taken = AtomicUsize::new(0);
    let bytes = size_of_a_node(&mut connections[0], &taken).await?;
    let mut bare = BareSqlite::create(bare, bytes)?;

    let mut bare_rates = Vec::new();
    let mut turns = WRITERS.map(|_| Vec::new());
    for round in 1..=rounds.count {
        eprintln!("writing, round {round} of {}", rounds.count);
        bare_rates.push(bare.commits_per_second(rounds.length)?);
        for (writers, turns) in WRITERS.into_iter().zip(&mut turns) {
            turns.push(take_turn(&mut connections[..writers], &taken, rounds.length).await?);
        }
    }
    let api = WRITERS.into_iter().zip(turns);
    Ok(Writes {
        bytes,
        bare_per_second: median(bare_rates.iter().copied()).context("no round was made")?,
        api: api
            .map(|(writers, turns)| summarize(writers, &turns, &bare_rates))
            .collect::<Result<_>>()?,
    })
}

fn summarize(writers: usize, turns: &[Turn], bare_rates: &[f64]) -> Result<ApiWrites> {
    let ratios = turns
        .iter()
        .zip(bare_rates)
        .map(|(turn, bare)| turn.per_second / bare);
    let latencies = || turns.iter().flat_map(|turn| turn.latencies.iter().copied());
    let nothing = "nothing was written";
    Ok(ApiWrites {
        writers,
        per_second: median(turns.iter().map(|turn| turn.per_second)).context(nothing)?,
        ratio_to_bare: median(ratios).context(nothing)?,
        latency: Percentiles::of(latencies()).context(nothing)?,
        writes: latencies().count(),
    })
}

async fn take_turn(connections: &mut [Api], taken: &AtomicUsize, length: Duration) -> Result<Turn> {
    let start = Instant::now();
    let writers = connections.iter_mut().map(async |api| {
        let mut latencies = Vec::new();
        while start.elapsed() < length {
            let answer = api.put(&next_node(taken)?).await?;
            latencies.push(answer.duration());
        }
        anyhow::Ok(latencies)
    });
    let latencies = try_join_all(writers).await?.concat();
    let per_second = latencies.len() as f64 / start.elapsed().as_secs_f64();
    Ok(Turn {
        latencies,
        per_second,
    })
}

/// The size of a virtual node as the API shows it, which is about what is stored of it.
async fn size_of_a_node(api: &mut Api, taken: &AtomicUsize) -> Result<usize> {
    let answer = api.put(&next_node(taken)?).await?;
    let node: Value = serde_json::from_slice(&answer.body).context("the answer is no JSON")?;
    Ok(node.to_string().len())
}

/// The creation of a virtual node that is not there yet.
fn next_node(taken: &AtomicUsize) -> Result<Call> {
    let number = taken.fetch_add(1, Ordering::Relaxed);
    let mesh = number / NODES_PER_MESH;
    ensure!(
        mesh < MESHES,
        "the benchmark has room for {number} virtual nodes only"
    );
    let backends = (0..3).map(|backend| format!("backend-{backend}.bench.internal"));
    Ok(create_virtual_node(
        &mesh_name(mesh),
        &format!("node-{number:06}"),
        backends,
    ))
}

fn mesh_name(mesh: usize) -> String {
    format!("writes-{mesh:03}")
}
