//! Calls without pause while something happens, and the count of what became of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::call::{Call, Reply};
use crate::client::{CallError, Connection};
use crate::seen::Seen;
use crate::task::MeshTask;

/// Between the calls of a connection, so that a test leaves room for others on the machine.
const PAUSE: Duration = Duration::from_millis(2);

/// Calls that go on until they are stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    workers: JoinSet<Tally>,
}

/// What became of a number of calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls that succeeded (status 200; gRPC: status 0 too), by the application that answered.
    pub answers: BTreeMap<String, usize>,
    /// All others, by description.
    pub failures: BTreeMap<String, usize>,
    /// Connections that were ended by the other side between two calls.
    pub closed: usize,
}

impl Load {
    /// Starts `connections` connections from the task, each with one call after another.
    pub fn start(task: &MeshTask, call: &Call, connections: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut workers = JoinSet::new();
        for _ in 0..connections {
            let (task, call, stop) = (Arc::clone(task.task()), call.clone(), Arc::clone(&stop));
            workers.spawn(async move {
                let mut tally = Tally::default();
                let mut connection = None;
                while !stop.load(Ordering::Relaxed) {
                    tally.one(&task, &call, &mut connection).await;
                    tokio::time::sleep(PAUSE).await;
                }
                tally
            });
        }
        Self { stop, workers }
    }

    /// Ends it, after the calls that are under way.
    pub async fn stop(mut self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Tally::default();
        while let Some(tally) = self.workers.join_next().await {
            all.add(&tally.expect("calls do not panic"));
        }
        all
    }
}

impl MeshTask {
    /// Makes a call a number of times, one after the other, on one connection as long as that is open.
    pub async fn calls(&self, call: &Call, times: usize) -> Tally {
        let mut tally = Tally::default();
        let mut connection = None;
        for _ in 0..times {
            tally.one(self.task(), call, &mut connection).await;
        }
        tally
    }
}

impl Tally {
    async fn one(
        &mut self,
        task: &Arc<evermesh_task::Task>,
        call: &Call,
        connection: &mut Option<Connection>,
    ) {
        if let Some(open) = connection
            && !open.is_open().await
        {
            self.closed += 1;
            *connection = None;
        }
        if connection.is_none() {
            match Connection::open(task, call).await {
                Ok(opened) => *connection = Some(opened),
                Err(error) => return self.count(Err(error)),
            }
        }
        let Some(open) = connection else { return };
        let outcome = open.send(call).await;
        if outcome.is_err() {
            *connection = None;
        }
        self.count(outcome);
    }

    fn count(&mut self, outcome: Result<Reply, CallError>) {
        let (kind, what) = match outcome {
            Ok(reply) if reply.status == 200 && reply.grpc_status().is_none_or(|status| status == 0) => {
                (&mut self.answers, app_of(&reply))
            }
            Ok(reply) => {
                let grpc = reply
                    .grpc_status()
                    .map_or_else(String::new, |status| format!(" grpc-status {status}"));
                (&mut self.failures, format!("{}{grpc}", reply.status.as_u16()))
            }
            Err(error) => (&mut self.failures, error.to_string()),
        };
        *kind.entry(what).or_default() += 1;
    }

    /// Adds what another run counted.
    pub fn add(&mut self, other: &Self) {
        for (app, count) in &other.answers {
            *self.answers.entry(app.clone()).or_default() += count;
        }
        for (failure, count) in &other.failures {
            *self.failures.entry(failure.clone()).or_default() += count;
        }
        self.closed += other.closed;
    }

    /// How many calls succeeded.
    pub fn succeeded(&self) -> usize {
        self.answers.values().sum()
    }

    /// How many calls failed.
    pub fn failed(&self) -> usize {
        self.failures.values().sum()
    }

    /// How many of the calls an application answered with success.
    pub fn of(&self, app: &str) -> usize {
        self.answers.get(app).copied().unwrap_or_default()
    }

    /// Share of the answers that an application has, in percent.
    pub fn percent(&self, app: &str) -> f64 {
        let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        100.0 * count(self.of(app)) / count(self.succeeded().max(1))
    }

    /// No call failed, at least one was made, and no connection was ended.
    ///
    /// # Panics
    /// When that is not so.
    #[track_caller]
    pub fn assert_undisturbed(&self) {
        assert!(
            self.succeeded() > 0 && self.failures.is_empty() && self.closed == 0,
            "{self:?}"
        );
    }

    /// No call failed, and at least one was made.
    ///
    /// # Panics
    /// When that is not so.
    #[track_caller]
    pub fn assert_no_failure(&self) {
        assert!(self.succeeded() > 0 && self.failures.is_empty(), "{self:?}");
    }

    /// An application has this share of the answers, in percent, give or take `tolerance`.
    ///
    /// # Panics
    /// When that is not so.
    #[track_caller]
    pub fn assert_share(&self, app: &str, percent: f64, tolerance: f64) {
        let share = self.percent(app);
        assert!(
            (share - percent).abs() <= tolerance,
            "{app} has {share:.1} %, not {percent} %: {self:?}"
        );
    }
}

/// The name of the application; the beginning of the text when none answers as applications do.
fn app_of(reply: &Reply) -> String {
    let message = reply
        .messages()
        .into_iter()
        .next()
        .unwrap_or_else(|| reply.body.clone());
    let seen = serde_json::from_slice::<Seen>(&message);
    seen.map_or_else(
        |_| String::from_utf8_lossy(&message).chars().take(80).collect(),
        |seen| seen.app,
    )
}
