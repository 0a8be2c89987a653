//! Where variables and the files they name are read from: the process, or a map in tests.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Largest file a variable may name, in bytes. A bootstrap fragment is a few kilobytes; a path that turns out to
/// be a log or a device must not fill the memory.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// The outside world as the configuration sees it.
pub trait Environment {
    /// The variable's value; `None` when it is not set.
    fn var(&self, name: &str) -> Option<String>;

    /// The content of a file that a variable names.
    ///
    /// # Errors
    /// Whatever reading gives; `InvalidInput` when it is no regular file, `FileTooLarge` above [`MAX_FILE_BYTES`].
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// The environment of this process, with command-line flags laid over it.
#[derive(Debug, Default)]
pub struct ProcessEnvironment {
    flags: BTreeMap<&'static str, String>,
}

impl ProcessEnvironment {
    /// Makes `value` win over the process's own value of `variable`; `None` changes nothing.
    #[must_use]
    pub fn with_flag(mut self, variable: &'static str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.flags.insert(variable, value.to_string());
        }
        self
    }
}

impl Environment for ProcessEnvironment {
    /// A value that is not UTF-8 comes back with replacement characters, which no parser accepts where it matters.
    fn var(&self, name: &str) -> Option<String> {
        self.flags
            .get(name)
            .cloned()
            .or_else(|| std::env::var_os(OsStr::new(name)).map(|value| value.to_string_lossy().into_owned()))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        // Asked before opening: opening a FIFO would wait for its writer.
        if !path.metadata()?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a regular file",
            ));
        }
        let mut content = Vec::new();
        File::open(path)?
            .take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut content)?;
        if content.len() as u64 > MAX_FILE_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "it has more than 1 MiB",
            ));
        }
        Ok(content)
    }
}
