//! The `evermesh` command: arguments and wiring, no logic.

mod arguments;
mod commands;
mod failure;
mod logging;
mod offline;
mod output;
mod remote;
mod settings;
mod show;
mod summary;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{apply, demo, describe, export, get, lint, list, proxies, serve, translate};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  it failed, or `lint` found errors; what was done until then stays done
  2  arguments, settings or files cannot be used; nothing was changed

Commands that speak to a control plane sign their requests with the credentials that the AWS CLI would use, if there \
are any; the --help of each says where they are looked for.
";

/// The control plane of Evermesh, a self-hosted replacement of AWS App Mesh, and the commands to work with it.
#[derive(Debug, Parser)]
#[command(name = "evermesh", version, after_long_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the control plane: AWS APIs, xDS for proxies, DNS for tasks.
    Serve(Box<serve::Arguments>),
    /// Show a mesh live: tasks with sidecars, a route that is shifted under load.
    Demo(demo::Arguments),
    #[command(name = evermesh_demo::CHILD_SUBCOMMAND, hide = true)]
    DemoChild(demo::ChildArguments),
    /// List resources.
    List(list::Arguments),
    /// Show a resource.
    Get(get::Arguments),
    /// Show a resource with all that is known of it.
    Describe(describe::Arguments),
    /// Bring meshes to what files say.
    Apply(apply::Arguments),
    /// Write a mesh down as files that `apply` takes.
    Export(export::Arguments),
    /// List the connected proxies and whether they are in sync.
    Proxies(proxies::Arguments),
    /// Find mistakes, in files or in the meshes of a control plane.
    Lint(lint::Arguments),
    /// Show what Envoy gets for a proxy, without a control plane.
    Translate(translate::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(arguments) => serve::run(*arguments),
        Command::Demo(arguments) => Ok(demo::run(arguments)),
        Command::DemoChild(arguments) => Ok(demo::run_child(arguments)),
        Command::List(arguments) => remote::block_on(list::run(&arguments)),
        Command::Get(arguments) => remote::block_on(get::run(&arguments)),
        Command::Describe(arguments) => remote::block_on(describe::run(&arguments)),
        Command::Apply(arguments) => remote::block_on(apply::run(&arguments)),
        Command::Export(arguments) => remote::block_on(export::run(&arguments)),
        Command::Proxies(arguments) => remote::block_on(proxies::run(&arguments)),
        Command::Lint(arguments) => remote::block_on(lint::run(&arguments)),
        Command::Translate(arguments) => translate::run(&arguments),
    };
    outcome.unwrap_or_else(|error| failure::report(&error))
}
