//! A control plane in this process, and the program pointed at it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use evermesh_control_plane::{ControlPlane, Options, Sockets};
use evermesh_discovery::Forward;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A mesh of all kinds, with texts that YAML could take for something else.
pub(crate) const MESH: &str = include_str!("mesh.yaml");

/// A control plane with an empty database, and a directory for files.
pub(crate) struct Plane {
    pub(crate) runtime: Runtime,
    pub(crate) plane: ControlPlane,
    directory: TempDir,
}

impl Plane {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Options)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut options = Options::new(directory.path().join("data"));
        options.forward = Forward::Off;
        change(&mut options);
        let loopback = "127.0.0.1:0".parse().unwrap();
        let sockets = Sockets::bind(loopback, loopback, loopback).unwrap();
        let runtime = Runtime::new().unwrap();
        let plane = runtime.block_on(ControlPlane::start(options, sockets)).unwrap();
        Self {
            runtime,
            plane,
            directory,
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.plane.api_addresses()[0])
    }

    /// Writes a file and answers with its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.directory.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = evermesh(arguments);
        command.env("EVERMESH_ENDPOINT", self.endpoint());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(arguments).output().unwrap())
    }

    /// Applies a text as a file of its own.
    pub(crate) fn apply(&self, text: &str, arguments: &[&str]) -> Ran {
        let file = self.write("applied.yaml", text);
        self.run(&[&["apply", "-f", &file], arguments].concat())
    }
}

/// The program with nothing of the caller's environment.
pub(crate) fn evermesh(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evermesh"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// Runs the program with files of a directory.
pub(crate) fn run_in(directory: &Path, arguments: &[&str]) -> Ran {
    Ran::of(&evermesh(arguments).current_dir(directory).output().unwrap())
}

/// How the program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// Standard output of a success without complaints.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        self.stdout
    }

    /// Standard error of a failure with this exit code.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        self.stderr
    }

    /// The rows of a table as words, without its header.
    #[track_caller]
    pub(crate) fn rows(self) -> Vec<String> {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        self.ok().lines().skip(1).map(words).collect()
    }
}
