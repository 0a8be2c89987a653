//! One running engine process, held by a thread of its own and signalled through a pidfd.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::sync::oneshot;

use super::parent_death;

/// A started process.
pub(super) struct Child {
    pid: u32,
    /// A pid can be taken over by a stranger as soon as the process is reaped; a pidfd cannot.
    pidfd: OwnedFd,
    exit: oneshot::Receiver<io::Result<ExitStatus>>,
    exited: Option<ExitStatus>,
}

impl Child {
    /// Starts `program` in a process group of its own: Ctrl-C on a terminal reaches the whole foreground group, and
    /// Envoy must outlive it to drain. Output goes where ours goes, so `/dev/stdout` in access logs works.
    ///
    /// The kernel ties the process's life to the *thread* that started it, so a thread is made for it that stays
    /// until it has exited; a thread of the runtime's might go at any time.
    pub(super) async fn start(program: &Path, arguments: &[OsString]) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).process_group(0);
        parent_death::die_with_parent(&mut command);
        let (started, start) = oneshot::channel();
        let (exited, exit) = oneshot::channel();
        std::thread::Builder::new()
            .name("envoy".to_owned())
            .spawn(move || {
                // An error is sent to a receiver that may have gone with its future; then nobody wants to know.
                match spawn(&mut command) {
                    Err(error) => drop(started.send(Err(error))),
                    Ok((mut child, pidfd)) => {
                        drop(started.send(Ok((child.id(), pidfd))));
                        drop(exited.send(child.wait()));
                    }
                }
            })?;
        let (pid, pidfd) = start.await.map_err(|_| thread_is_gone())??;
        Ok(Self {
            pid,
            pidfd,
            exit,
            exited: None,
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// The exit status, once there is one; may be dropped and called again.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.exited {
            return Ok(status);
        }
        let status = (&mut self.exit).await.map_err(|_| thread_is_gone())??;
        self.exited = Some(status);
        Ok(status)
    }

    /// Sends a signal; nothing happens when the process has exited.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        match pidfd_send_signal(&self.pidfd, signal) {
            Err(rustix::io::Errno::SRCH) => Ok(()),
            sent => Ok(sent?),
        }
    }
}

/// A supervisor that gives up must not leave its process behind.
impl Drop for Child {
    fn drop(&mut self) {
        let _already_gone = self.signal(Signal::KILL);
    }
}

fn spawn(command: &mut Command) -> io::Result<(std::process::Child, OwnedFd)> {
    let mut child = command.spawn()?;
    let pid = Pid::from_child(&child);
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => Ok((child, pidfd)),
        Err(errno) => {
            child.kill()?;
            child.wait()?;
            Err(errno.into())
        }
    }
}

fn thread_is_gone() -> io::Error {
    io::Error::other("the thread that held the process ended")
}
