//! Where tests find programs: the one place that knows about `.tools/venv`, `PATH` and Cargo's directories.
//!
//! A tool that is missing fails the test, with the command that installs it. Who cannot install it may set
//! `EVERMESH_SKIP_ENVOY=1` (or `_AWS`, `_PYTHON`, ...): the test is then skipped, which is printed even when the
//! test's output is captured, and counted in `target/skipped-tests`, which `make test` reports. In CI (`CI=true`)
//! nothing is skipped.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A program that a test needs and Cargo does not build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Stock Envoy: `ENVOY_PATH`, the tools' environment, or `PATH`.
    Envoy,
    /// The oldest stock Envoy that is still installable as the pinned one is: `ENVOY_OLDEST_PATH`, or the tools'
    /// environment.
    EnvoyOldest,
    /// The AWS CLI: the tools' environment only, for its version decides what it sends.
    Aws,
    /// Python with boto3: the tools' environment only.
    Python,
}

/// The path of a [`Tool`]; returns from the calling test when the tool is missing and may be skipped.
#[macro_export]
macro_rules! need {
    ($tool:expr) => {
        match $crate::tools::find_or_skip($tool) {
            Some(path) => path,
            None => return,
        }
    };
}

impl Tool {
    /// Where the tool is, if it is anywhere.
    #[must_use]
    pub fn find(self) -> Option<PathBuf> {
        let in_tools = |program: &str| executable(environment().join("bin").join(program));
        match self {
            Self::Envoy => match env::var_os("ENVOY_PATH") {
                Some(path) => executable(path.into()),
                None => in_tools("envoy").or_else(|| on_path("envoy")),
            },
            Self::EnvoyOldest => match env::var_os("ENVOY_OLDEST_PATH") {
                Some(path) => executable(path.into()),
                None => in_tools("envoy-oldest"),
            },
            Self::Aws => in_tools("aws"),
            Self::Python => in_tools("python"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Envoy => "ENVOY",
            Self::EnvoyOldest => "ENVOY_OLDEST",
            Self::Aws => "AWS",
            Self::Python => "PYTHON",
        }
    }
}

/// What [`need!`](crate::need) stands on: the tool, or `None` when the test is to be skipped.
///
/// # Panics
/// When the tool is missing and `EVERMESH_SKIP_<TOOL>` does not allow that.
#[track_caller]
#[must_use]
pub fn find_or_skip(tool: Tool) -> Option<PathBuf> {
    let found = tool.find();
    if found.is_none() {
        skip_or_fail(
            tool.name(),
            &format!("no {tool:?} in {}", environment().display()),
            "run `make tools`",
        );
    }
    found
}

/// Counts a skipped test when `EVERMESH_SKIP_<WHAT>=1` allows it. The caller returns from its test afterwards.
///
/// # Panics
/// When it is not allowed, with the `reason` and the `remedy`.
#[track_caller]
pub fn skip_or_fail(what: &str, reason: &str, remedy: &str) {
    let variable = format!("EVERMESH_SKIP_{what}");
    let allowed = env::var(&variable).is_ok_and(|value| value == "1");
    assert!(
        allowed && !in_ci(),
        "{reason}: {remedy} (outside CI, {variable}=1 skips the test)"
    );

    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("SKIPPED {test}: {reason}\n");
    // Not eprintln!, which the test harness would capture.
    let _ = std::io::stderr().write_all(line.as_bytes());
    let count = OpenOptions::new()
        .create(true)
        .append(true)
        .open(target_dir().join("skipped-tests"));
    count
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .expect("target/ is writable");
}

/// Whether this is the full check, which skips nothing and rewrites nothing.
#[must_use]
pub fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false")
}

/// The directory of the workspace's `Cargo.lock`.
///
/// # Panics
/// When not run by Cargo inside the workspace.
#[must_use]
pub fn workspace_root() -> PathBuf {
    let package =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let root = package
        .ancestors()
        .find(|directory| directory.join("Cargo.lock").is_file());
    root.expect("a package of the workspace has Cargo.lock above it")
        .to_owned()
}

/// One of our own programs (`evermesh`, `evermesh-proxy`), built in the profile that this test was built in.
///
/// `EVERMESH_BIN_DIR` names another directory to take them from.
///
/// # Panics
/// When it is not built.
#[track_caller]
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let directories = binary_directories();
    let found = directories
        .iter()
        .find_map(|directory| executable(directory.join(name)));
    found.unwrap_or_else(|| panic!("no {name} in {directories:?}: run `cargo build --bin {name}`"))
}

/// Our own programs' directories, most specific first.
fn binary_directories() -> Vec<PathBuf> {
    if let Some(directory) = env::var_os("EVERMESH_BIN_DIR") {
        return vec![directory.into()];
    }
    // A test is <build directory>/<profile>/deps/<test>. Programs are in <target directory>/<profile>, which is the
    // same unless Cargo's `build.build-dir` says otherwise.
    let test = env::current_exe().expect("a running program has a path");
    let profile_directory = test
        .ancestors()
        .nth(2)
        .expect("Cargo puts tests two directories down");
    let profile = profile_directory.file_name().expect("a profile has a name");
    vec![profile_directory.to_owned(), target_dir().join(profile)]
}

fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace_root().join("target"), PathBuf::from)
}

/// The tools' Python environment: `EVERMESH_TOOLS`, or what `make tools` made.
fn environment() -> PathBuf {
    env::var_os("EVERMESH_TOOLS").map_or_else(|| workspace_root().join(".tools/venv"), PathBuf::from)
}

fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).find_map(|directory| executable(directory.join(program)))
}

fn executable(path: PathBuf) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let is_program = |path: &Path| {
        path.metadata()
            .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    is_program(&path).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_found() {
        assert!(workspace_root().join("crates/testkit/Cargo.toml").is_file());
    }

    #[test]
    fn only_programs_count() {
        assert_eq!(executable("/bin/sh".into()), Some("/bin/sh".into()));
        assert_eq!(executable("/bin".into()), None);
        assert_eq!(executable("/etc/passwd".into()), None);
        assert!(on_path("sh").is_some());
        assert_eq!(on_path("no-such-program"), None);
    }

    #[test]
    #[should_panic(expected = "make tools")]
    fn what_is_missing_fails_with_the_remedy() {
        skip_or_fail("NOTHING_EVER", "no tool", "run `make tools`");
    }

    #[test]
    #[should_panic(expected = "cargo build --bin no-such-program")]
    fn a_program_that_is_not_built_fails_with_the_remedy() {
        let _ = binary("no-such-program");
    }
}
