//! `evermesh proxies`: who is connected, and whether each has what it is to have.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use evermesh_control_plane::admin::{ProxiesJson, ProxyJson};

use crate::output::{self, Format};
use crate::remote::Remote;

const EXAMPLES: &str = "\
States: waiting (it has no configuration yet: is there such a virtual node or gateway?), updating, in sync, \
rejected (it runs on what it had; the reason is Envoy's own).

Examples:
  evermesh proxies
  evermesh proxies --endpoint http://10.0.0.5:7070 -o json
";

/// Arguments of `proxies`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    /// Form of the answer.
    #[arg(long, short, value_enum, default_value_t = Format::Table)]
    output: Format,
}

/// Prints the connected proxies.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let client = arguments.remote.connect().await?;
    let ProxiesJson { mut proxies, .. } = client.get_json("/evermesh/proxies").await?;
    proxies.sort_by(|a, b| (&a.node_id, &a.address).cmp(&(&b.node_id, &b.address)));
    output::print_as(arguments.output, &proxies, || {
        output::table(
            &["PROXY", "ADDRESS", "VERSION", "STATE", "SINCE", "LAST REJECTION"],
            proxies.iter().map(row),
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

fn row(proxy: &ProxyJson) -> Vec<String> {
    let nack = proxy.last_nack.as_ref();
    vec![
        proxy.node_id.clone(),
        proxy.address.clone().unwrap_or_default(),
        proxy.version.clone(),
        proxy.state.clone(),
        proxy.connected_since.clone(),
        nack.map(|nack| format!("{} {}: {}", nack.at, nack.resource_type, nack.reason))
            .unwrap_or_default(),
    ]
}
