//! The parent's side of the children that call: the load generator, and single calls.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use http::Uri;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::timeout;

use crate::child::{Finding, Order, Report, Role};
use crate::error::{Chain, DemoError};
use crate::workload::{Workload, tail};

/// Reports come ten times a second.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);
/// Longer than a caller waits for its answer.
const CALL_LIMIT: Duration = Duration::from_secs(30);

/// A load generator in a task.
pub(crate) struct Load {
    task: &'static str,
    log: PathBuf,
    /// `None` after the end was asked for.
    orders: Option<ChildStdin>,
    reports: Lines<BufReader<ChildStdout>>,
    // Waited for by the runtime; it ends with its task at the latest.
    _child: Child,
}

impl Load {
    /// Starts one that calls `host`. It waits for its first order.
    pub(crate) fn start(workload: &Workload, host: &str) -> Result<Self, DemoError> {
        let (command, log) = workload.child(&Role::Load(url(host)), "load")?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn_tokio()?;
        let reports = child
            .stdout
            .take()
            .expect("it was started with a pipe for its output");
        Ok(Self {
            task: workload.name(),
            log,
            orders: child.stdin.take(),
            reports: BufReader::new(reports).lines(),
            _child: child,
        })
    }

    /// Changes what it does.
    pub(crate) async fn order(&mut self, order: Order) -> Result<(), DemoError> {
        let mut line = serde_json::to_string(&order).expect("numbers are JSON");
        line.push('\n');
        let sent = match &mut self.orders {
            Some(orders) => orders.write_all(line.as_bytes()).await,
            None => Ok(()),
        };
        sent.map_err(|error| self.fault(format!("takes no orders: {error}")))
    }

    /// The next report; `None` after the last one. Nothing is lost when the future is dropped.
    pub(crate) async fn report(&mut self) -> Result<Option<Report>, DemoError> {
        let line = match timeout(SILENCE_LIMIT, self.reports.next_line()).await {
            Err(_) => return Err(self.fault(format!("was silent for {} s", SILENCE_LIMIT.as_secs()))),
            Ok(line) => line.map_err(|error| self.fault(format!("cannot be read: {error}")))?,
        };
        match line {
            Some(line) => serde_json::from_str(&line)
                .map(Some)
                .map_err(|error| self.fault(format!("reported something else: {error}"))),
            None if self.orders.is_none() => Ok(None),
            None => Err(self.fault("ended".to_owned())),
        }
    }

    /// Lets it end when the answers that it still waits for have come; reports go on until then.
    pub(crate) fn ask_to_stop(&mut self) {
        self.orders = None;
    }

    fn fault(&self, problem: String) -> DemoError {
        DemoError::Child {
            program: "load generator",
            task: self.task,
            problem,
            log: tail(&self.log),
        }
    }
}

/// Calls `host` once from a task.
pub(crate) async fn call(workload: &Workload, host: &str) -> Result<Finding, DemoError> {
    let (command, log) = workload.child(&Role::Call(url(host)), "call")?;
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn_tokio()?;
    let fault = |problem: String| DemoError::Child {
        program: "caller",
        task: workload.name(),
        problem,
        log: tail(&log),
    };
    let output = timeout(CALL_LIMIT, child.wait_with_output())
        .await
        .map_err(|_| fault(format!("did not end within {} s", CALL_LIMIT.as_secs())))?
        .map_err(|error| fault(format!("cannot be waited for: {error}")))?;
    serde_json::from_slice(&output.stdout)
        .map_err(|error| fault(format!("printed something else: {}", Chain(&error))))
}

fn url(host: &str) -> Uri {
    let url = format!("http://{host}/");
    url.parse().expect("names of the walkthrough are host names")
}
