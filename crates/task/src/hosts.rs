//! A hosts file that a DNS server reads, rewritten as a whole so that no reader ever sees half of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Names with their addresses, and the file in hosts format that always has all of them.
#[derive(Debug)]
pub struct Hosts {
    path: PathBuf,
    names: BTreeMap<String, BTreeSet<IpAddr>>,
}

/// Why a hosts file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum HostsError {
    /// The name would break the file's format.
    #[error("{0:?} is not a host name: 1 to 253 letters, digits, dots, hyphens and underscores")]
    Name(String),
    /// The file could not be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Hosts {
    /// Starts with an empty file at `path`.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, HostsError> {
        let hosts = Self {
            path: path.into(),
            names: BTreeMap::new(),
        };
        hosts.write()?;
        Ok(hosts)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives `name` exactly these addresses and writes the file; no address removes the name.
    pub fn set(&mut self, name: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Result<(), HostsError> {
        check_name(name)?;
        let addresses: BTreeSet<IpAddr> = addresses.into_iter().collect();
        if addresses.is_empty() {
            self.names.remove(name);
        } else {
            self.names.insert(name.to_owned(), addresses);
        }
        self.write()
    }

    fn write(&self) -> Result<(), HostsError> {
        let new = self.path.with_extension("new");
        let text: String = self.lines().collect();
        std::fs::write(&new, text)
            .and_then(|()| std::fs::rename(&new, &self.path))
            .map_err(|source| HostsError::Write {
                path: self.path.clone(),
                source,
            })
    }

    fn lines(&self) -> impl Iterator<Item = String> {
        let pairs = self
            .names
            .iter()
            .flat_map(|(name, addresses)| addresses.iter().map(move |address| (address, name)));
        pairs.map(|(address, name)| format!("{address}\t{name}\n"))
    }
}

fn check_name(name: &str) -> Result<(), HostsError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if (1..=253).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(())
    } else {
        Err(HostsError::Name(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_every_name_after_every_change() {
        let directory = tempfile::tempdir().unwrap();
        let mut hosts = Hosts::create(directory.path().join("hosts")).unwrap();
        let read = |hosts: &Hosts| std::fs::read_to_string(hosts.path()).unwrap();
        assert_eq!(read(&hosts), "");
        hosts
            .set(
                "svc1.pgMesh.local",
                ["fd74::2".parse().unwrap(), "10.74.0.2".parse().unwrap()],
            )
            .unwrap();
        hosts.set("a.local", ["10.10.10.10".parse().unwrap()]).unwrap();
        let both = "10.10.10.10\ta.local\n10.74.0.2\tsvc1.pgMesh.local\nfd74::2\tsvc1.pgMesh.local\n";
        assert_eq!(read(&hosts), both);
        hosts.set("svc1.pgMesh.local", []).unwrap();
        assert_eq!(read(&hosts), "10.10.10.10\ta.local\n");
        assert_eq!(
            std::fs::read_dir(directory.path()).unwrap().count(),
            1,
            "no temporary file is left"
        );
    }

    #[test]
    fn a_name_cannot_break_the_format() {
        let directory = tempfile::tempdir().unwrap();
        let mut hosts = Hosts::create(directory.path().join("hosts")).unwrap();
        for name in ["", "a b", "a\n1.2.3.4 b", "#", &"a".repeat(254)] {
            assert!(
                matches!(
                    hosts.set(name, ["::1".parse().unwrap()]),
                    Err(HostsError::Name(_))
                ),
                "{name:?}"
            );
        }
        assert_eq!(std::fs::read_to_string(hosts.path()).unwrap(), "");
    }
}
