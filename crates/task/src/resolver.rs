//! The files that decide how a task resolves names, put over the machine's in the task's mount namespace.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount,
};

use crate::error::TaskError;

/// Where the files are kept for the moment until they are in place. Seen by the task's thread alone.
const STAGE: &str = "/tmp";

/// The files of one task.
pub(crate) struct Files {
    pub(crate) task: String,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) nameserver: IpAddr,
}

/// Puts `files` in place for the calling thread's mount namespace, which must be its own.
///
/// They live in a memory file system that is part of no other namespace: nothing is written to the machine's disk,
/// and nothing is left when the namespace goes.
pub(crate) fn install(files: &Files) -> Result<(), TaskError> {
    let stage = PathBuf::from(STAGE);
    let staged = || {
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
        mount(
            "tmpfs",
            STAGE,
            "tmpfs",
            MountFlags::NOSUID | MountFlags::NODEV,
            c"mode=0755,size=256k",
        )
    };
    staged().map_err(|error| TaskError::File {
        path: stage.clone(),
        source: error.into(),
    })?;
    for (path, content) in files.contents() {
        cover(path, &content).map_err(|source| TaskError::File {
            path: path.into(),
            source,
        })?;
    }
    // The files stay where they were bound; only the way to them through the stage goes. Detached, because a process that
    // is being forked elsewhere has whatever was open here at that moment until it executes its program.
    unmount(STAGE, UnmountFlags::DETACH).map_err(|error| TaskError::File {
        path: stage,
        source: error.into(),
    })
}

impl Files {
    fn contents(&self) -> [(&'static str, String); 3] {
        let own: String = self
            .addresses
            .iter()
            .map(|address| format!("{address}\t{}\n", self.task))
            .collect();
        [
            ("/etc/resolv.conf", format!("nameserver {}\n", self.nameserver)),
            (
                "/etc/hosts",
                format!("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n{own}"),
            ),
            // Modules such as `resolve` would ask a daemon of the machine instead of the task's name server.
            (
                "/etc/nsswitch.conf",
                "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n".to_owned(),
            ),
        ]
    }
}

/// Binds a file with `content` over `path`. A missing `path` needs no cover, except the one that names the resolver.
fn cover(path: &str, content: &str) -> io::Result<()> {
    let target = match std::fs::canonicalize(path) {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound && path != "/etc/resolv.conf" => return Ok(()),
        Err(error) => return Err(error),
    };
    let source = Path::new(STAGE).join(path.trim_start_matches('/').replace('/', "-"));
    std::fs::write(&source, content)?;
    Ok(mount_bind(&source, &target)?)
}
