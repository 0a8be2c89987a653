//! Runs the `nft` command: the only place of this crate that touches the machine.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::config::Config;
use crate::listing;
use crate::ruleset::{Ruleset, TABLE};
use crate::status::Status;

/// Why rules could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum NftError {
    /// There is no `nft` command.
    #[error("the nft command is neither on PATH nor in /usr/sbin: install it (Debian package nftables)")]
    Missing,
    /// The caller may not touch the rules of this network namespace.
    #[error(
        "not permitted to access the packet rules of this network namespace: run as root, or with CAP_NET_ADMIN in a \
         namespace of your own (nft says: {stderr})"
    )]
    NotPermitted {
        /// What nft wrote.
        stderr: String,
    },
    /// `nft` could not be run.
    #[error("cannot run {program}")]
    Run {
        /// The command's path.
        program: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// `nft` refused. The rules are unchanged: a transaction applies as a whole or not at all.
    #[error(
        "nft refused to {action}; nothing was changed. The kernel needs nf_tables with NAT in family inet (Linux 5.2 \
         or newer). nft says: {stderr}"
    )]
    Refused {
        /// What was asked for.
        action: &'static str,
        /// What nft wrote.
        stderr: String,
    },
    /// `nft -j` printed something that is not JSON.
    #[error("nft printed a listing that is not JSON: it must be built with JSON support")]
    Listing(#[source] serde_json::Error),
}

/// Puts the rules for `config` in place in the network namespace of the calling thread, instead of whatever rules
/// of ours were there, in one transaction: no packet sees half of them. Other tables are left alone.
pub fn install(config: &Config) -> Result<(), NftError> {
    run(
        "install the rules",
        &["-f", "-"],
        &Ruleset::new(config).to_string(),
    )
    .map(drop)
}

/// Removes exactly what [`install`] put there; succeeds when there is nothing.
pub fn remove() -> Result<(), NftError> {
    // Naming the table creates it where it is missing, so that deleting it cannot fail.
    let script = format!("table inet {TABLE}\ndelete table inet {TABLE}\n");
    run("remove the rules", &["-f", "-"], &script).map(drop)
}

/// What is in place in the network namespace of the calling thread, judged against `expected` when given, else
/// against the settings that the rules themselves show.
pub fn status(expected: Option<&Config>) -> Result<Status, NftError> {
    if !listing::has_table(&list(&["-j", "list", "tables", "inet"])?) {
        return Ok(Status::not_installed(expected));
    }
    let found = list(&["-j", "list", "table", "inet", TABLE])?;
    Ok(Status::of(&listing::ruleset(&found), expected))
}

fn list(arguments: &[&str]) -> Result<Value, NftError> {
    let output = run("list the rules", arguments, "")?;
    serde_json::from_slice(&output.stdout).map_err(NftError::Listing)
}

fn run(action: &'static str, arguments: &[&str], input: &str) -> Result<Output, NftError> {
    let program = find_nft().ok_or(NftError::Missing)?;
    let output = pipe(&program, arguments, input).map_err(|source| NftError::Run { program, source })?;
    if output.status.success() {
        return Ok(output);
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if stderr.contains("Operation not permitted") {
        return Err(NftError::NotPermitted { stderr });
    }
    Err(NftError::Refused { action, stderr })
}

fn pipe(program: &Path, arguments: &[&str], input: &str) -> std::io::Result<Output> {
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C") // messages are recognised by their English text
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // When nft exits before reading everything, its own message says why.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output()
}

/// `nft` on `PATH`, or where it is for root: a user's `PATH` on Debian has no `sbin`.
fn find_nft() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    directories
        .map(|directory| directory.join("nft"))
        .find(|file| file.is_file())
}
