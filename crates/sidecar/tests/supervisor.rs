//! Restarts, drain and exit codes, with shell scripts in place of Envoy and a server in place of its admin
//! interface.
#![allow(clippy::unwrap_used, reason = "a test's helpers are part of the test")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use evermesh_sidecar::config::Lifecycle;
use evermesh_sidecar::supervisor::{Outcome, Supervisor, SupervisorError};
use evermesh_testkit::{DEADLINE, wait_until_async};
use tempfile::TempDir;
use tokio::sync::mpsc;

use support::TestEnvironment;
use support::http::Server;

const FOR_EVER: Duration = Duration::from_secs(3600);

/// A script that stands for Envoy, and the directory where it leaves its traces.
struct Engine {
    directory: TempDir,
    lifecycle: Lifecycle,
}

impl Engine {
    /// `$HERE/log` is a file to write to, `$4` the file for the admin address.
    fn script(behaviour: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("behaviour"), behaviour).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine.sh");
        symlink(script, directory.path().join("engine")).unwrap();
        let lifecycle = Lifecycle {
            restart_count: 0,
            restart_pause: Duration::ZERO,
            drain_settle: Duration::ZERO,
            drain_wait: FOR_EVER,
        };
        Self { directory, lifecycle }
    }

    /// Serves until SIGTERM, with its admin interface at `admin`.
    fn serving(admin: &Server) -> Self {
        Self::script(&format!(
            "trap 'echo TERM >> $HERE/log; exit 0' TERM\necho {} > $4\necho started >> $HERE/log\nwhile :; do sleep 0.02; done",
            admin.address
        ))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    fn supervisor(&self) -> Supervisor {
        let mut config = TestEnvironment::with(&[]).config();
        config.lifecycle = self.lifecycle;
        Supervisor::new(self.directory.path().join("engine"), &config).unwrap()
    }

    async fn started(&self) {
        wait_until_async("the engine has started", DEADLINE, async || {
            self.log().contains("started").then_some(())
        })
        .await;
    }
}

/// An admin interface in `state` with as many connections as the counter says.
async fn admin(state: &'static str, connections: Arc<AtomicU64>) -> Server {
    Server::start(move |path| match path {
        "/server_info" => format!("{{\"state\": \"{state}\"}}"),
        path if path.starts_with("/stats") => {
            format!(
                "listener.0.0.0.0_15000.downstream_cx_active: {}\n",
                connections.load(Ordering::SeqCst)
            )
        }
        _ => "OK\n".to_owned(),
    })
    .await
}

async fn run_to_its_end(engine: &Engine) -> Result<Outcome, SupervisorError> {
    let (_never, mut stop) = mpsc::channel(1);
    engine.supervisor().run(&mut stop).await
}

