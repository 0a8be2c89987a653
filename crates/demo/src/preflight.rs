//! What must be there before anything is started: all that is missing is found at once, and nothing is changed.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use evermesh_task::support::{self, Privilege, Reason};

use crate::DemoOptions;
use crate::error::Chain;

/// The programs that the demonstration runs.
#[derive(Debug)]
pub(crate) struct Programs {
    /// This program, for the children.
    pub(crate) own: PathBuf,
    /// `evermesh-proxy`.
    pub(crate) proxy: PathBuf,
    /// Envoy, as `evermesh-proxy` finds it.
    pub(crate) envoy: PathBuf,
}

/// Everything that is missing, shown one per line with what to do.
#[derive(Debug)]
pub struct Problems(pub Vec<Problem>);

/// Something that is missing.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Tasks cannot be made here.
    #[error(transparent)]
    Tasks(Reason),
    /// This program cannot find itself.
    #[error("cannot find the path of this program")]
    OwnPath(#[source] io::Error),
    /// There is no `evermesh-proxy`.
    #[error("cannot run {}: build it with `make build`, or name it with --proxy", path.display())]
    Proxy {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// `evermesh-proxy` finds no Envoy; its own words.
    #[error("{0}")]
    Envoy(String),
}

const PROXY: &str = "evermesh-proxy";

/// Finds how tasks can be made, and the programs.
///
/// # Errors
/// All that is missing.
pub(crate) fn check(options: &DemoOptions) -> Result<(Privilege, Programs), Problems> {
    let privilege = support::check().map_err(|unsupported| wrap(unsupported.0, Problem::Tasks));
    let programs = find_programs(options).map_err(|problem| vec![problem]);
    match (privilege, programs) {
        (Ok(privilege), Ok(programs)) => Ok((privilege, programs)),
        (privilege, programs) => {
            let problems = privilege.err().into_iter().chain(programs.err());
            Err(Problems(problems.flatten().collect()))
        }
    }
}

fn wrap<T, U>(all: Vec<T>, wrap: impl Fn(T) -> U) -> Vec<U> {
    all.into_iter().map(wrap).collect()
}

fn find_programs(options: &DemoOptions) -> Result<Programs, Problem> {
    let own = std::env::current_exe().map_err(Problem::OwnPath)?;
    let named = options.proxy_binary.clone();
    let proxy = named.unwrap_or_else(|| own.with_file_name(PROXY));
    let proxy = proxy
        .canonicalize()
        .map_err(|source| Problem::Proxy { path: proxy, source })?;
    let envoy = find_envoy(&proxy, options.envoy_path.as_deref())?;
    Ok(Programs { own, proxy, envoy })
}

/// Asks `evermesh-proxy`, so that there is one rule where Envoy is looked for.
fn find_envoy(proxy: &Path, named: Option<&Path>) -> Result<PathBuf, Problem> {
    let mut command = Command::new(proxy);
    command
        .args(["run", "--engine", "envoy", "--print-envoy-path"])
        .stdin(Stdio::null());
    if let Some(named) = named {
        command.arg("--envoy-path").arg(named);
    }
    let cannot_run = |source| Problem::Proxy {
        path: proxy.to_owned(),
        source,
    };
    let output = command.output().map_err(cannot_run)?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if !output.status.success() {
        return Err(Problem::Envoy(said(&output.stderr)));
    }
    PathBuf::from(said(&output.stdout))
        .canonicalize()
        .map_err(cannot_run)
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it cannot run here:")?;
        self.0
            .iter()
            .try_for_each(|problem| write!(f, "\n- {}", Chain(problem)))
    }
}

/// The causes are in the list.
impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_missing_is_in_the_list() {
        let problems = Problems(vec![
            Problem::Tasks(Reason::MissingTool {
                tool: "nft",
                package: "nftables",
            }),
            Problem::Proxy {
                path: "/nowhere/evermesh-proxy".into(),
                source: io::ErrorKind::NotFound.into(),
            },
        ]);
        assert_eq!(
            problems.to_string(),
            "it cannot run here:\n\
             - the nft command is missing: install it (Debian package nftables)\n\
             - cannot run /nowhere/evermesh-proxy: build it with `make build`, or name it with --proxy: entity not found"
        );
    }

    #[test]
    fn the_proxys_own_words_about_envoy_are_passed_on() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let proxy = directory.path().join("proxy");
        let script = "#!/bin/sh\necho \"evermesh-proxy: no Envoy for: $*\" >&2\nexit 127\n";
        std::fs::write(&proxy, script).unwrap();
        std::fs::set_permissions(&proxy, std::fs::Permissions::from_mode(0o755)).unwrap();
        let problem = find_envoy(&proxy, Some(Path::new("/x"))).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "evermesh-proxy: no Envoy for: run --engine envoy --print-envoy-path --envoy-path /x"
        );
    }
}
