//! Configurations of the golden directory, shared by the tests that render them and the one that installs them.

use std::path::{Path, PathBuf};

use evermesh_intercept::Config;

/// Every input file of `tests/golden` with the configuration it holds, in the order of their names.
pub(crate) fn golden_configs() -> Vec<(PathBuf, Config)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let configs: Vec<_> = files
        .into_iter()
        .filter_map(|file| read(&file).map(|config| (file, config)))
        .collect();
    assert!(configs.len() >= 6, "the golden directory lost its inputs");
    configs
}

fn read(file: &Path) -> Option<Config> {
    let text = std::fs::read_to_string(file).unwrap();
    match file.extension()?.to_str()? {
        "json" => Some(Config::from_proxy_configuration(&text).unwrap()),
        "env" => Some(env(&text).unwrap()),
        _ => None,
    }
}

/// Reads `NAME=value` lines as an environment.
pub(crate) fn env(text: &str) -> Result<Config, evermesh_intercept::ConfigErrors> {
    Config::from_env(|name| {
        let variables = text.lines().filter_map(|line| line.trim().split_once('='));
        variables
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
            .next()
    })
}
