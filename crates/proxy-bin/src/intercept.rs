//! `evermesh-proxy intercept`: traffic redirection in the network namespace of the caller.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use evermesh_intercept::{Config, ConfigErrors, State, install, remove, status};

use crate::refuse;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Put the rules in place, instead of earlier ones.
    ///
    /// The settings come from an ECS proxyConfiguration or, without one, from the variables of the App Mesh script
    /// for EC2: APPMESH_IGNORE_UID, APPMESH_IGNORE_GID, APPMESH_APP_PORTS, APPMESH_ENVOY_INGRESS_PORT,
    /// APPMESH_ENVOY_EGRESS_PORT, APPMESH_EGRESS_IGNORED_IP, APPMESH_EGRESS_IGNORED_PORTS, APPMESH_ENABLE_IPV6,
    /// APPMESH_START_ENABLED; and EVERMESH_IGNORE_MARK.
    Install(Settings),
    /// Take away what install put in place; nothing to take away is fine.
    Remove,
    /// Say what is in place; exits with 0 when traffic is redirected as it should be.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Where the settings come from, when not from the variables.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Take them from an ECS proxyConfiguration, or a task definition with one, as JSON.
    #[arg(long, value_name = "FILE")]
    proxy_configuration: Option<PathBuf>,
}

pub(crate) fn intercept(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Install(settings) => match settings.read()? {
            Ok(config) => install(&config)?,
            Err(errors) => return Ok(refuse(&errors)),
        },
        Command::Remove => remove()?,
        Command::Status { json } => return report(*json),
    }
    Ok(ExitCode::SUCCESS)
}

fn report(json: bool) -> Result<ExitCode> {
    let status = status(None)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&status)?);
    } else {
        println!("{status}");
    }
    Ok(if status.state == State::Enabled {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Settings {
    fn read(&self) -> Result<Result<Config, ConfigErrors>> {
        Ok(match &self.proxy_configuration {
            Some(file) => Config::from_proxy_configuration(&read(file)?),
            None => Config::from_env(|name| std::env::var(name).ok()),
        })
    }
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}
