//! The private directory in which supervisor and Envoy exchange files.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use super::read_address;

/// A directory of mode 0700 that is removed with this value. A file rather than `--config-yaml`: a user's tracing
/// section can hold an access token, and arguments are open to every process.
#[derive(Debug)]
pub(super) struct Workspace {
    directory: TempDir,
}

impl Workspace {
    pub(super) fn new(bootstrap: &Value) -> io::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("evermesh-proxy-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()?;
        let workspace = Self { directory };
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(workspace.bootstrap())?;
        file.write_all(bootstrap.to_string().as_bytes())?;
        Ok(workspace)
    }

    /// Envoy tells the format by the name's end.
    pub(super) fn bootstrap(&self) -> PathBuf {
        self.directory.path().join("bootstrap.json")
    }

    pub(super) fn admin_address_file(&self) -> PathBuf {
        self.directory.path().join("admin.address")
    }

    pub(super) fn admin_address(&self) -> Option<SocketAddr> {
        read_address(&self.admin_address_file())
    }

    /// Before a start: the last Envoy's address must not be taken for the next one's.
    pub(super) fn forget_admin_address(&self) -> io::Result<()> {
        match std::fs::remove_file(self.admin_address_file()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
