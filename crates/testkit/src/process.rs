//! A child process whose output goes to files, which ends with the test whatever happens.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::wait::wait_until;

/// Enough of a log to see why a program failed.
const TAIL_LINES: usize = 60;

/// A running program. Killed on drop; its log goes to the test's output when the test is failing.
pub(crate) struct Process {
    child: Child,
    directory: TempDir,
    name: String,
}

impl Process {
    /// Starts `command` with a directory of its own for its files, which [`path`](Self::path) reaches.
    pub(crate) fn spawn(name: &str, directory: TempDir, command: &mut Command) -> Self {
        let file = |name: &str| {
            File::create(directory.path().join(name)).expect("a temporary directory is writable")
        };
        let child = command
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn();
        let child =
            child.unwrap_or_else(|error| panic!("cannot run {}: {error}", command.get_program().display()));
        Self {
            child,
            directory,
            name: name.to_owned(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// `None` while it runs.
    pub(crate) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    #[track_caller]
    pub(crate) fn wait(&mut self, deadline: Duration) -> ExitStatus {
        let what = format!("{} ended", self.name);
        wait_until(&what, deadline, || self.exit_status())
    }

    pub(crate) fn stdout(&self) -> String {
        read(&self.path("stdout"))
    }

    pub(crate) fn stderr(&self) -> String {
        read(&self.path("stderr"))
    }

    /// The end of what it wrote to standard error.
    pub(crate) fn log_tail(&self) -> String {
        let log = self.stderr();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!(
                "--- the end of what {} said ---\n{}\n---",
                self.name,
                self.log_tail()
            );
        }
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
