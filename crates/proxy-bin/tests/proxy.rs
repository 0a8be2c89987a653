//! The program as its users start it: exit codes, signals, and what a killed supervisor leaves behind.
#![allow(clippy::unwrap_used, reason = "a test's helpers are part of the test")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use evermesh_testkit::tools::Tool;
use evermesh_testkit::{DEADLINE, need, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// `evermesh-proxy` with nothing of the caller's environment but these.
fn proxy(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evermesh-proxy"));
    command
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .env("PATH", "/usr/bin:/bin");
    command.stdin(Stdio::null());
    command
}

const REQUIRED: [(&str, &str); 2] = [
    ("APPMESH_RESOURCE_ARN", "mesh/m/virtualNode/n"),
    ("APPMESH_XDS_ENDPOINT", "127.0.0.1:7071"),
];

/// A script in place of Envoy; `$HERE` is the directory.
fn engine(behaviour: &str) -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("behaviour"), behaviour).unwrap();
    let link = directory.path().join("engine");
    symlink(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine.sh"),
        &link,
    )
    .unwrap();
    let path = link.to_str().unwrap().to_owned();
    (directory, path)
}

fn run_engine(behaviour: &str) -> Output {
    let (_directory, engine) = engine(behaviour);
    proxy(&["run", "--envoy-path", &engine], &REQUIRED)
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Waits until the engine has written its process id.
fn engine_pid(file: &Path) -> String {
    wait_until("the engine has started", DEADLINE, || {
        fs::read_to_string(file)
            .ok()
            .map(|pid| pid.trim().to_owned())
            .filter(|pid| !pid.is_empty())
    })
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Gone, or dead and waiting for its new parent to notice.
fn is_dead(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ")
        .next()
        .is_none_or(|rest| rest.is_empty() || rest.starts_with('Z'))
}

#[test]
fn the_engines_exit_code_is_passed_on() {
    assert_eq!(run_engine("exit 7").status.code(), Some(7));
    assert_eq!(run_engine("kill -SEGV $$").status.code(), Some(139));
}

#[test]
fn faults_of_the_environment_are_all_named() {
    let output = proxy(&["run"], &[("ENVOY_LOG_LEVEL", "loud")]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    for name in ["APPMESH_RESOURCE_ARN", "APPMESH_XDS_ENDPOINT", "ENVOY_LOG_LEVEL"] {
        assert!(
            stderr(&output).contains(name),
            "{name} is not in\n{}",
            stderr(&output)
        );
    }
}

#[test]
fn a_missing_envoy_is_said_and_how_to_get_one() {
    let output = proxy(&["run", "--envoy-path", "/nowhere/envoy"], &REQUIRED)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(127));
    assert!(
        stderr(&output).contains("/nowhere/envoy is not an executable file"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn the_envoy_that_would_run_can_be_asked_for() {
    let asked = |path| {
        proxy(&["run", "--print-envoy-path", "--envoy-path", path], &[])
            .output()
            .unwrap()
    };
    let found = asked("/bin/sh");
    assert_eq!(
        (found.status.code(), found.stdout.as_slice()),
        (Some(0), b"/bin/sh\n".as_slice())
    );
    let missing = asked("/nowhere/envoy");
    assert_eq!(
        (missing.status.code(), missing.stdout.as_slice()),
        (Some(127), b"".as_slice())
    );
    assert!(
        stderr(&missing).contains("/nowhere/envoy"),
        "{}",
        stderr(&missing)
    );
}

#[test]
fn the_native_engine_is_not_promised() {
    let output = proxy(&["run", "--engine", "native"], &REQUIRED).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("not built yet"), "{}", stderr(&output));
}

#[test]
fn flags_win_over_variables_and_reach_the_bootstrap() {
    let flags = [
        "run",
        "--print-bootstrap",
        "--bind",
        "127.0.0.2",
        "--app-address",
        "127.0.1.2",
        "--socket-mark",
        "7",
    ];
    let variables = [REQUIRED[0], REQUIRED[1], ("EVERMESH_BIND_ADDRESS", "127.0.0.9")];
    let output = proxy(&flags, &variables).output().unwrap();
    let bootstrap: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        bootstrap["node"]["metadata"],
        serde_json::json!({"evermesh.bind_address": "127.0.0.2", "evermesh.app_address": "127.0.1.2"})
    );
    assert_eq!(
        bootstrap["admin"]["address"]["socket_address"]["address"],
        "127.0.0.2"
    );
    let option = &bootstrap["cluster_manager"]["upstream_bind_config"]["socket_options"][0];
    assert_eq!((&option["name"], &option["int_value"]), (&36.into(), &7.into()));
}

#[test]
fn the_help_lists_every_group_of_variables() {
    let help = proxy(&["run", "--help"], &[]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for group in evermesh_sidecar::config::variables::GROUPS {
        assert!(help.contains(group.title), "{} is not in\n{help}", group.title);
        assert!(
            group
                .variables
                .iter()
                .all(|variable| help.contains(variable.name))
        );
    }
}

#[test]
fn sigterm_and_sigint_stop_in_good_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let (directory, engine) =
            engine("trap 'exit 9' TERM\necho $$ > $HERE/pid\nwhile :; do sleep 0.02; done");
        let mut child = proxy(&["run", "--envoy-path", &engine], &REQUIRED)
            .spawn()
            .unwrap();
        let pid = engine_pid(&directory.path().join("pid"));
        send(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal:?}");
        assert!(is_dead(&pid));
    }
}

#[test]
fn a_killed_supervisor_takes_its_engine_with_it() {
    let (directory, engine) = engine("trap '' TERM\necho $$ > $HERE/pid\nwhile :; do sleep 0.02; done");
    // A killed program cannot remove its private directory, so it gets ours to leave it in.
    let place = ("TMPDIR", directory.path().to_str().unwrap());
    let variables = [REQUIRED[0], REQUIRED[1], place];
    let mut child = proxy(&["run", "--envoy-path", &engine], &variables)
        .spawn()
        .unwrap();
    let pid = engine_pid(&directory.path().join("pid"));
    assert!(!is_dead(&pid));
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the engine is dead", DEADLINE, || is_dead(&pid).then_some(()));
}

#[test]
fn what_a_killed_supervisor_leaves_goes_with_the_next_start_and_nothing_else_does() {
    let place = tempfile::tempdir().unwrap();
    let variables = [
        REQUIRED[0],
        REQUIRED[1],
        ("TMPDIR", place.path().to_str().unwrap()),
    ];
    fs::create_dir(place.path().join("evermesh-proxy-unfinished")).unwrap();
    let start = || {
        let (directory, engine) = engine("echo $$ > $HERE/pid\nwhile :; do sleep 0.02; done");
        let child = proxy(&["run", "--envoy-path", &engine], &variables)
            .spawn()
            .unwrap();
        engine_pid(&directory.path().join("pid"));
        (directory, child)
    };
    let there = || -> BTreeSet<_> {
        let entries = fs::read_dir(place.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };
    let (_first, mut killed) = start();
    let of_killed = there();
    let (_second, mut running) = start();
    let of_both = there();
    assert!(of_killed.is_subset(&of_both), "a running one keeps its directory");
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(there(), of_both, "a killed one cannot remove its directory");

    let (_third, mut next) = start();
    let unfinished = BTreeSet::from(["evermesh-proxy-unfinished".into()]);
    let abandoned: Vec<_> = of_killed.difference(&unfinished).collect();
    assert_eq!(abandoned.len(), 1);
    assert!(!there().contains(abandoned[0]));
    assert_eq!(there().len(), 3, "{:?}", there());
    for child in [&mut running, &mut next] {
        send(child, Signal::TERM);
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    assert_eq!(there(), unfinished);
}

#[test]
fn readiness_follows_a_real_envoy() {
    let envoy = need!(Tool::Envoy);
    // An address of its own, so that the fixed admin port meets nobody.
    let place = [
        ("EVERMESH_BIND_ADDRESS", "127.83.11.7"),
        ("ENVOY_ADMIN_ACCESS_LOG_FILE", "/dev/null"),
    ];
    let not_ready = proxy(&["ready"], &place).output().unwrap();
    assert_eq!(not_ready.status.code(), Some(1));
    assert!(
        stderr(&not_ready).contains("no connection"),
        "{}",
        stderr(&not_ready)
    );

    let fast = [
        ("ENVOY_INITIAL_FETCH_TIMEOUT", "1"),
        ("ENVOY_LOG_LEVEL", "off"),
        ("LISTENER_DRAIN_WAIT_TIME_S", "110"),
    ];
    let variables = [REQUIRED.as_slice(), &place, &fast].concat();
    let mut child = proxy(&["run", "--envoy-path", envoy.to_str().unwrap()], &variables)
        .spawn()
        .unwrap();
    wait_until("the proxy is ready", DEADLINE, || {
        let output = proxy(&["ready"], &place).output().unwrap();
        output.status.success().then_some(())
    });
    send(&child, Signal::TERM);
    // The second request ends the wait for connections.
    wait_until("the proxy drains", DEADLINE, || {
        let output = proxy(&["ready"], &place).output().unwrap();
        stderr(&output).contains("it is stopping").then_some(())
    });
    send(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
