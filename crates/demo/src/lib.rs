//! The live demonstration: the getting-started mesh in namespaces of its own, with a measured route shift.
//!
//! ```text
//!  this process: control plane ── API on 127.0.0.1 <── the walkthrough's resources, over HTTP
//!        │ xDS, DNS on the network's gateway
//!  ┌─────┴──────────┬──────────────────┐
//!  svcNode2         svcNode1           svcNode1v2     tasks: application + Envoy under `evermesh-proxy`
//!  load generator ─────>──────────────────>           http://svc1.pgMesh.local/, 100/0 → 75/25 → 0/100
//! ```
//!
//! Applications, load generator and callers are this program again, as children in the tasks: see [`child_main`].
//! Nothing is left on the machine afterwards: no process, namespace, rule or file.

mod api;
mod child;
mod error;
mod getting_started;
mod histogram;
mod live;
mod load;
mod preflight;
mod screen;
mod signals;
mod story;
mod summary;
mod tally;
mod workload;
mod world;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use evermesh_task::Exemption;
use evermesh_task::support::{self, Privilege};

pub use api::ApiError;
pub use child::{CHILD_SUBCOMMAND, child_main};
pub use error::DemoError;
pub use preflight::{Problem, Problems};

use error::Chain;
use preflight::Programs;
use screen::Screen;
use signals::StopSignals;
use summary::{Environment, Summary};
use world::World;

/// How the demonstration is to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoOptions {
    /// End when everything was shown, instead of leaving it running until a signal comes.
    pub once: bool,
    /// Print the summary as JSON on standard output, and everything else on standard error.
    pub json: bool,
    /// Where the AWS endpoints listen. `None`: 127.0.0.1:7070, or any free port of 127.0.0.1 when that is taken.
    pub api_listen: Option<SocketAddr>,
    /// Least number of requests to measure with each set of weights.
    pub requests_per_step: u64,
    /// Requests per second, at least 1.
    pub rate: u32,
    /// The Envoy to run. `None`: the one that `evermesh-proxy` finds.
    pub envoy_path: Option<PathBuf>,
    /// The `evermesh-proxy` to run. `None`: the one beside this program.
    pub proxy_binary: Option<PathBuf>,
}

impl Default for DemoOptions {
    /// 4,000 requests per step: the share of a quarter then has a standard deviation of 0.7 points, so chance alone
    /// does not leave the tolerance of 3 points.
    fn default() -> Self {
        Self {
            once: false,
            json: false,
            api_listen: None,
            requests_per_step: 4000,
            rate: 500,
            envoy_path: None,
            proxy_binary: None,
        }
    }
}

/// What shells answer for a program that Ctrl-C has ended.
const EXIT_INTERRUPTED: u8 = 130;

/// Gives the demonstration. To be called while the program has a single thread, because without root it enters a user
/// namespace. The program must route [`CHILD_SUBCOMMAND`] to [`child_main`].
///
/// The exit code is 0 when no request failed, every split was as the weights say and what is to be refused was; 130
/// when a signal came before that was known; else 1. Errors are told on standard error.
pub fn main(options: &DemoOptions) -> ExitCode {
    match give(options) {
        Ok(Some(summary)) if summary.ok => ExitCode::SUCCESS,
        Ok(Some(_)) => ExitCode::FAILURE,
        Ok(None) => ExitCode::from(EXIT_INTERRUPTED),
        Err(error) => {
            eprintln!("evermesh demo: {}", Chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn give(options: &DemoOptions) -> Result<Option<Summary>, DemoError> {
    let (privilege, programs) = preflight::check(options)?;
    if privilege == Privilege::UserNamespace {
        support::enter_user_namespace()?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(DemoError::Runtime)?;
    runtime.block_on(perform(options, &programs, privilege))
}

/// Starts everything, plays, and ends everything, whatever happened. `None` when a signal came too early.
async fn perform(
    options: &DemoOptions,
    programs: &Programs,
    privilege: Privilege,
) -> Result<Option<Summary>, DemoError> {
    let mut stop = StopSignals::new().map_err(DemoError::Signals)?;
    let screen = Screen::new(options.json);
    let world = tokio::select! {
        world = World::start(options, programs) => world?,
        () = stop.next() => return Ok(None),
    };
    let outcome = play(&world, &screen, options, privilege, &mut stop).await;
    screen.say("stopping");
    world.close().await;
    outcome
}

async fn play(
    world: &World,
    screen: &Screen,
    options: &DemoOptions,
    privilege: Privilege,
    stop: &mut StopSignals,
) -> Result<Option<Summary>, DemoError> {
    let environment = environment(world.exemption(), privilege);
    screen.say(format!(
        "API on http://{}; tasks made as {}, sidecars exempt from redirection by {}",
        world.api(),
        environment.privilege,
        environment.sidecar_exempt_by
    ));
    let summary = tokio::select! {
        summary = story::tell(world, screen, options, environment) => summary?,
        () = stop.next() => return Ok(None),
    };
    screen.say(summary.verdict());
    if options.json {
        // Whoever closed it does not want to know.
        let _ = writeln!(io::stdout(), "{:#}", serde_json::json!(summary));
    }
    if !options.once {
        tokio::select! {
            broken = live::leave_running(world, screen) => broken?,
            () = stop.next() => {}
        }
    }
    Ok(Some(summary))
}

fn environment(exemption: Exemption, privilege: Privilege) -> Environment {
    Environment {
        privilege: match privilege {
            Privilege::Direct => "root",
            Privilege::UserNamespace => "root of a user namespace",
        },
        sidecar_exempt_by: match exemption {
            Exemption::Uid(uid) => format!("uid {uid}"),
            Exemption::Mark(mark) => format!("socket mark {mark}"),
        },
        engine: String::new(),
    }
}
