//! The real AWS CLI against an endpoint of ours, apart from whatever the machine's user has configured.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::process::Process;
use crate::wait::DEADLINE;

/// How to call the AWS CLI.
#[derive(Debug, Clone)]
pub struct AwsCli {
    program: PathBuf,
    directory: PathBuf,
    endpoint: String,
    region: String,
}

/// How a call of the AWS CLI ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsOutput {
    /// The exit code: 0 success, 2 wrong usage, 255 an error of the service or any other (AWS CLI, version 1).
    pub code: i32,
    /// Standard output; JSON or nothing.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl AwsCli {
    /// A caller of `program` (see [`need!`](crate::need)) for all services at `endpoint` (`http://host:port`), in
    /// `us-west-2`, with `directory` as the working directory that `file://` arguments are relative to.
    pub fn new(program: &Path, endpoint: impl Into<String>, directory: impl Into<PathBuf>) -> Self {
        let region = "us-west-2".to_owned();
        Self {
            program: program.to_owned(),
            directory: directory.into(),
            endpoint: endpoint.into(),
            region,
        }
    }

    /// The same for another region.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }

    /// Runs `aws` with these arguments, each as it is; blocks until it ends.
    ///
    /// # Panics
    /// When it cannot be run, does not end, or is ended by a signal.
    #[track_caller]
    pub fn run<A: AsRef<str>>(&self, arguments: impl IntoIterator<Item = A>) -> AwsOutput {
        let files = tempfile::tempdir().expect("a temporary directory can be made");
        let mut command = Command::new(&self.program);
        command.args(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self.prepare(&mut command);
        let mut process = Process::spawn("the AWS CLI", files, &mut command);
        let code = process.wait(DEADLINE).code().expect("the AWS CLI ends by itself");
        AwsOutput {
            code,
            stdout: process.stdout(),
            stderr: process.stderr(),
        }
    }

    /// The environment that makes a call the same on every machine.
    fn prepare(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command.current_dir(&self.directory).envs([
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_REGION", &self.region),
            ("AWS_DEFAULT_REGION", &self.region),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            (
                "AWS_SECRET_ACCESS_KEY",
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            ),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_DEFAULT_OUTPUT", "json"),
            ("AWS_PAGER", ""),
            ("AWS_MAX_ATTEMPTS", "1"), // a failure is seen, not retried away
            ("NO_PROXY", "*"),
            ("no_proxy", "*"),
        ]);
    }
}

impl AwsOutput {
    /// The answer of a call that must succeed; `null` when it has no output.
    ///
    /// # Panics
    /// When the call failed or the output is not JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "the AWS CLI failed: {}", self.stderr);
        if self.stdout.trim().is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&self.stdout).expect("the AWS CLI prints JSON")
    }

    /// The exception's name, as in `An error occurred (ConflictException) when calling ...`.
    #[must_use]
    pub fn error_code(&self) -> Option<&str> {
        let rest = self.stderr.split_once("An error occurred (")?.1;
        Some(rest.split_once(')')?.0)
    }
}
