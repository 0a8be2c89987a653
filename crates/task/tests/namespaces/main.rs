//! Real tasks: addresses, resolver, interception, exemption, and that nothing outlives them.
//!
//! A `main` of its own, because a user namespace can be entered only before there are threads. The cases run as the
//! user who runs them (root directly, others in a user namespace); when that is root, they run once more as a user
//! without privileges. Where namespaces are impossible every case is printed and counted as skipped.
#![allow(clippy::unwrap_used)]

mod cases;
mod lifetime;
mod program;

use std::panic::catch_unwind;
use std::process::{Command, ExitCode};

use evermesh_task::support::{self, Privilege};

/// A name and what is to hold.
type Case = (&'static str, fn());

/// What a program without privileges runs as: `nobody` on every Linux system.
const NOBODY: &str = "65534";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["program", program @ ..] => program::run(program),
        ["--list", ..] => cases().for_each(|(name, _)| println!("{name}: test")),
        _ => return run_cases(&arguments),
    }
    ExitCode::SUCCESS
}

fn cases() -> impl Iterator<Item = Case> {
    cases::CASES.iter().chain(lifetime::CASES).copied()
}

fn run_cases(arguments: &[String]) -> ExitCode {
    let filters: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let wanted = |(name, _): &Case| filters.is_empty() || filters.iter().any(|filter| name.contains(*filter));
    let cases: Vec<Case> = cases().filter(wanted).collect();
    let privilege = support::check();
    match &privilege {
        Ok(Privilege::Direct) => {}
        Ok(Privilege::UserNamespace) => support::enter_user_namespace().unwrap(),
        Err(reasons) => {
            cases.iter().for_each(|(name, _)| println!("SKIPPED {name}"));
            println!("{} cases skipped: {reasons}", cases.len());
            return ExitCode::SUCCESS;
        }
    }
    let who = if privilege.is_ok_and(|how| how == Privilege::Direct) {
        "as root"
    } else {
        "in a user namespace"
    };
    let failed = cases.iter().filter(|case| !passes(case, who)).count();
    println!("{who}: {} passed, {failed} failed", cases.len() - failed);
    let unprivileged = who != "as root" || run_unprivileged(arguments);
    if failed == 0 && unprivileged {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn passes((name, case): &Case, who: &str) -> bool {
    let passed = catch_unwind(case).is_ok();
    println!("{name} ({who}) ... {}", if passed { "ok" } else { "FAILED" });
    passed
}

/// Runs the cases again without root's privileges.
fn run_unprivileged(arguments: &[String]) -> bool {
    let program = program::copy();
    as_nobody(&program.path)
        .args(arguments)
        .status()
        .unwrap()
        .success()
}

/// A command that runs as `nobody`.
fn as_nobody(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"])
        .arg(program)
        .current_dir("/");
    command
}
