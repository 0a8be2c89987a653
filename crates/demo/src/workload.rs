//! A task with its application and its sidecar.

use std::cell::RefCell;
use std::fs::{self, File, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use evermesh_task::{Command, Exemption, Task};
use rustix::process::{Pid, Signal, kill_process};

use crate::child::{CHILD_SUBCOMMAND, Role};
use crate::error::DemoError;
use crate::getting_started::MESH;
use crate::preflight::Programs;

/// Enough of a log to see why a program failed.
const LOG_TAIL: usize = 20;
/// Three proxies share this machine; one per hardware thread would be many on a large one.
const PROXY_THREADS: &str = "2";

/// A running task. Dropping it kills what runs in it.
pub(crate) struct Workload {
    name: &'static str,
    // Before the task: a process is waited for before its task goes.
    application: Program,
    sidecar: Program,
    task: Task,
    workspace: Workspace,
    own_program: PathBuf,
}

/// A program and where its log is.
struct Program {
    what: &'static str,
    child: RefCell<Child>,
    log: PathBuf,
}

impl Workload {
    /// Starts application and sidecar.
    pub(crate) fn start(
        name: &'static str,
        task: Task,
        workspace: Workspace,
        programs: &Programs,
        exemption: Exemption,
        xds: SocketAddr,
    ) -> Result<Self, DemoError> {
        let role = Role::App(name.to_owned());
        let application = run(
            "application",
            &workspace,
            task.command(&programs.own)
                .arg(CHILD_SUBCOMMAND)
                .args(role.arguments()),
        )?;
        let sidecar = sidecar(&task, name, &workspace, programs, exemption, xds);
        let sidecar = run("sidecar", &workspace, sidecar)?;
        Ok(Self {
            name,
            application,
            sidecar,
            task,
            workspace,
            own_program: programs.own.clone(),
        })
    }

    /// The virtual node it is.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Shell words that run a command in it.
    pub(crate) fn nsenter_hint(&self) -> String {
        self.task.nsenter_hint()
    }

    /// One of our own programs, to be run beside the application like a part of it, with its log and its log's path.
    pub(crate) fn child(&self, role: &Role, log: &str) -> Result<(Command<'_>, PathBuf), DemoError> {
        let (file, path) = self.workspace.log(log)?;
        let command = self
            .task
            .command(&self.own_program)
            .arg(CHILD_SUBCOMMAND)
            .args(role.arguments())
            .stderr(file)
            .own_process_group();
        Ok((command, path))
    }

    /// An error when one of its programs has ended.
    pub(crate) fn check(&self) -> Result<(), DemoError> {
        for program in [&self.application, &self.sidecar] {
            if let Ok(Some(status)) = program.child.borrow_mut().try_wait() {
                return Err(DemoError::Ended {
                    program: program.what,
                    task: self.name,
                    status,
                    log: tail(&program.log),
                });
            }
        }
        Ok(())
    }

    /// Asks its programs to end without waiting for connections to close.
    pub(crate) fn ask_to_stop(&self) {
        // Two requests to the sidecar: the first begins the drain, the second ends the wait for it. Two signals,
        // because the kernel would merge two of the same.
        self.sidecar.signal(Signal::TERM);
        self.sidecar.signal(Signal::INT);
        self.application.signal(Signal::TERM);
    }

    /// Whether its programs have ended.
    pub(crate) fn has_ended(&self) -> bool {
        let ended = |program: &Program| !matches!(program.child.borrow_mut().try_wait(), Ok(None));
        [&self.application, &self.sidecar].into_iter().all(ended)
    }
}

impl Program {
    fn signal(&self, signal: Signal) {
        let mut child = self.child.borrow_mut();
        // Not one that was waited for: its number may be another's by now.
        if matches!(child.try_wait(), Ok(None)) {
            let _ = kill_process(Pid::from_child(&child), signal);
        }
    }
}

/// The proxy as a container of the task definition: the environment of the App Mesh image and nothing else.
fn sidecar<'task>(
    task: &'task Task,
    name: &str,
    workspace: &Workspace,
    programs: &Programs,
    exemption: Exemption,
    xds: SocketAddr,
) -> Command<'task> {
    let command = task
        .command(&programs.proxy)
        .args(["run", "--engine", "envoy", "--envoy-path"])
        .arg(&programs.envoy)
        .env_clear()
        .env("APPMESH_RESOURCE_ARN", format!("mesh/{MESH}/virtualNode/{name}"))
        .env("APPMESH_XDS_ENDPOINT", xds.to_string())
        .env("ENVOY_CONCURRENCY", PROXY_THREADS)
        .env(
            "ENVOY_ADMIN_ACCESS_LOG_FILE",
            workspace.directory.join("admin_access.log"),
        )
        .env("TMPDIR", &workspace.directory)
        .current_dir(&workspace.directory)
        .exempt(exemption);
    match exemption {
        Exemption::Uid(_) => command,
        Exemption::Mark(mark) => command.arg("--socket-mark").arg(mark.to_string()),
    }
}

fn run(what: &'static str, workspace: &Workspace, command: Command<'_>) -> Result<Program, DemoError> {
    let (stdout, log) = workspace.log(what)?;
    let stderr = stdout.try_clone().map_err(|source| DemoError::File {
        path: log.clone(),
        source,
    })?;
    let child = command
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .own_process_group()
        .spawn()?;
    Ok(Program {
        what,
        child: RefCell::new(child),
        log,
    })
}

/// A task's directory, for logs and for what the sidecar keeps in files; its sidecar's own.
pub(crate) struct Workspace {
    directory: PathBuf,
}

impl Workspace {
    pub(crate) fn create(parent: &Path, name: &str, exemption: Exemption) -> Result<Self, DemoError> {
        let directory = parent.join(name);
        let create = || {
            fs::create_dir(&directory)?;
            fs::set_permissions(&directory, Permissions::from_mode(0o700))?;
            match exemption {
                Exemption::Uid(id) => chown(&directory, Some(id), Some(id)),
                Exemption::Mark(_) => Ok(()),
            }
        };
        create().map_err(|source| DemoError::File {
            path: directory.clone(),
            source,
        })?;
        Ok(Self { directory })
    }

    /// A new log, and where it is.
    fn log(&self, name: &str) -> Result<(File, PathBuf), DemoError> {
        let path = self.directory.join(format!("{name}.log"));
        match File::create(&path) {
            Ok(file) => Ok((file, path)),
            Err(source) => Err(DemoError::File { path, source }),
        }
    }
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text = String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n")
}
