//! The demonstration as its users run it: what it shows, with and without privileges, and that nothing is left of it
//! however it ends.
#![allow(clippy::unwrap_used, reason = "a test's helpers are part of the test")]

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use evermesh_task::support::{self, Privilege};
use evermesh_testkit::tools::{Tool, binary, find_or_skip, skip_or_fail};
use evermesh_testkit::{DEADLINE, wait_until};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// What a program without privileges runs as: `nobody` on every Linux system.
const NOBODY: &str = "65534";

#[test]
fn it_shows_the_mesh_and_ends() {
    let Some(stage) = Stage::set() else { return };
    let summary = run_once(&stage, false);
    let expected = match support::check().unwrap() {
        Privilege::Direct => ("root", "uid 1337"),
        Privilege::UserNamespace => ("root of a user namespace", "socket mark 1337"),
    };
    assert_environment(&summary, expected);
}

#[test]
fn it_needs_no_privileges() {
    if !geteuid().is_root() {
        return; // The test above ran without any.
    }
    let Some(stage) = Stage::set() else { return };
    let summary = run_once(&stage, true);
    assert_environment(&summary, ("root of a user namespace", "socket mark 1337"));
}

#[test]
fn it_goes_on_until_ctrl_c() {
    let Some(stage) = Stage::set() else { return };
    let mut demo = stage.start(&["--json", "--requests", "50", "--rate", "500"], false);
    stage.wait_for("It goes on until Ctrl-C", &mut demo);
    kill_process(Pid::from_child(&demo), Signal::INT).unwrap();
    let status = demo.wait().unwrap();
    // Chance may take so few requests out of the tolerance.
    let ok = stage.summary()["ok"].as_bool().unwrap();
    assert_eq!(status.code(), Some(if ok { 0 } else { 1 }), "{}", stage.log());
    stage.assert_empty();
}

#[test]
fn a_signal_ends_it_before_it_is_done() {
    let Some(stage) = Stage::set() else { return };
    let mut demo = stage.start(&["--json"], false);
    stage.wait_for("update-virtual-service", &mut demo);
    kill_process(Pid::from_child(&demo), Signal::TERM).unwrap();
    assert_eq!(demo.wait().unwrap().code(), Some(130), "{}", stage.log());
    assert_eq!(fs::read_to_string(stage.path("stdout")).unwrap(), "");
    stage.assert_empty();
}

#[test]
fn no_process_survives_its_death() {
    let Some(stage) = Stage::set() else { return };
    let mut demo = stage.start(&["--json"], false);
    stage.wait_for("weights ", &mut demo);
    assert!(
        stage.processes().len() > 6,
        "three applications, sidecars, Envoys"
    );
    demo.kill().unwrap();
    demo.wait().unwrap();
    wait_until("all its processes are gone", DEADLINE, || {
        stage.processes().is_empty().then_some(())
    });
}

/// Runs all of it, and checks what does not depend on privileges.
fn run_once(stage: &Stage, as_nobody: bool) -> Value {
    let mut demo = stage.start(&["--once", "--json"], as_nobody);
    let status = demo.wait().unwrap();
    assert!(status.success(), "{status}\n{}", stage.log());
    stage.assert_empty();
    let summary = stage.summary();
    assert_eq!(summary["ok"], true, "{summary:#}");
    assert_eq!(summary["failed"], 0, "{summary:#}");
    let steps = summary["steps"].as_array().unwrap();
    let shares = [[100.0, 0.0], [75.0, 25.0], [0.0, 100.0]];
    assert_eq!(steps.len(), shares.len());
    for (step, expected) in steps.iter().zip(shares) {
        assert!(step["requests"].as_u64().unwrap() >= 2000, "{step:#}");
        for (node, expected) in ["svcNode1", "svcNode1v2"].into_iter().zip(expected) {
            let share = step["split"][node].as_f64().unwrap();
            assert!((share - expected).abs() <= 3.0, "{node} in {step:#}");
        }
    }
    for change in summary["changes"].as_array().unwrap() {
        assert!(change["requests"].as_u64().unwrap() > 0, "{change:#}");
    }
    let refusals = &summary["refusals"];
    assert_eq!(refusals[0]["to"], "svc2.pgMesh.local");
    assert_eq!(refusals[0]["refused"], true, "{refusals:#}");
    assert_eq!(refusals[1]["refused"], true, "{refusals:#}");
    summary
}

