//! Why a network or task could not be made or used.

use std::io;
use std::path::PathBuf;

use evermesh_intercept::NftError;

/// Why a network or task could not be made or used. After an error nothing of the attempt remains.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The kernel did not give a namespace; [`crate::support::check`] says why and what to do.
    #[error("cannot {action}")]
    Namespace {
        /// What was tried.
        action: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// A command that this crate needs is not installed.
    #[error("the {tool} command is neither on PATH nor in /usr/sbin: install it (Debian package {package})")]
    MissingTool {
        /// The command.
        tool: &'static str,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// The `ip` command could not be run.
    #[error("cannot run {program}")]
    RunIp {
        /// The command's path.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The `ip` command refused.
    #[error("ip refused to {action}: {stderr}")]
    Ip {
        /// What was tried.
        action: &'static str,
        /// What it wrote.
        stderr: String,
    },
    /// A file of the task's own, such as its resolver configuration, could not be put in place.
    #[error("cannot put the task's own {path} in place")]
    File {
        /// The file as the task sees it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The redirect rules were refused.
    #[error("cannot intercept the traffic of task {task}")]
    Intercept {
        /// The task's name.
        task: String,
        /// What nft said.
        source: NftError,
    },
    /// A program could not be started in a task.
    #[error("cannot start {program} in task {task}")]
    Spawn {
        /// The task's name.
        task: String,
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// A task's name is not a host name.
    #[error("{0:?} is not a task name: 1 to 63 letters, digits and inner hyphens")]
    Name(String),
    /// A subnet has no room for a gateway and a task.
    #[error("subnet {0} is too small: the longest prefixes are /30 for IPv4 and /126 for IPv6")]
    SmallSubnet(String),
    /// Every address of the subnets is taken.
    #[error("all {0} addresses of the network are taken: drop tasks or use a larger subnet")]
    NoAddress(u32),
}
