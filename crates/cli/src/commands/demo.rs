//! `evermesh demo`: the live demonstration, and its own programs in the tasks.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use evermesh_demo::DemoOptions;

const EXAMPLES: &str = "\
A control plane and three tasks, each an application and an Envoy in a network namespace of its own; a route is shifted \
under load from 100/0 over 75/25 to 0/100, and the split, latency and failures are measured. It needs root, or a kernel \
that lets users make namespaces, and says so where neither is there. Nothing is left on the machine afterwards.

Exit codes:
  0    no request failed, every split was as the weights say
  1    else
  130  a signal came before that was known

Examples:
  evermesh demo
  evermesh demo --once --json
";

/// Arguments of `demo`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// End when everything was shown, instead of leaving it running until a signal comes.
    #[arg(long)]
    once: bool,
    /// Print the summary as JSON on standard output, and everything else on standard error.
    #[arg(long)]
    json: bool,
    /// Where the AWS APIs are served [default: 127.0.0.1:7070, or any free port when that is taken].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Least number of requests to measure with each set of weights.
    #[arg(long, value_name = "COUNT", default_value_t = DemoOptions::default().requests_per_step,
        value_parser = clap::value_parser!(u64).range(1..))]
    requests: u64,
    /// Requests per second.
    #[arg(long, value_name = "COUNT", default_value_t = DemoOptions::default().rate,
        value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// The evermesh-proxy to run [default: the one beside this program].
    #[arg(long, value_name = "FILE")]
    proxy: Option<PathBuf>,
    /// The Envoy to run [default: the one that evermesh-proxy finds].
    #[arg(long, value_name = "FILE")]
    envoy_path: Option<PathBuf>,
}

/// Arguments of the demonstration's own programs.
#[derive(Debug, Args)]
pub(crate) struct ChildArguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Gives the demonstration. It may enter a user namespace, so no other thread may have been started before.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    evermesh_demo::main(&DemoOptions {
        once: arguments.once,
        json: arguments.json,
        api_listen: arguments.listen,
        requests_per_step: arguments.requests,
        rate: arguments.rate,
        envoy_path: arguments.envoy_path,
        proxy_binary: arguments.proxy,
    })
}

/// What the demonstration starts in its tasks.
pub(crate) fn run_child(arguments: ChildArguments) -> ExitCode {
    evermesh_demo::child_main(arguments.arguments)
}
