//! How long a route change takes to the wire of every proxy: one change after the other, each waited for.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::api::Api;
use crate::mesh::{self, Fleet, Shape};
use crate::proxies::Proxies;
use crate::server::Server;
use crate::statistics::Percentiles;

/// Changes before the first that counts, for caches and connections to warm up.
const WARM_UP: usize = 20;

/// The figures for one number of proxies.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RouteChanges {
    /// Connected proxies.
    #[serde(flatten)]
    pub(crate) fleet: Fleet,
    /// Those among them that get every change.
    pub(crate) concerned: usize,
    /// From the first connection until all had accepted their first configuration.
    pub(crate) cold_ms: f64,
    /// Processor time of the control plane for that.
    pub(crate) cold_cpu_ms: f64,
    /// Changes measured.
    pub(crate) updates: usize,
    /// From the answer to UpdateRoute to the last proxy that receives it. 0 where that was before the answer.
    pub(crate) from_answer: Percentiles,
    /// From the request to the last proxy that receives it.
    pub(crate) from_request: Percentiles,
    /// From the request to its answer.
    pub(crate) to_answer: Percentiles,
    /// Changes that all proxies had before the answer had come.
    pub(crate) before_answer: usize,
    /// Processor time of the control plane per change, which is also the seconds for 1,000.
    pub(crate) cpu_ms_per_update: f64,
}

/// Makes changes and measures them. `update` is the number of the last change, before and after.
pub(crate) async fn measure(
    server: &Server,
    proxies: &Proxies,
    cold: Cold,
    updates: usize,
    update: &mut u64,
) -> Result<RouteChanges> {
    let mut api = Api::connect(server.api).await?;
    for _ in 0..WARM_UP.min(updates) {
        change(&mut api, proxies, update).await?;
    }
    let cpu_before = server.process().cpu_time()?;
    let mut changes = Vec::with_capacity(updates);
    for _ in 0..updates {
        changes.push(change(&mut api, proxies, update).await?);
    }
    let cpu = server.process().cpu_time()?.saturating_sub(cpu_before);
    let percentiles =
        |of: fn(&Change) -> Duration| Percentiles::of(changes.iter().map(of)).context("no change was made");
    Ok(RouteChanges {
        fleet: proxies.fleet(),
        concerned: proxies.concerned(),
        cold_ms: cold.time.as_secs_f64() * 1e3,
        cold_cpu_ms: cold.cpu.as_secs_f64() * 1e3,
        updates,
        from_answer: percentiles(|change| change.from_answer)?,
        from_request: percentiles(|change| change.from_request)?,
        to_answer: percentiles(|change| change.to_answer)?,
        before_answer: changes
            .iter()
            .filter(|change| change.from_answer.is_zero())
            .count(),
        cpu_ms_per_update: cpu.as_secs_f64() * 1e3 / updates as f64,
    })
}

/// What it took to configure all proxies from nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cold {
    /// From the first connection until all had accepted their first configuration.
    pub(crate) time: Duration,
    /// Processor time of the control plane.
    pub(crate) cpu: Duration,
}

/// Connects a fleet and waits until it is configured.
pub(crate) async fn connect(server: &Server, mesh: &Shape, fleet: Fleet) -> Result<(Proxies, Cold)> {
    let (cpu_before, begun) = (server.process().cpu_time()?, Instant::now());
    let proxies = Proxies::connect(server.xds, mesh, fleet)?;
    proxies.arrivals().all_configured(fleet.proxies).await?;
    let time = begun.elapsed();
    let cpu = server.process().cpu_time()?.saturating_sub(cpu_before);
    Ok((proxies, Cold { time, cpu }))
}

struct Change {
    from_answer: Duration,
    from_request: Duration,
    to_answer: Duration,
}

async fn change(api: &mut Api, proxies: &Proxies, update: &mut u64) -> Result<Change> {
    *update += 1;
    proxies.arrivals().expect(*update, proxies.concerned());
    let answer = api.put(&mesh::update_route(*update)).await?;
    let complete = proxies
        .arrivals()
        .complete()
        .await
        .with_context(|| format!("route change {update} did not reach all proxies that it concerns"))?;
    Ok(Change {
        // The push does not wait for the answer, so it may be there first.
        from_answer: complete.saturating_duration_since(answer.acknowledged),
        from_request: complete.saturating_duration_since(answer.sent),
        to_answer: answer.duration(),
    })
}
