//! `evermesh-proxy run`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use evermesh_sidecar::bootstrap::bootstrap;
use evermesh_sidecar::config::variables as var;
use evermesh_sidecar::supervisor::{Supervisor, stop_requests};
use evermesh_sidecar::{Config, ProcessEnvironment, envoy};
use tracing::{info, warn};

use crate::{EXIT_NO_ENGINE, refuse};

/// Flags win over the environment variable of the same purpose.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What carries the traffic.
    #[arg(long, env = "EVERMESH_ENGINE", default_value = "envoy")]
    engine: Engine,
    /// The Envoy to run (ENVOY_PATH) [default: on PATH, or in .tools/venv above this program].
    #[arg(long, value_name = "FILE")]
    envoy_path: Option<PathBuf>,
    /// Address of the proxy's listeners and admin interface (EVERMESH_BIND_ADDRESS) [default: all].
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<IpAddr>,
    /// Address of the local application (EVERMESH_APP_ADDRESS) [default: loopback].
    #[arg(long, value_name = "ADDRESS")]
    app_address: Option<IpAddr>,
    /// Mark on every connection the proxy opens (EVERMESH_SOCKET_MARK).
    #[arg(long, value_name = "NUMBER")]
    socket_mark: Option<String>,
    /// Print Envoy's bootstrap as JSON and exit.
    #[arg(long)]
    print_bootstrap: bool,
    /// Print the path of the Envoy that would be run and exit.
    #[arg(long, conflicts_with = "print_bootstrap")]
    print_envoy_path: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// A stock Envoy, supervised.
    Envoy,
    /// The native data plane (not built yet).
    Native,
}

pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    if arguments.engine == Engine::Native {
        return Ok(refuse(&"the native engine is not built yet; use --engine envoy"));
    }
    let Arguments {
        print_bootstrap,
        print_envoy_path,
        ..
    } = arguments;
    let environment = arguments.over_environment();
    if print_envoy_path {
        let found = find_envoy(&environment).map(|program| println!("{}", program.display()));
        return Ok(found.err().unwrap_or(ExitCode::SUCCESS));
    }
    let config = match Config::from_environment(&environment) {
        Ok(config) => config,
        Err(errors) => return Ok(refuse(&errors)),
    };
    for notice in &config.notices {
        warn!("{notice}");
    }
    if print_bootstrap {
        println!("{}", serde_json::to_string_pretty(&bootstrap(&config))?);
        return Ok(ExitCode::SUCCESS);
    }
    match find_envoy(&environment) {
        Ok(program) => supervise(program, &config).await,
        Err(code) => Ok(code),
    }
}

/// The Envoy to run, or, after saying why there is none, the code to exit with.
fn find_envoy(environment: &ProcessEnvironment) -> std::result::Result<PathBuf, ExitCode> {
    envoy::locate(environment, std::env::current_exe().ok().as_deref()).map_err(|error| {
        eprintln!("evermesh-proxy: {error}");
        ExitCode::from(EXIT_NO_ENGINE)
    })
}

async fn supervise(program: PathBuf, config: &Config) -> Result<ExitCode> {
    let mut stop = stop_requests().context("cannot handle signals")?;
    info!(identity = config.identity.as_str(), xds = %config.xds, "starting");
    let outcome = Supervisor::new(program, config)?.run(&mut stop).await?;
    Ok(ExitCode::from(outcome.exit_code()))
}

impl Arguments {
    fn over_environment(self) -> ProcessEnvironment {
        ProcessEnvironment::default()
            .with_flag(
                var::ENVOY_PATH,
                self.envoy_path.map(|path| path.display().to_string()),
            )
            .with_flag(var::BIND.name, self.bind)
            .with_flag(var::APP_ADDRESS.name, self.app_address)
            .with_flag(var::SOCKET_MARK.name, self.socket_mark)
    }
}
