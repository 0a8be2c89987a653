//! The `evermesh-proxy` command: arguments and wiring, no logic.

mod help;
mod intercept;
mod ready;
mod run;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Arguments or environment that cannot be used; clap's own code for arguments.
const EXIT_USAGE: u8 = 2;
/// There is no engine to run; what shells answer for a command that is not found.
const EXIT_NO_ENGINE: u8 = 127;

/// The data plane of Evermesh: a drop-in for the App Mesh Envoy image.
#[derive(Debug, Parser)]
#[command(name = "evermesh-proxy", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the proxy of a virtual node or virtual gateway until SIGTERM or SIGINT.
    Run(run::Arguments),
    /// Exit with 0 when the proxy serves, for a container's health check.
    Ready(ready::Arguments),
    /// Redirect the traffic of this network namespace through the proxy.
    #[command(subcommand)]
    Intercept(intercept::Command),
}

fn main() -> ExitCode {
    let matches = help::with_variables(Cli::command()).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    log_to_stderr();
    match dispatch(cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("evermesh-proxy: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> Result<ExitCode> {
    match command {
        Command::Run(arguments) => in_runtime(run::run(arguments)),
        Command::Ready(arguments) => in_runtime(ready::ready(arguments)),
        Command::Intercept(command) => intercept::intercept(&command),
    }
}

/// One thread is plenty: the traffic is Envoy's.
fn in_runtime(work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

/// Beside Envoy's own log, in the manner of `RUST_LOG`; `EVERMESH_LOG=debug` says more.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("EVERMESH_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let ansi = io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(ansi)
        .init();
}

/// Prints faults of the environment; the code says that starting again as it is will not help.
fn refuse(errors: &impl std::fmt::Display) -> ExitCode {
    eprintln!("evermesh-proxy: {errors}");
    ExitCode::from(EXIT_USAGE)
}
