//! The environment variables in `--help`, out of the table that the parser reads.

use std::fmt::Write;

use clap::Command;
use evermesh_sidecar::config::variables::{ENVOY_PATH, GROUPS, Variable};

const EXIT_CODES: &str = "\
Exit codes:
  0    stopped on request
  2    arguments or environment cannot be used
  127  there is no Envoy to run
  else Envoy's own code after its last restart, 128 + n when signal n killed it; 1 for any other failure
";

/// Adds the variables to the long help of `run`.
pub(crate) fn with_variables(command: Command) -> Command {
    command.mut_subcommand("run", |run| {
        run.after_long_help(format!("{}{EXIT_CODES}", variables()))
    })
}

fn variables() -> String {
    let mut text = String::from("Environment variables (an empty value counts as unset):\n\n");
    for group in GROUPS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}:", group.title);
        for variable in group.variables {
            let _ = writeln!(text, "  {}", line(variable));
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "This program:\n  {ENVOY_PATH}\n      the Envoy to run (--envoy-path)"
    );
    let _ = writeln!(
        text,
        "  EVERMESH_LOG\n      verbosity of this program's own log (default info)\n"
    );
    text
}

fn line(variable: &Variable) -> String {
    let default = variable
        .default
        .map(|value| format!(" [default: {value}]"))
        .unwrap_or_default();
    format!("{}\n      {}{default}", variable.name, variable.help)
}
