//! Why the demonstration cannot be given, and errors with their causes in one line.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;

use evermesh_control_plane::StartError;
use evermesh_task::support::Unsupported;
use evermesh_task::{HostsError, TaskError};

use crate::api::ApiError;
use crate::preflight::Problems;

/// Why the demonstration cannot be given, or broke off. Nothing of it remains then.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// This machine or installation lacks something.
    #[error(transparent)]
    Unprepared(#[from] Problems),
    /// The user namespace that was possible a moment ago was refused.
    #[error(transparent)]
    UserNamespace(#[from] Unsupported),
    /// The runtime did not start.
    #[error("cannot start the asynchronous runtime")]
    Runtime(#[source] io::Error),
    /// Signals cannot be handled.
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),
    /// A temporary file or directory cannot be made.
    #[error("cannot make {}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Network, task or program in a task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The names cannot be written.
    #[error(transparent)]
    Hosts(#[from] HostsError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The control plane did not start.
    #[error("the control plane did not start")]
    ControlPlane(#[source] StartError),
    /// A command of the walkthrough failed.
    #[error("aws appmesh {command}")]
    Api {
        /// The command.
        command: String,
        /// Why.
        source: ApiError,
    },
    /// A program that should run has ended.
    #[error("{program} of {task} ended ({status}); the end of its log:\n{log}")]
    Ended {
        /// What it was.
        program: &'static str,
        /// Its task.
        task: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// What it said last.
        log: String,
    },
    /// The proxies do not take their configuration.
    #[error("the proxies did not take their configuration within {waited_s} s: {states}")]
    NotInSync {
        /// How long that was waited for, in seconds.
        waited_s: u64,
        /// How far each proxy is.
        states: String,
    },
    /// A call that must be answered was not.
    #[error("{from} got no answer from {to} within {waited_s} s: {finding}")]
    NoAnswer {
        /// The calling task.
        from: &'static str,
        /// The host called.
        to: &'static str,
        /// How long that was tried, in seconds.
        waited_s: u64,
        /// What the last call found.
        finding: String,
    },
    /// The load generator or a caller broke the protocol with its parent.
    #[error("the {program} in {task} {problem}; the end of its log:\n{log}")]
    Child {
        /// What it was.
        program: &'static str,
        /// Its task.
        task: &'static str,
        /// What it did.
        problem: String,
        /// What it said last.
        log: String,
    },
}

/// Shows an error with all its causes, in one line unless they have several.
pub(crate) struct Chain<'error>(pub(crate) &'error dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
