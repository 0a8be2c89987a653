//! `evermesh describe`: one resource for people, with what is wrong with it.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::get::Which;
use super::lint::live_diagnostics;
use crate::output;
use crate::remote::Remote;
use crate::show;

const EXAMPLES: &str = "\
Examples:
  evermesh describe virtualService svc1.pgMesh.local
  evermesh describe route svcRouter1/svcRoute1 --mesh pgMesh
";

/// Arguments of `describe`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    remote: Remote,
}

/// Prints a resource and its diagnostics.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let client = arguments.remote.connect().await?;
    let held = arguments.which.read(&client).await?;
    let id = &held.resource.id;
    let mut text = show::to_text(&held);
    let diagnostics = live_diagnostics(&client).await?;
    let own = diagnostics
        .iter()
        .filter(|found| found.mesh_owner == id.mesh().owner && found.resource == id.to_string());
    let lines = own.map(|found| {
        format!(
            "{}[{}] {}: {}",
            found.severity, found.code, found.path, found.message
        )
    });
    show::section(&mut text, "Diagnostics", lines);
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
