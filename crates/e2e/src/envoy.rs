//! Which Envoy the sidecars of a world run.

use std::path::{Path, PathBuf};
use std::process::Command;

/// An Envoy on this machine.
#[derive(Debug, Clone)]
pub struct Envoy {
    program: PathBuf,
    version: String,
}

impl Envoy {
    /// The Envoy whose program this is.
    ///
    /// # Panics
    /// When it does not say its version.
    pub(crate) fn at(program: PathBuf) -> Self {
        let output = Command::new(&program)
            .arg("--version")
            .output()
            .expect("Envoy can be run");
        let version = parse_version(&String::from_utf8_lossy(&output.stdout));
        let version = version.unwrap_or_else(|| panic!("{} says no version", program.display()));
        Self { program, version }
    }

    /// Its program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Its version, such as `1.40.0`.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// From `envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`.
fn parse_version(text: &str) -> Option<String> {
    let version = text.split("version: ").nth(1)?.split('/').nth(1)?;
    Some(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_between_slashes() {
        let text =
            "\nenvoy  version: 6c72b2179f5a58988b920a55b0be8346de3f7b35/1.36.2/Clean/RELEASE/BoringSSL\n";
        assert_eq!(parse_version(text).as_deref(), Some("1.36.2"));
        assert_eq!(parse_version("envoy"), None);
    }
}
