//! `evermesh list`: the resources of a mesh, a line each.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use evermesh_client::{Client, Held, read_mesh};
use evermesh_model::{Kind, MeshId};
use serde_json::Value;

use crate::arguments::KindOrAll;
use crate::output::{self, Format};
use crate::remote::{InMesh, Remote};
use crate::show;
use crate::summary::summary;

const EXAMPLES: &str = "\
Kinds: mesh, virtualNode (vn), virtualRouter (vr), route, virtualService (vs), virtualGateway (vg), gatewayRoute (gr), \
all; in the singular or plural, with or without hyphens.

Examples:
  evermesh list meshes
  evermesh list all --mesh pgMesh
  evermesh list virtual-nodes -o yaml
";

/// Arguments of `list`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Kind of resources, or all.
    kind: KindOrAll,
    #[command(flatten)]
    mesh: InMesh,
    #[command(flatten)]
    remote: Remote,
    /// Form of the answer.
    #[arg(long, short, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// Prints the resources of a kind, or all.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let client = arguments.remote.connect().await?;
    let held = read(&client, arguments).await?;
    let values: Vec<Value> = held
        .iter()
        .map(|held| show::to_value(held, client.account()))
        .collect();
    output::print_as(arguments.output, &values, || {
        output::table(
            &["KIND", "NAME", "VERSION", "UPDATED", "SUMMARY"],
            held.iter().map(row),
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn read(client: &Client, arguments: &Arguments) -> Result<Vec<Held>> {
    if arguments.kind == KindOrAll::Kind(Kind::Mesh) {
        return read_meshes(client).await;
    }
    let mesh: MeshId = arguments.mesh.resolve(client).await?;
    let mut held = read_mesh(client, &mesh).await?;
    if let KindOrAll::Kind(kind) = arguments.kind {
        held.retain(|held| held.resource.id.kind() == kind);
    }
    Ok(held)
}

async fn read_meshes(client: &Client) -> Result<Vec<Held>> {
    let mut meshes = Vec::new();
    for id in client.list(Kind::Mesh, None).await? {
        let resource = client.describe(&id).await?;
        let tags = client.tags(&resource.metadata.arn).await?;
        meshes.push(Held { resource, tags });
    }
    Ok(meshes)
}

fn row(held: &Held) -> Vec<String> {
    let id = &held.resource.id;
    let name = match id.parent_name() {
        Some(parent) => format!("{parent}/{}", id.name()),
        None => id.name().to_owned(),
    };
    vec![
        id.kind().to_string(),
        name,
        held.resource.metadata.version.to_string(),
        show::time(held.resource.metadata.last_updated_at),
        summary(&held.resource.spec),
    ]
}
