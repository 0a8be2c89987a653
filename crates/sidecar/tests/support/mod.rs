//! What the tests of this crate share: an environment from a map, a small HTTP peer.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "each test file uses its part"
)]

pub mod http;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use evermesh_sidecar::{Config, Environment, ProcessEnvironment};

/// Variables from a list, files from a directory.
#[derive(Debug, Clone, Default)]
pub struct TestEnvironment {
    pub variables: BTreeMap<String, String>,
    pub directory: PathBuf,
}

impl TestEnvironment {
    /// The two required variables, and `more`, which may replace them.
    pub fn with(more: &[(&str, &str)]) -> Self {
        let required = [
            ("APPMESH_RESOURCE_ARN", "mesh/m/virtualNode/n"),
            ("APPMESH_XDS_ENDPOINT", "127.0.0.1:7071"),
        ];
        let all = required
            .iter()
            .chain(more)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self {
            variables: all.collect(),
            directory: golden_directory(),
        }
    }

    pub fn config(&self) -> Config {
        Config::from_environment(self).unwrap_or_else(|errors| panic!("{errors}"))
    }
}

impl Environment for TestEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        ProcessEnvironment::default().read(&self.directory.join(path))
    }
}

pub fn golden_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}
