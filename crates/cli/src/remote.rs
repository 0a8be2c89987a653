//! Commands that speak to a control plane: where it is, which mesh is meant, and the runtime they run in.

use std::env;

use anyhow::{Context, Result};
use clap::Args;
use evermesh_client::{Client, Endpoint};
use evermesh_model::{Kind, MeshId};

use crate::arguments::MeshName;
use crate::failure::Unusable;

/// Where `serve` listens by default.
const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:7070";
/// What AWS clients are pointed at a control plane with.
const AWS_ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// Where the control plane is.
#[derive(Debug, Args)]
pub(crate) struct Remote {
    /// Control plane to speak to [default: $AWS_ENDPOINT_URL, else http://127.0.0.1:7070].
    #[arg(long, env = "EVERMESH_ENDPOINT", value_name = "URL")]
    endpoint: Option<Endpoint>,
}

impl Remote {
    pub(crate) async fn connect(&self) -> Result<Client> {
        let endpoint = match (&self.endpoint, env::var(AWS_ENDPOINT)) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Ok(text)) if !text.is_empty() => text.parse().context(AWS_ENDPOINT)?,
            (None, _) => DEFAULT_ENDPOINT.parse().expect("the default is an endpoint"),
        };
        Ok(Client::connect(endpoint).await?)
    }
}

/// Which mesh.
#[derive(Debug, Args)]
pub(crate) struct InMesh {
    /// Mesh, as NAME or NAME@OWNER; may be left out when there is only one.
    #[arg(long, short, env = "EVERMESH_MESH", value_name = "MESH")]
    mesh: Option<MeshName>,
}

impl InMesh {
    pub(crate) async fn resolve(&self, client: &Client) -> Result<MeshId> {
        if let Some(mesh) = &self.mesh {
            return Ok(mesh.of(client.account()));
        }
        let meshes = client.list(Kind::Mesh, None).await?;
        match meshes.as_slice() {
            [only] => Ok(only.mesh().clone()),
            [] => Err(Unusable("there is no mesh yet".to_owned()).into()),
            several => {
                let names: Vec<&str> = several.iter().map(evermesh_model::ResourceId::name).collect();
                Err(Unusable(format!("say which mesh with --mesh: {}", names.join(", "))).into())
            }
        }
    }
}

/// Runs a command; one thread is plenty for its requests.
pub(crate) fn block_on<T>(command: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?
        .block_on(command)
}
