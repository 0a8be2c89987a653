//! A real Envoy, as the judge of configuration and as a peer in traffic.
//!
//! These functions block. In an asynchronous test that serves Envoy's control plane from the same runtime, use
//! `#[tokio::test(flavor = "multi_thread")]`, whose workers go on while the test's own thread waits.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::http::{self, Response};
use crate::process::Process;
use crate::wait::{DEADLINE, wait_until};

/// A running Envoy; killed on drop.
pub struct EnvoyProcess {
    process: Process,
    admin: SocketAddr,
}

impl EnvoyProcess {
    /// Starts `envoy` (see [`need!`](crate::need)) with a bootstrap configuration in YAML or JSON and waits until its
    /// admin endpoint listens. The configuration must have an admin address, best on port 0.
    ///
    /// # Panics
    /// When Envoy does not start; its log says why.
    #[track_caller]
    #[must_use]
    pub fn start(envoy: &Path, bootstrap: &str) -> Self {
        Self::start_with(envoy, bootstrap, |_| {})
    }

    /// [`start`](Self::start) with more arguments or environment, as `adjust` makes them.
    ///
    /// # Panics
    /// When Envoy does not start; its log says why.
    #[track_caller]
    #[must_use]
    pub fn start_with(envoy: &Path, bootstrap: &str, adjust: impl FnOnce(&mut Command)) -> Self {
        let (directory, config) = write_config(bootstrap);
        let admin_file = directory.path().join("admin");
        let mut command = Command::new(envoy);
        command
            .arg("--config-path")
            .arg(config)
            .arg("--admin-address-path")
            .arg(admin_file);
        command.args([
            "--disable-hot-restart",
            "--concurrency",
            "1",
            "--log-level",
            "info",
        ]);
        adjust(&mut command);
        let mut process = Process::spawn("Envoy", directory, &mut command);

        let admin = wait_until("Envoy wrote its admin address", DEADLINE, || {
            assert_eq!(process.exit_status(), None, "Envoy ended at once");
            fs::read_to_string(process.path("admin"))
                .ok()?
                .trim()
                .parse()
                .ok()
        });
        Self { process, admin }
    }

    /// Where the admin endpoint listens.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until Envoy has its configuration and serves (`/ready` answers 200).
    ///
    /// # Panics
    /// When that does not happen.
    #[track_caller]
    pub fn wait_until_live(&mut self) {
        wait_until("Envoy is live", DEADLINE, || {
            assert_eq!(self.process.exit_status(), None, "Envoy ended");
            http::request(self.admin, "GET", "/ready")
                .ok()
                .filter(|ready| ready.status == 200)
        });
    }

    /// `GET` from the admin endpoint; the path starts with `/`.
    ///
    /// # Panics
    /// When there is no whole answer.
    #[track_caller]
    #[must_use]
    pub fn get(&self, path: &str) -> Response {
        self.admin_request("GET", path)
    }

    /// `POST` to the admin endpoint; the path starts with `/`.
    ///
    /// # Panics
    /// When there is no whole answer.
    #[track_caller]
    pub fn post(&self, path: &str) -> Response {
        self.admin_request("POST", path)
    }

    /// `/config_dump` as JSON, with the endpoints.
    ///
    /// # Panics
    /// When the answer is not JSON.
    #[track_caller]
    #[must_use]
    pub fn config_dump(&self) -> serde_json::Value {
        serde_json::from_str(&self.get("/config_dump?include_eds").body)
            .expect("a configuration dump is JSON")
    }

    /// The value of a counter or gauge; `None` when Envoy does not (yet) have it.
    ///
    /// # Panics
    /// When the answer is not what Envoy's `/stats` gives.
    #[track_caller]
    #[must_use]
    pub fn stat(&self, name: &str) -> Option<u64> {
        let stats = self.get("/stats").body;
        let value = stats
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))?;
        Some(value.parse().expect("a counter or gauge is a number"))
    }

    /// What Envoy wrote to standard error so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.stderr()
    }

    #[track_caller]
    fn admin_request(&self, method: &str, path: &str) -> Response {
        http::request(self.admin, method, path)
            .unwrap_or_else(|error| panic!("{method} {path} at Envoy's admin: {error}"))
    }
}

/// Lets Envoy judge a bootstrap configuration in YAML or JSON without running it.
///
/// # Errors
/// What Envoy says is wrong.
///
/// # Panics
/// When Envoy cannot be run or does not end.
pub fn validate(envoy: &Path, bootstrap: &str) -> Result<(), String> {
    let (directory, config) = write_config(bootstrap);
    let mut command = Command::new(envoy);
    command
        .args([
            "--mode",
            "validate",
            "--disable-hot-restart",
            "--log-level",
            "error",
            "--config-path",
        ])
        .arg(config);
    let mut process = Process::spawn("Envoy", directory, &mut command);
    if process.wait(DEADLINE).success() {
        Ok(())
    } else {
        Err(process.stdout() + &process.stderr())
    }
}

/// Envoy goes by the file's extension; JSON is YAML.
fn write_config(bootstrap: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let config = directory.path().join("bootstrap.yaml");
    fs::write(&config, bootstrap).expect("a temporary directory is writable");
    (directory, config)
}
