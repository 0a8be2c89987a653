//! `evermesh translate`: what Envoy gets for a proxy, from files alone.

use std::net::IpAddr;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use evermesh_graph::view::ProxyView;
use evermesh_graph::{Resolved, is_proxy};
use evermesh_model::ResourceId;
use evermesh_model::arn::parse_node_id;
use evermesh_translate::{Placement, render, translate};

use crate::arguments::OfflineFiles;
use crate::failure::Unusable;
use crate::offline;
use crate::output::{self, DataFormat};

const EXAMPLES: &str = "\
The files are taken to be all there is; a mesh that no document is of has an empty spec. Names of Envoy's resources and \
fields are Envoy's own. What is wrong with what the proxy gets is told on standard error, and left out.

Examples:
  evermesh translate -f mesh/ --proxy mesh/pgMesh/virtualNode/svcNode1
  evermesh export --mesh pgMesh | evermesh translate -f - --proxy mesh/pgMesh/virtualGateway/gw -o json
  evermesh translate -f mesh/ --proxy mesh/pgMesh/virtualNode/svcNode1 --view
";

/// Arguments of `translate`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    files: OfflineFiles,
    /// Whose proxy: mesh/MESH/virtualNode/NAME, mesh/MESH/virtualGateway/NAME, or an ARN.
    #[arg(long, env = "APPMESH_RESOURCE_ARN", value_name = "RESOURCE")]
    proxy: String,
    /// Address that the proxy's listeners are bound to [default: 0.0.0.0, or :: with an IP preference].
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<IpAddr>,
    /// Address of the local application [default: 127.0.0.1, or ::1 with a preference for IPv6].
    #[arg(long, value_name = "ADDRESS")]
    app_address: Option<IpAddr>,
    /// Show what the proxy is to do, before it is put into Envoy's words.
    #[arg(long)]
    view: bool,
    /// Form of the answer.
    #[arg(long, short, value_enum, default_value_t = DataFormat::Yaml)]
    output: DataFormat,
}

/// Prints a proxy's configuration.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let documents = arguments.files.read()?;
    let proxy = parse_node_id(&arguments.proxy, &arguments.files.account())
        .map_err(|error| Unusable(format!("--proxy: {error}")))?;
    let (snapshot, _) = offline::snapshot(&documents);
    let mesh = snapshot.mesh(proxy.mesh()).ok_or_else(|| absent(&proxy))?;
    let resolved = evermesh_graph::resolve(mesh, proxy.kind(), proxy.name()).ok_or_else(|| absent(&proxy))?;
    let Resolved { view, diagnostics } = resolved;
    for diagnostic in diagnostics {
        eprintln!("{diagnostic}");
    }
    output::print(&if arguments.view {
        arguments.output.text(&view)
    } else {
        arguments.output.text(&envoy(arguments, &view))
    })?;
    Ok(ExitCode::SUCCESS)
}

fn envoy(arguments: &Arguments, view: &ProxyView) -> serde_json::Value {
    let placement = Placement {
        bind: arguments.bind,
        application: arguments.app_address,
    };
    render::to_value(&translate(view, &placement))
}

fn absent(proxy: &ResourceId) -> Unusable {
    if !is_proxy(proxy) {
        return Unusable(format!(
            "--proxy: {proxy} is a {}; a proxy is of a virtualNode or a virtualGateway",
            proxy.kind()
        ));
    }
    let owner = &proxy.mesh().owner;
    Unusable(format!(
        "--proxy: {proxy} (mesh of {owner}) is in none of the files"
    ))
}
