//! Keeps one Envoy running and stops it gently.
//!
//! | What happens | What the supervisor does |
//! |---|---|
//! | Envoy exits by itself | starts it again after a pause, up to `APPNET_ENVOY_RESTART_COUNT` times, then ends as it did |
//! | a stop request (SIGTERM, SIGINT) | drains, waits for connections to close, stops Envoy |
//! | a second stop request | stops waiting |
//! | the supervisor is killed | the kernel kills Envoy; the next supervisor removes the directory that was left |

mod child;
mod drain;
mod outcome;
mod parent_death;
mod signals;
mod workspace;

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::config::{Config, Lifecycle};
use crate::{bootstrap, envoy};

pub use outcome::Outcome;
pub use signals::stop_requests;

use child::Child;
use workspace::Workspace;

/// How long Envoy may take from SIGTERM to its end before it is killed; what the App Mesh agent gave it.
const STOP_GRACE: Duration = Duration::from_secs(3);

/// One Envoy and how to keep it.
#[derive(Debug)]
pub struct Supervisor {
    program: PathBuf,
    arguments: Vec<OsString>,
    workspace: Workspace,
    lifecycle: Lifecycle,
}

/// Supervision itself failed.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// The private directory for bootstrap and admin address cannot be made.
    #[error("the bootstrap cannot be written to a private directory")]
    Workspace(#[source] io::Error),
    /// Envoy cannot be started.
    #[error("{0} cannot be started")]
    Start(PathBuf, #[source] io::Error),
    /// Envoy cannot be waited for or signalled.
    #[error("lost track of the running Envoy")]
    Track(#[source] io::Error),
}

impl Supervisor {
    /// Prepares `program`, an Envoy, to run as `config` says: writes the bootstrap to a private directory that goes
    /// when the supervisor does, or, after a kill, when the next one starts.
    ///
    /// # Errors
    /// [`SupervisorError::Workspace`].
    pub fn new(program: PathBuf, config: &Config) -> Result<Self, SupervisorError> {
        let bootstrap: Value = bootstrap::bootstrap(config);
        let workspace = Workspace::new(&bootstrap).map_err(SupervisorError::Workspace)?;
        let arguments = envoy::arguments(config, &workspace.bootstrap(), &workspace.admin_address_file());
        Ok(Self {
            program,
            arguments,
            workspace,
            lifecycle: config.lifecycle,
        })
    }

    /// The file that Envoy reads.
    #[must_use]
    pub fn bootstrap_file(&self) -> PathBuf {
        self.workspace.bootstrap()
    }

    /// The address that the admin interface of the running Envoy got; `None` until Envoy has written it.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.workspace.admin_address()
    }

    /// Runs Envoy until it is asked to stop or has exited more often than it may. A closed channel asks to stop.
    ///
    /// # Errors
    /// [`SupervisorError::Start`] and [`SupervisorError::Track`].
    pub async fn run(&self, stop: &mut mpsc::Receiver<()>) -> Result<Outcome, SupervisorError> {
        let mut restarts = 0;
        loop {
            let mut child = self.start().await?;
            tokio::select! {
                status = child.wait() => {
                    let status = status.map_err(SupervisorError::Track)?;
                    let limit = self.lifecycle.restart_count;
                    warn!(%status, restarts, limit, "envoy exited");
                    if restarts == limit {
                        return Ok(Outcome::Exited(status));
                    }
                }
                _ = stop.recv() => return self.stop(child, stop).await,
            }
            restarts += 1;
            tokio::select! {
                () = tokio::time::sleep(self.lifecycle.restart_pause) => {}
                _ = stop.recv() => return Ok(Outcome::Stopped),
            }
        }
    }

    async fn start(&self) -> Result<Child, SupervisorError> {
        let failed = |error| SupervisorError::Start(self.program.clone(), error);
        self.workspace.forget_admin_address().map_err(failed)?;
        let child = Child::start(&self.program, &self.arguments)
            .await
            .map_err(failed)?;
        info!(pid = child.pid(), program = %self.program.display(), "envoy started");
        Ok(child)
    }

    async fn stop(
        &self,
        mut child: Child,
        stop: &mut mpsc::Receiver<()>,
    ) -> Result<Outcome, SupervisorError> {
        info!(at_most_s = self.lifecycle.drain_wait.as_secs(), "draining");
        tokio::select! {
            () = drain::drain(self.admin_address(), &self.lifecycle) => {}
            _ = child.wait() => {}
            Some(()) = stop.recv() => warn!("asked again to stop: not waiting for connections to close"),
        }
        terminate(&mut child).await.map_err(SupervisorError::Track)?;
        info!("envoy stopped");
        Ok(Outcome::Stopped)
    }
}

/// SIGTERM, and SIGKILL when that does not help.
async fn terminate(child: &mut Child) -> io::Result<()> {
    child.signal(Signal::TERM)?;
    if tokio::time::timeout(STOP_GRACE, child.wait()).await.is_err() {
        warn!(
            "envoy did not stop within {} s of SIGTERM: killing it",
            STOP_GRACE.as_secs()
        );
        child.signal(Signal::KILL)?;
        child.wait().await?;
    }
    Ok(())
}

/// Reads an admin address file as Envoy writes it: `<address>:<port>`.
fn read_address(file: &Path) -> Option<SocketAddr> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}
