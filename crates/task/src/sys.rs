//! The system calls that the compiler cannot vouch for, each with its argument. No policy here.
#![allow(unsafe_code)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
use rustix::thread::{UnshareFlags, set_thread_gid, set_thread_groups, set_thread_uid, unshare_unsafe};
use rustix::{fs::Gid, fs::Uid};

/// Moves the calling thread into namespaces of its own.
pub(crate) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    assert!(
        !flags.contains(UnshareFlags::FILES),
        "threads must keep sharing file descriptors"
    );
    // SAFETY: the one danger of `unshare` is a private table of file descriptors, which is excluded above.
    unsafe { unshare_unsafe(flags) }.map_err(io::Error::from)
}

/// Makes a command's process die with the thread that spawns it, after it became the given user and group.
pub(crate) fn tie_to_parent(command: &mut Command, user: Option<(u32, u32)>) {
    let parent = getpid();
    let become_child = move || {
        if let Some((uid, gid)) = user {
            become_user(uid, gid)?;
        }
        // Last, because the kernel forgets it when the user changes.
        set_parent_process_death_signal(Some(Signal::KILL))?;
        if getppid() == Some(parent) {
            Ok(())
        } else {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    };
    // SAFETY: between fork and exec the closure makes system calls only; it neither allocates nor takes a lock, and
    // its errors carry no heap data.
    unsafe { command.pre_exec(become_child) };
}

/// Makes a command's process move into namespaces before it executes, one step after another.
pub(crate) fn unshare_in_child(command: &mut Command, steps: &'static [UnshareFlags]) {
    // SAFETY: between fork and exec the closure makes system calls only; it neither allocates nor takes a lock.
    unsafe { command.pre_exec(move || steps.iter().try_for_each(|flags| unshare(*flags))) };
}

/// Only in a process with one thread: the kernel changes the user of the calling thread alone.
fn become_user(uid: u32, gid: u32) -> io::Result<()> {
    set_thread_groups(&[])?;
    set_thread_gid(Gid::from_raw(gid))?;
    set_thread_uid(Uid::from_raw(uid))?;
    Ok(())
}
