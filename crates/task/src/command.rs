//! Starts programs in a task, as children of the task's own thread.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{self, Child, Output, Stdio};

use crate::error::TaskError;
use crate::exemption::Exemption;
use crate::sys;
use crate::task::Task;

/// A program to be run in a task; a builder like [`std::process::Command`].
///
/// The process is killed when the task is dropped or this process ends in any way. That holds for itself only: when
/// this process is killed, what the program has started lives on unless the program sees to it.
pub struct Command<'task> {
    task: &'task Task,
    command: process::Command,
    user: Option<(u32, u32)>,
    has_directory: bool,
}

impl<'task> Command<'task> {
    pub(crate) fn new(task: &'task Task, program: &OsStr) -> Self {
        Self {
            task,
            command: process::Command::new(program),
            user: None,
            has_directory: false,
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts from an empty environment instead of this process's.
    pub fn env_clear(mut self) -> Self {
        self.command.env_clear();
        self
    }

    /// Runs in `directory` instead of this process's working directory.
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.command.current_dir(directory);
        self.has_directory = true;
        self
    }

    /// Where standard input comes from.
    pub fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.command.stdin(stdin);
        self
    }

    /// Where standard output goes.
    pub fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.command.stdout(stdout);
        self
    }

    /// Where standard error goes.
    pub fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.command.stderr(stderr);
        self
    }

    /// Runs in a process group of its own, so that Ctrl-C on the terminal reaches this process only.
    pub fn own_process_group(mut self) -> Self {
        std::os::unix::process::CommandExt::process_group(&mut self.command, 0);
        self
    }

    /// Runs as this user and group, without supplementary groups.
    pub fn user(mut self, uid: u32, gid: u32) -> Self {
        self.user = Some((uid, gid));
        self
    }

    /// Runs as the user that is exempt from interception; with a mark, the program marks its sockets itself.
    pub fn exempt(self, exemption: Exemption) -> Self {
        match exemption {
            Exemption::Uid(id) => self.user(id, id),
            Exemption::Mark(_) => self,
        }
    }

    /// Starts the program.
    pub fn spawn(self) -> Result<Child, TaskError> {
        self.spawn_by(|mut command| command.spawn())
    }

    /// Starts the program without input, waits for its end and captures its output.
    pub fn output(mut self) -> Result<Output, TaskError> {
        self.command.stdin(Stdio::null());
        let (task, program) = self.names();
        let child = self.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        child.wait_with_output().map_err(|source| TaskError::Spawn {
            task,
            program,
            source,
        })
    }

    /// Starts the program as a child of the tokio runtime in whose context this is called.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O enabled.
    pub fn spawn_tokio(self) -> Result<tokio::process::Child, TaskError> {
        let runtime = tokio::runtime::Handle::current();
        self.spawn_by(move |command| {
            let _context = runtime.enter();
            tokio::process::Command::from(command).spawn()
        })
    }

    fn spawn_by<C: Send + 'static>(
        self,
        spawn: impl FnOnce(process::Command) -> io::Result<C> + Send + 'static,
    ) -> Result<C, TaskError> {
        let (task, program) = self.names();
        let spawned = self
            .prepare()
            .and_then(|(home, command)| home.run(move || spawn(command)));
        spawned.map_err(|source| TaskError::Spawn {
            task,
            program,
            source,
        })
    }

    fn prepare(mut self) -> io::Result<(&'task crate::home::Home, process::Command)> {
        if !self.has_directory {
            // The task's thread has a working directory of its own, which does not follow this process's.
            self.command.current_dir(std::env::current_dir()?);
        }
        sys::tie_to_parent(&mut self.command, self.user);
        Ok((self.task.home(), self.command))
    }

    fn names(&self) -> (String, String) {
        (
            self.task.name().to_owned(),
            self.command.get_program().to_string_lossy().into_owned(),
        )
    }
}
