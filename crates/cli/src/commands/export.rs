//! `evermesh export`: a mesh as files that `apply` takes back.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use evermesh_client::{read_mesh, to_yaml_documents};
use serde_json::Value;

use crate::output::{self, DataFormat};
use crate::remote::{InMesh, Remote};

const EXAMPLES: &str = "\
What is written is what `aws appmesh create-... --cli-input-json` takes: names, spec and tags. `evermesh apply` of it \
changes nothing. A mesh of another account keeps its meshOwner.

Examples:
  evermesh export --mesh pgMesh > pgMesh.yaml
  evermesh export --mesh pgMesh -o json | jq '.[] | select(.routeName)'
";

/// Arguments of `export`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    mesh: InMesh,
    #[command(flatten)]
    remote: Remote,
    /// Several YAML documents, or a JSON list.
    #[arg(long, short, value_enum, default_value_t = DataFormat::Yaml)]
    output: DataFormat,
}

/// Prints all of a mesh as manifests.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let client = arguments.remote.connect().await?;
    let mesh = arguments.mesh.resolve(&client).await?;
    let held = read_mesh(&client, &mesh).await?;
    let documents: Vec<Value> = held
        .iter()
        .map(|held| held.manifest().to_value(client.account()))
        .collect();
    output::print(&match arguments.output {
        DataFormat::Yaml => to_yaml_documents(&documents),
        DataFormat::Json => output::to_json(&documents),
    })?;
    Ok(ExitCode::SUCCESS)
}
