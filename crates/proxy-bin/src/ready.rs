//! `evermesh-proxy ready`: the health check of images that have no curl.

use std::net::IpAddr;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use evermesh_sidecar::ProcessEnvironment;
use evermesh_sidecar::admin::{AdminClient, AdminError, ServerState};
use evermesh_sidecar::config::{Admin, variables as var};

use crate::refuse;

/// Where the proxy is asked, when not by the variables that `run` reads.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Address of the admin interface (EVERMESH_BIND_ADDRESS) [default: loopback].
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<IpAddr>,
    /// Port of the admin interface (ENVOY_ADMIN_ACCESS_PORT) [default: 9901].
    #[arg(long, value_name = "PORT")]
    admin_port: Option<u16>,
}

/// 0 when the proxy's state is LIVE; 1, and the reason on standard error, when not.
pub(crate) async fn ready(arguments: Arguments) -> Result<ExitCode> {
    let environment = ProcessEnvironment::default()
        .with_flag(var::BIND.name, arguments.bind)
        .with_flag(var::ADMIN_PORT.name, arguments.admin_port);
    let admin = match Admin::from_environment(&environment) {
        Ok(admin) => AdminClient::new(admin.address),
        Err(errors) => return Ok(refuse(&errors)),
    };
    verdict(admin.state().await)
}

fn verdict(state: Result<ServerState, AdminError>) -> Result<ExitCode> {
    let reason = match state? {
        ServerState::Live => return Ok(ExitCode::SUCCESS),
        ServerState::Draining => "it is stopping",
        ServerState::PreInitializing | ServerState::Initializing => {
            "it has no configuration yet: is the control plane reachable, and does the resource exist?"
        }
    };
    anyhow::bail!("the proxy is not ready: {reason}")
}
