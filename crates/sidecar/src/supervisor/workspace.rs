//! The private directory in which supervisor and Envoy exchange files.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::geteuid;
use serde_json::Value;
use tempfile::TempDir;

use super::read_address;

const PREFIX: &str = "evermesh-proxy-";
/// Envoy tells the format by the name's end.
const BOOTSTRAP: &str = "bootstrap.json";

/// A directory of mode 0700 that is removed with this value. A file rather than `--config-yaml`: a user's tracing
/// section can hold an access token, and arguments are open to every process.
///
/// A supervisor that is killed cannot remove it; the next one of the same user does. It knows by the lock, which the
/// kernel lets go of with the process.
#[derive(Debug)]
pub(super) struct Workspace {
    directory: TempDir,
    /// On the directory, from before there is a bootstrap in it. After the directory, so that it is dropped after it.
    _lock: File,
}

impl Workspace {
    pub(super) fn new(bootstrap: &Value) -> io::Result<Self> {
        remove_abandoned(&std::env::temp_dir());
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(0o700))
            .tempdir()?;
        let lock = File::open(directory.path())?;
        // On a file system without locks nobody gets one, so nothing is taken for abandoned.
        let _ = lock.lock();
        let workspace = Self {
            directory,
            _lock: lock,
        };
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(workspace.bootstrap())?;
        file.write_all(bootstrap.to_string().as_bytes())?;
        Ok(workspace)
    }

    pub(super) fn bootstrap(&self) -> PathBuf {
        self.directory.path().join(BOOTSTRAP)
    }

    pub(super) fn admin_address_file(&self) -> PathBuf {
        self.directory.path().join("admin.address")
    }

    pub(super) fn admin_address(&self) -> Option<SocketAddr> {
        read_address(&self.admin_address_file())
    }

    /// Before a start: the last Envoy's address must not be taken for the next one's.
    pub(super) fn forget_admin_address(&self) -> io::Result<()> {
        match fs::remove_file(self.admin_address_file()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Removes what killed supervisors left in `parent`. Whatever stands in the way of that is no reason not to start.
fn remove_abandoned(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(PREFIX.as_bytes())
        {
            let _ = remove_if_abandoned(&entry.path());
        }
    }
}

/// One that has no bootstrap yet is of a supervisor that is about to lock it.
fn remove_if_abandoned(directory: &Path) -> io::Result<()> {
    let lock = OpenOptions::new()
        .read(true)
        .custom_flags((OFlags::DIRECTORY | OFlags::NOFOLLOW).bits().cast_signed())
        .open(directory)?;
    let is_ours = lock.metadata()?.uid() == geteuid().as_raw();
    if is_ours && lock.try_lock().is_ok() && directory.join(BOOTSTRAP).exists() {
        fs::remove_dir_all(directory)?;
    }
    Ok(())
}