/// Asks to stop as soon as the engine runs; returns when it has.
async fn stop_once_started(engine: &Engine, supervisor: &Supervisor) {
    let (ask, mut stop) = mpsc::channel(1);
    let asking = async {
        engine.started().await;
        ask.send(()).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(supervisor.run(&mut stop), asking);
    assert_eq!(outcome.unwrap(), Outcome::Stopped);
}

#[tokio::test]
async fn an_exit_is_passed_on() {
    let engine = Engine::script("echo started >> $HERE/log; exit 7");
    assert_eq!(run_to_its_end(&engine).await.unwrap().exit_code(), 7);
    assert_eq!(engine.log(), "started\n");
}

#[tokio::test]
async fn a_deadly_signal_is_passed_on() {
    let engine = Engine::script("kill -9 $$");
    assert_eq!(run_to_its_end(&engine).await.unwrap().exit_code(), 137);
}

#[tokio::test]
async fn an_engine_is_restarted_as_often_as_allowed() {
    let mut engine = Engine::script("echo started >> $HERE/log; exit 3");
    engine.lifecycle.restart_count = 2;
    assert_eq!(run_to_its_end(&engine).await.unwrap().exit_code(), 3);
    assert_eq!(engine.log(), "started\nstarted\nstarted\n");
}

#[tokio::test]
async fn an_engine_that_cannot_start_is_an_error() {
    let engine = Engine::script("");
    let program = engine.directory.path().join("engine");
    fs::remove_file(&program).unwrap();
    fs::write(&program, "not executable").unwrap();
    match run_to_its_end(&engine).await {
        Err(SupervisorError::Start(path, _)) => assert_eq!(path, program),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_stop_request_between_two_starts_ends_at_once() {
    let mut engine = Engine::script("echo started >> $HERE/log; exit 3");
    engine.lifecycle.restart_count = 1;
    engine.lifecycle.restart_pause = FOR_EVER;
    let supervisor = engine.supervisor();
    stop_once_started(&engine, &supervisor).await;
    assert_eq!(engine.log(), "started\n");
}

#[tokio::test]
async fn a_stop_request_drains_and_waits_for_connections() {
    let connections = Arc::new(AtomicU64::new(2));
    let admin = admin("LIVE", connections.clone()).await;
    let engine = Engine::serving(&admin);
    let (ask, mut stop) = mpsc::channel(1);
    let supervisor = engine.supervisor();
    let closing = async {
        engine.started().await;
        ask.send(()).await.unwrap();
        wait_until_async("connections were counted twice", DEADLINE, async || {
            (admin.count("GET /stats") >= 2).then_some(())
        })
        .await;
        assert_eq!(engine.log(), "started\n", "stopped with open connections");
        connections.store(0, Ordering::SeqCst);
    };
    let (outcome, ()) = tokio::join!(supervisor.run(&mut stop), closing);
    assert_eq!(outcome.unwrap(), Outcome::Stopped);
    assert_eq!(engine.log(), "started\nTERM\n");
    let drain = [
        "GET /server_info 0",
        "POST /healthcheck/fail 0",
        "POST /drain_listeners?graceful 0",
    ];
    assert_eq!(admin.requests()[..3], drain);
}

#[tokio::test]
async fn the_drain_ends_with_its_time() {
    let admin = admin("LIVE", Arc::new(AtomicU64::new(1))).await;
    let mut engine = Engine::serving(&admin);
    engine.lifecycle.drain_wait = Duration::from_millis(50);
    let supervisor = engine.supervisor();
    stop_once_started(&engine, &supervisor).await;
    assert_eq!(engine.log(), "started\nTERM\n");
}

#[tokio::test]
async fn a_second_stop_request_ends_the_wait() {
    let admin = admin("LIVE", Arc::new(AtomicU64::new(1))).await;
    let engine = Engine::serving(&admin);
    let (ask, mut stop) = mpsc::channel(1);
    let supervisor = engine.supervisor();
    let asking = async {
        engine.started().await;
        ask.send(()).await.unwrap();
        wait_until_async("connections were counted", DEADLINE, async || {
            (admin.count("GET /stats") >= 1).then_some(())
        })
        .await;
        ask.send(()).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(supervisor.run(&mut stop), asking);
    assert_eq!(outcome.unwrap(), Outcome::Stopped);
    assert_eq!(engine.log(), "started\nTERM\n");
}

#[tokio::test]
async fn a_proxy_that_never_served_stops_without_a_drain() {
    let admin = admin("PRE_INITIALIZING", Arc::new(AtomicU64::new(1))).await;
    let engine = Engine::serving(&admin);
    let supervisor = engine.supervisor();
    stop_once_started(&engine, &supervisor).await;
    assert_eq!(admin.requests(), ["GET /server_info 0"]);
}

#[tokio::test]
async fn an_engine_that_ignores_sigterm_is_killed() {
    let engine = Engine::script(
        "trap '' TERM\necho $$ > $4.pid\necho started >> $HERE/log\nwhile :; do sleep 0.02; done",
    );
    let supervisor = engine.supervisor();
    stop_once_started(&engine, &supervisor).await;
    let pid = fs::read_to_string(supervisor.bootstrap_file().with_file_name("admin.address.pid")).unwrap();
    assert!(
        !Path::new(&format!("/proc/{}", pid.trim())).exists(),
        "the engine still runs"
    );
}

#[tokio::test]
async fn the_workspace_is_private_and_goes_with_the_supervisor() {
    let supervisor = Engine::script("").supervisor();
    let bootstrap = supervisor.bootstrap_file();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&bootstrap), mode(bootstrap.parent().unwrap())),
        (0o600, 0o700)
    );
    drop(supervisor);
    assert!(!bootstrap.parent().unwrap().exists());
}
