//! `evermesh get`: one resource, in the form of files.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use evermesh_client::{Client, Held};
use evermesh_model::{Kind, MeshId};

use crate::arguments::{parse_kind, resource_id};
use crate::output::{self, DataFormat};
use crate::remote::{InMesh, Remote};
use crate::show;

const EXAMPLES: &str = "\
Examples:
  evermesh get virtualNode svcNode1
  evermesh get route svcRouter1/svcRoute1 --mesh pgMesh -o json
  evermesh get mesh pgMesh
";

/// Arguments of `get`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    remote: Remote,
    /// Form of the answer.
    #[arg(long, short, value_enum, default_value_t = DataFormat::Yaml)]
    output: DataFormat,
}

/// Which resource.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Kind of the resource.
    #[arg(value_parser = parse_kind)]
    kind: Kind,
    /// Its name; ROUTER/ROUTE for a route, GATEWAY/ROUTE for a gateway route.
    name: String,
    #[command(flatten)]
    mesh: InMesh,
}

impl Which {
    /// The resource as the control plane has it.
    pub(crate) async fn read(&self, client: &Client) -> Result<Held> {
        let mesh = match self.kind {
            Kind::Mesh => MeshId::new(client.account(), &self.name),
            _ => self.mesh.resolve(client).await?,
        };
        let id = resource_id(mesh, self.kind, &self.name)?;
        let resource = client.describe(&id).await?;
        let tags = client.tags(&resource.metadata.arn).await?;
        Ok(Held { resource, tags })
    }
}

/// Prints a resource.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let client = arguments.remote.connect().await?;
    let held = arguments.which.read(&client).await?;
    let value = show::to_value(&held, client.account());
    output::print(&arguments.output.text(&value))?;
    Ok(ExitCode::SUCCESS)
}
