//! Namespaces held by file descriptors: joining them, and finding what runs in them.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::resume_unwind;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use crate::error::TaskError;
use crate::sys;

/// How long killed processes may take to die. Only one that is stuck in the kernel takes longer.
const DEATH_LIMIT: Duration = Duration::from_secs(5);

/// A network namespace and, for tasks, a mount namespace. They live while this, a thread or a process holds them.
pub(crate) struct Namespaces {
    network: OwnedFd,
    mount: Option<OwnedFd>,
}

impl Namespaces {
    /// Moves the calling thread into a network namespace of its own.
    pub(crate) fn new_network() -> Result<Self, TaskError> {
        let action = "create a network namespace";
        let create = || {
            sys::unshare(UnshareFlags::NEWNET)?;
            Ok(Self {
                network: own("net")?,
                mount: None,
            })
        };
        create().map_err(|source| TaskError::Namespace { action, source })
    }

    /// Moves the calling thread into a network and a mount namespace of its own.
    pub(crate) fn new_network_and_mount() -> Result<Self, TaskError> {
        let action = "create a network and a mount namespace";
        let create = || {
            sys::unshare(UnshareFlags::NEWNET | UnshareFlags::NEWNS)?;
            Ok(Self {
                network: own("net")?,
                mount: Some(own("mnt")?),
            })
        };
        create().map_err(|source| TaskError::Namespace { action, source })
    }

    /// Runs `body` on a thread that has joined the namespaces and waits for it.
    pub(crate) fn run_in<T: Send>(&self, body: impl FnOnce() -> T + Send) -> Result<T, TaskError> {
        let action = "join the namespaces";
        let inside = || self.join().map(|()| body());
        let result = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("in-namespace".to_owned());
            thread
                .spawn_scoped(scope, inside)?
                .join()
                .unwrap_or_else(|panic| resume_unwind(panic))
        });
        result.map_err(|source| TaskError::Namespace { action, source })
    }

    /// Kills every process whose network is this one and waits until they are gone.
    pub(crate) fn kill_processes(&self) {
        let Ok(network) = identity(&self.network) else {
            return;
        };
        // Again, because a process may have started another one in the meantime.
        for _ in 0..100 {
            let processes: Vec<OwnedFd> = processes_in(network).collect();
            if processes.is_empty() {
                return;
            }
            for process in &processes {
                // It may have ended by itself.
                let _ = pidfd_send_signal(process, Signal::KILL);
            }
            if !processes.iter().all(wait_for_end) {
                return;
            }
        }
    }

    fn join(&self) -> io::Result<()> {
        if let Some(mount) = &self.mount {
            // Threads share their root and working directory, which a mount namespace replaces.
            sys::unshare(UnshareFlags::FS)?;
            move_into_link_name_space(mount.as_fd(), Some(LinkNameSpaceType::Mount))?;
        }
        move_into_link_name_space(self.network.as_fd(), Some(LinkNameSpaceType::Network))?;
        Ok(())
    }
}

fn own(kind: &str) -> io::Result<OwnedFd> {
    File::open(format!("/proc/thread-self/ns/{kind}")).map(OwnedFd::from)
}

type Identity = (u64, u64);

fn identity(namespace: impl AsFd) -> io::Result<Identity> {
    let stat = rustix::fs::fstat(namespace)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// Handles on the processes of a network, without this one. Those of other users, which cannot be looked into, are
/// not ours either; ended ones have no network any more.
fn processes_in(network: Identity) -> impl Iterator<Item = OwnedFd> {
    let directories = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = directories.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    pids.filter(|pid| *pid != getpid()).filter_map(move |pid| {
        // The handle first: were the number reused later, the handle would still mean the process that was checked.
        let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        let namespace = File::open(format!("/proc/{pid}/ns/net")).ok()?;
        (identity(namespace).ok()? == network).then_some(process)
    })
}

fn wait_for_end(process: &OwnedFd) -> bool {
    let limit = DEATH_LIMIT.try_into().ok();
    poll(&mut [PollFd::new(process, PollFlags::IN)], limit.as_ref()).is_ok_and(|ended| ended == 1)
}
