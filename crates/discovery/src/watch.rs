//! Follows the hosts file: notices a change within about a tenth of a second and puts the new content in force.
//!
//! Looking at the file's identity and times is enough and works on every file system, for a file that is replaced
//! by rename, written in place, or reached through a symbolic link that is switched over. It never removes names
//! because the file is gone or unreadable: the last good content stays.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::hosts::{Hosts, HostsError};

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_millis(50);
/// After so many looks a file that changes without pause is read all the same.
const PATIENCE: u32 = 4;

/// What a file looks like from outside; different after any change to its content.
///
/// Times have the granularity of the kernel's tick (at most 10 ms). A stamp that has been the same for a whole
/// [`INTERVAL`] is therefore unique to the content: a later write must carry a later time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stamp {
    /// Never looked at, or read while it was changing.
    Unknown,
    Absent,
    Present {
        device: u64,
        inode: u64,
        size: u64,
        modified: (i64, i64),
        changed: (i64, i64),
    },
}

/// Keeps `hosts` up to date with the file at `path`, for ever.
pub(crate) async fn follow(path: PathBuf, hosts: watch::Sender<Arc<Hosts>>) {
    let mut looks = tokio::time::interval(INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut in_force = Stamp::Unknown;
    let mut previous = Stamp::Unknown;
    let mut waited = 0;
    loop {
        looks.tick().await;
        let current = Stamp::of(&path).await;
        let settled = current == previous;
        previous = current;
        if current == in_force {
            waited = 0;
        } else if settled || waited == PATIENCE {
            put_in_force(&path, current, &hosts).await;
            in_force = if settled { current } else { Stamp::Unknown };
            waited = 0;
        } else {
            waited += 1;
        }
    }
}

impl Stamp {
    async fn of(path: &Path) -> Self {
        // Whatever makes the file unreachable, the answer is the same: keep the last good content.
        tokio::fs::metadata(path)
            .await
            .map_or(Self::Absent, |file| Self::Present {
                device: file.dev(),
                inode: file.ino(),
                size: file.size(),
                modified: (file.mtime(), file.mtime_nsec()),
                changed: (file.ctime(), file.ctime_nsec()),
            })
    }
}

async fn put_in_force(path: &Path, stamp: Stamp, hosts: &watch::Sender<Arc<Hosts>>) {
    if stamp == Stamp::Absent {
        let names = hosts.borrow().len();
        tracing::warn!(path = %path.display(), names, "the hosts file is not there; its last content stays in force");
        return;
    }
    match read(path).await {
        Ok(read) => {
            let differs = |current: &mut Arc<Hosts>| {
                let differs = **current != read;
                if differs {
                    log(path, &read);
                    *current = Arc::new(read);
                }
                differs
            };
            hosts.send_if_modified(differs);
        }
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "the hosts file's last content stays in force");
        }
    }
}

async fn read(path: &Path) -> Result<Hosts, HostsError> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || Hosts::load(&path))
        .await
        .expect("loading does not panic and is not cancelled")
}

/// Says what a hosts file brought: each malformed line with its number, and the sum.
pub(crate) fn log(path: &Path, hosts: &Hosts) {
    for bad in hosts.malformed() {
        tracing::warn!(path = %path.display(), line = bad.line, problem = %bad.problem, "skipped a line of the hosts file");
    }
    let malformed = hosts.malformed_count();
    tracing::info!(path = %path.display(), names = hosts.len(), malformed, "the hosts file is in force");
}