fn assert_environment(summary: &Value, (privilege, exempt_by): (&str, &str)) {
    let environment = &summary["environment"];
    assert_eq!(environment["privilege"], privilege);
    assert_eq!(environment["sidecarExemptBy"], exempt_by);
    assert!(environment["engine"].as_str().unwrap().starts_with("envoy/"));
}

/// A directory that every user can reach, with copies of the programs. Its path is in the command line of every
/// process of the demonstration, and all temporary files go into it.
struct Stage {
    directory: TempDir,
}

impl Stage {
    /// `None` when the test is to be skipped.
    fn set() -> Option<Self> {
        let envoy = envoy()?;
        if let Err(reasons) = support::check() {
            skip_or_fail(
                "NAMESPACES",
                &reasons.to_string(),
                "run as root or allow user namespaces",
            );
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let stage = Self { directory };
        fs::set_permissions(stage.directory.path(), Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(stage.path("tmp")).unwrap();
        fs::set_permissions(stage.path("tmp"), Permissions::from_mode(0o1777)).unwrap();
        for (name, program) in [
            ("evermesh", binary("evermesh")),
            ("evermesh-proxy", binary("evermesh-proxy")),
            ("envoy", envoy),
        ] {
            // The file itself: a link to it may lead through directories that are closed to others.
            let program = program.canonicalize().unwrap();
            fs::hard_link(&program, stage.path(name))
                .or_else(|_| fs::copy(&program, stage.path(name)).map(drop))
                .unwrap();
        }
        Some(stage)
    }

    fn start(&self, arguments: &[&str], as_nobody: bool) -> Child {
        let mut command = if as_nobody {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"]);
            command.arg(self.path("evermesh"));
            command
        } else {
            Command::new(self.path("evermesh"))
        };
        command
            .args(["demo", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .env("ENVOY_PATH", self.path("envoy"))
            .env("TMPDIR", self.path("tmp"))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(File::create(self.path("stdout")).unwrap())
            .stderr(File::create(self.path("stderr")).unwrap());
        command.spawn().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap()
    }

    fn wait_for(&self, words: &str, demo: &mut Child) {
        wait_until(words, DEADLINE, || {
            let ended: Option<ExitStatus> = demo.try_wait().unwrap();
            assert!(ended.is_none(), "it ended: {}", self.log());
            self.log().contains(words).then_some(())
        });
    }

    fn summary(&self) -> Value {
        let stdout = fs::read_to_string(self.path("stdout")).unwrap();
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
    }

    fn assert_empty(&self) {
        assert_eq!(self.processes(), Vec::<String>::new());
        let files: Vec<_> = fs::read_dir(self.path("tmp"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(files, Vec::<PathBuf>::new());
    }

    /// The command lines of what runs.
    fn processes(&self) -> Vec<String> {
        let directory = self.directory.path().to_str().unwrap();
        let entries = fs::read_dir("/proc").unwrap().flatten();
        entries
            .filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok())
            .map(|words| words.replace('\0', " "))
            .filter(|words| words.contains(directory))
            .collect()
    }
}

/// Envoy itself, where the tool is a wrapper around it.
fn envoy() -> Option<PathBuf> {
    let tool = find_or_skip(Tool::Envoy)?;
    let output = Command::new(binary("evermesh-proxy"))
        .args(["run", "--print-envoy-path", "--envoy-path"])
        .arg(tool)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(Path::new(String::from_utf8(output.stdout).unwrap().trim()).to_owned())
}
