//! A test program without libtest: privileges are taken before any thread exists, then cases run, a few at a time,
//! each once with every Envoy.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use evermesh_task::support::{self, Privilege};
use evermesh_testkit::tools::{Tool, find_or_skip, skip_or_fail};

use crate::envoy::Envoy;
use crate::world::World;

/// How many cases run at once; by default as many as there are processors.
const JOBS: &str = "EVERMESH_E2E_JOBS";
/// No case takes nearly as long; one that hangs must not hold up the others.
const LIMIT: Duration = Duration::from_secs(180);

/// A behaviour test: what is to hold in a world of its own. Made by [`cases!`](crate::cases).
#[derive(Clone, Copy)]
pub struct Case {
    /// Its name: module and function.
    pub name: &'static str,
    /// What is to hold.
    pub body: fn(World) -> Pin<Box<dyn Future<Output = ()>>>,
}

/// Cases from paths of functions `async fn(World)`; each is named as its path.
#[macro_export]
macro_rules! cases {
    ($($module:ident :: $function:ident),* $(,)?) => {
        [$($crate::Case {
            name: concat!(stringify!($module), "::", stringify!($function)),
            body: |world| Box::pin($module::$function(world)),
        }),*]
    };
}

/// One run of a case.
struct Run {
    name: String,
    case: Case,
    envoy: Envoy,
}

/// Runs each case with each Envoy, or only those whose name (`module::function [envoy 1.40.0]`) contains one of the
/// program's arguments. To be called first in `main`.
///
/// Where the kernel allows no namespaces the cases are skipped if `EVERMESH_SKIP_NAMESPACES=1` allows it.
pub fn run(cases: &[Case]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let envoys: Vec<Envoy> = [Tool::Envoy, Tool::EnvoyOldest]
        .into_iter()
        .filter_map(find_or_skip)
        .map(Envoy::at)
        .collect();
    let runs = runs(cases, &envoys, &arguments);
    if arguments.iter().any(|argument| argument == "--list") {
        runs.iter().for_each(|run| println!("{}: test", run.name));
        return ExitCode::SUCCESS;
    }
    match support::check() {
        Ok(Privilege::Direct) => {}
        Ok(Privilege::UserNamespace) => {
            support::enter_user_namespace().expect("namespaces were just checked for")
        }
        Err(reasons) => {
            skip_or_fail("NAMESPACES", &reasons.to_string(), "run as root");
            return ExitCode::SUCCESS;
        }
    }
    let failed = run_all(&runs);
    println!("{} passed, {} failed", runs.len() - failed.len(), failed.len());
    failed.iter().for_each(|name| println!("    {name}"));
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The runs that the arguments ask for; all without any. A word that begins with `-` is libtest's, not a filter.
fn runs(cases: &[Case], envoys: &[Envoy], arguments: &[String]) -> Vec<Run> {
    let filters: Vec<_> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let wanted =
        |run: &Run| filters.is_empty() || filters.iter().any(|filter| run.name.contains(filter.as_str()));
    let each = envoys.iter().flat_map(|envoy| {
        cases.iter().map(move |case| Run {
            name: format!("{} [envoy {}]", case.name, envoy.version()),
            case: *case,
            envoy: envoy.clone(),
        })
    });
    each.filter(wanted).collect()
}

/// The names of those that failed.
fn run_all(runs: &[Run]) -> Vec<&str> {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let began = Instant::now();
            let passed = run.passes();
            let outcome = if passed { "ok" } else { "FAILED" };
            println!(
                "{} ... {outcome} ({:.1} s)",
                run.name,
                began.elapsed().as_secs_f64()
            );
            if !passed {
                failed
                    .lock()
                    .expect("nobody panics with it")
                    .push(run.name.as_str());
            }
        }
    };
    std::thread::scope(|scope| (0..jobs()).for_each(|_| drop(scope.spawn(work))));
    failed.into_inner().expect("nobody panics with it")
}

fn jobs() -> usize {
    let asked = std::env::var(JOBS).ok().and_then(|value| value.parse().ok());
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, usize::from))
}

impl Run {
    /// On a thread of its own, whose name says in a panic's message which case it was.
    fn passes(&self) -> bool {
        let (body, envoy) = (self.case.body, self.envoy.clone());
        let live = move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("a runtime can be made");
            let case = async {
                let ended = tokio::time::timeout(LIMIT, body(World::start(envoy))).await;
                ended.unwrap_or_else(|_| panic!("not done after {LIMIT:?}"));
            };
            let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(case)));
            // What the case has left running must not keep it from ending.
            runtime.shutdown_background();
            outcome.is_ok()
        };
        let thread = std::thread::Builder::new().name(self.name.clone()).spawn(live);
        thread
            .expect("a thread can be started")
            .join()
            .unwrap_or_default()
    }
}
