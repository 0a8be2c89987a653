//! `evermesh serve` as a process of its own, on free ports of loopback and a database of its own.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::process::Process;

/// A start takes a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(30);
/// Lines of its log that are shown when it does not start.
const TAIL_LINES: usize = 20;
const FREE_PORT: &str = "127.0.0.1:0";

/// A running control plane.
#[derive(Debug)]
pub(crate) struct Server {
    /// Where its API is.
    pub(crate) api: SocketAddr,
    /// Where proxies connect.
    pub(crate) xds: SocketAddr,
    /// From the start of the program until it served.
    pub(crate) ready_after: Duration,
    program: Program,
}

/// A process that is killed when dropped: nobody needs its data.
#[derive(Debug)]
struct Program(Child);

impl Server {
    /// Starts the program with its data in a directory, perhaps on those of an earlier one, and waits until it serves.
    pub(crate) async fn start(program: &Path, directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let log = directory.join("log");
        let begun = Instant::now();
        let mut program = Program::spawn(program, directory, &log)?;
        let output = program.0.stdout.take().context("its output is no pipe")?;
        let addresses = timeout(PATIENCE, spawn_blocking(|| addresses(output))).await;
        let (api, xds) = addresses
            .with_context(|| format!("it does not serve after {PATIENCE:?}"))
            .and_then(|read| read.context("its output cannot be read")?)
            .with_context(|| format!("evermesh serve did not start; its log ends:\n{}", tail(&log)))?;
        Ok(Self {
            api,
            xds,
            ready_after: begun.elapsed(),
            program,
        })
    }

    /// The process.
    pub(crate) fn process(&self) -> Process {
        Process(self.program.0.id())
    }
}

impl Program {
    fn spawn(path: &Path, directory: &Path, log: &Path) -> Result<Self> {
        let mut command = Command::new(path);
        command
            .arg("serve")
            .args(["--data-dir".as_ref(), directory.join("data").as_os_str()])
            .args([
                "--listen",
                FREE_PORT,
                "--xds-listen",
                FREE_PORT,
                "--dns-listen",
                FREE_PORT,
                "--quota-virtual-nodes-per-mesh=100000",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(log).with_context(|| format!("cannot make {}", log.display()))?);
        for (name, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"EVERMESH_"))
        {
            command.env_remove(name); // what the user has set for a control plane of theirs
        }
        let child = command.spawn();
        Ok(Self(
            child.with_context(|| format!("cannot start {}", path.display()))?,
        ))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads the addresses of API and xDS, which are printed when they are served. Blocks.
fn addresses(output: ChildStdout) -> Result<(SocketAddr, SocketAddr)> {
    let (mut api, mut xds) = (None, None);
    for line in BufReader::new(output).lines() {
        let line = line.context("its output cannot be read")?;
        let parse = |address: &str| address.parse().with_context(|| format!("it printed {line:?}"));
        if let Some(address) = line.strip_prefix("api http://") {
            api = Some(parse(address)?);
        } else if let Some(address) = line.strip_prefix("xds ") {
            xds = Some(parse(address)?);
        }
        if let (Some(api), Some(xds)) = (api, xds) {
            return Ok((api, xds));
        }
    }
    anyhow::bail!("it ended before it printed its addresses")
}

fn tail(log: &Path) -> String {
    let log = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
