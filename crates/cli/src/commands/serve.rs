//! `evermesh serve`: the control plane as a process.

use std::fmt::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use evermesh_control_plane::{ControlPlane, Sockets};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::settings::Settings;
use crate::{logging, output};

const EXAMPLES: &str = "\
Every flag is also a variable (--data-dir, EVERMESH_DATA_DIR) and a key of the settings file (data_dir; quotas in the \
table [quotas]). Flags win over variables, variables over the file. When it serves, it prints a line for each address \
that it listens on. SIGTERM or SIGINT lets open requests end; a second one does not wait.

Examples:
  evermesh serve
  evermesh serve --data-dir /var/lib/evermesh --region us-east-1 --account-id 123456789012
  evermesh serve --listen 10.0.0.5:7070 --credentials-file /etc/evermesh/credentials \\
      --xds-listen 10.0.0.5:7071 --insecure-listen=xds
  evermesh serve --config /etc/evermesh.toml
";

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// TOML file with settings: the long flags' names with underscores.
    #[arg(long, env = "EVERMESH_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

/// Serves until a signal asks to end.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let settings = match &arguments.config {
        Some(path) => arguments.settings.over_file(path)?,
        None => arguments.settings,
    };
    settings.check_exposure()?;
    logging::start(settings.log_format(), settings.log_level())?;
    allow_many_connections();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    let outcome = runtime.block_on(serve(settings));
    // After a second signal nobody waits for what still runs.
    runtime.shutdown_background();
    outcome
}

/// Raises the soft limit of open files to the hard one: a proxy is a connection, and the soft limit is often 1,024.
fn allow_many_connections() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // What is refused leaves the limit as it was, which is enough for a small mesh.
    let _ = setrlimit(Resource::Nofile, raised);
}

async fn serve(settings: Settings) -> Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let sockets = bind(&settings)?;
    let dns: Vec<SocketAddr> = sockets
        .dns_tcp
        .iter()
        .map(TcpListener::local_addr)
        .collect::<Result<_, _>>()?;
    let plane = ControlPlane::start(settings.options()?, sockets).await?;
    output::print(&addresses(&plane, &dns))?;
    signals.next().await;
    tokio::select! {
        () = plane.shut_down() => Ok(ExitCode::SUCCESS),
        () = signals.next() => {
            eprintln!("evermesh: ended at once; open requests were cut off");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn bind(settings: &Settings) -> Result<Sockets> {
    let mut sockets = Sockets {
        api: listen(&settings.api_addresses(), "--listen")?,
        xds: listen(&settings.xds_addresses(), "--xds-listen")?,
        ..Sockets::default()
    };
    for address in settings.dns_addresses() {
        sockets
            .add_dns(address)
            .context("choose another address with --dns-listen")?;
    }
    Ok(sockets)
}

fn listen(addresses: &[SocketAddr], flag: &str) -> Result<Vec<TcpListener>> {
    let bind = |address: &SocketAddr| {
        let listener = TcpListener::bind(address);
        listener.with_context(|| format!("cannot listen on {address}; choose another address with {flag}"))
    };
    addresses.iter().map(bind).collect()
}

/// A line per address: scripts read it to learn the port that 0 became.
fn addresses(plane: &ControlPlane, dns: &[SocketAddr]) -> String {
    let mut text = String::new();
    for (name, prefix, addresses) in [
        ("api", "http://", plane.api_addresses()),
        ("xds", "", plane.xds_addresses()),
        ("dns", "", dns),
    ] {
        for address in addresses {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name} {prefix}{address}");
        }
    }
    text
}

/// SIGTERM and SIGINT, from the first moment on.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot handle signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
