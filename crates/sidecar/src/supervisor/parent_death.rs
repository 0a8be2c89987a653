//! Ties a child's life to ours: when the supervisor is killed, even by SIGKILL, the kernel kills the child.
#![allow(unsafe_code)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::Errno;
use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

/// Makes the process that `command` starts die with the *thread* that starts it.
///
/// The kernel drops the tie when the started file has set-user-id or file capabilities.
pub(super) fn die_with_parent(command: &mut Command) {
    let supervisor = getpid();
    let tie = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The supervisor may have died before the line above; then no signal will ever come.
        if getppid() == Some(supervisor) {
            Ok(())
        } else {
            Err(io::Error::from(Errno::SRCH))
        }
    };
    // SAFETY: the closure runs in the child between fork and exec, where only async-signal-safe work is allowed. It
    // makes two system calls (prctl, getppid) through rustix, touches no lock and no allocator (an `io::Error` from
    // an errno is a plain number), and captures a `Pid` by value.
    unsafe {
        command.pre_exec(tie);
    }
}
