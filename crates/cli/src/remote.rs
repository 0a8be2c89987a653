//! Commands that speak to a control plane: where it is, which mesh is meant, and the runtime they run in.

use std::env;

use anyhow::{Context, Result};
use clap::Args;
use evermesh_client::{Client, Credentials, Endpoint};
use evermesh_control_plane::DEFAULT_REGION;
use evermesh_model::{Kind, MeshId};

use crate::arguments::MeshName;
use crate::failure::Unusable;
use crate::settings::Region;

/// Where `serve` listens by default.
const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:7070";
/// What AWS clients are pointed at a control plane with.
const AWS_ENDPOINT: &str = "AWS_ENDPOINT_URL";
/// Where AWS clients find their region, the first one first.
const AWS_REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// Where the control plane is, and how requests to it are signed.
#[derive(Debug, Args)]
pub(crate) struct Remote {
    /// Control plane to speak to [default: $AWS_ENDPOINT_URL, else http://127.0.0.1:7070].
    #[arg(long, env = "EVERMESH_ENDPOINT", value_name = "URL")]
    endpoint: Option<Endpoint>,
    /// Region that requests are signed for [default: $AWS_REGION, else $AWS_DEFAULT_REGION, else us-west-2].
    ///
    /// Requests are signed when there are credentials, which are looked for as the AWS CLI does: in the variables
    /// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, else in the profile AWS_PROFILE (default:
    /// default) of the file AWS_SHARED_CREDENTIALS_FILE (default: ~/.aws/credentials). Without credentials requests
    /// are not signed, and a control plane that was given a credentials file refuses them.
    #[arg(long, env = "EVERMESH_REGION", value_name = "REGION")]
    region: Option<Region>,
}

impl Remote {
    pub(crate) async fn connect(&self) -> Result<Client> {
        let endpoint = match (&self.endpoint, variable(AWS_ENDPOINT)) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Some(text)) => text.parse().context(AWS_ENDPOINT)?,
            (None, None) => DEFAULT_ENDPOINT.parse().expect("the default is an endpoint"),
        };
        let credentials = Credentials::find(&self.region()?, variable)?;
        Ok(Client::connect(endpoint, credentials).await?)
    }

    fn region(&self) -> Result<String, Unusable> {
        if let Some(region) = &self.region {
            return Ok(region.clone().into_string());
        }
        let set = AWS_REGIONS
            .iter()
            .find_map(|name| variable(name).map(|text| (name, text)));
        let Some((name, text)) = set else {
            return Ok(DEFAULT_REGION.to_owned());
        };
        let region = text.parse().map(Region::into_string);
        region.map_err(|reason| Unusable(format!("{name}: {reason}")))
    }
}

/// A variable of the environment, unless it is empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
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
