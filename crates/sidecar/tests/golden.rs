//! Environment in, bootstrap out: every `golden/<case>.env` gives `golden/<case>.json`, and every such bootstrap
//! is accepted by a real Envoy. `UPDATE_GOLDEN=1` rewrites the expected files.
#![allow(clippy::unwrap_used, reason = "a test's helpers are part of the test")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use evermesh_sidecar::bootstrap::bootstrap;
use serde_json::Value;
use similar::TextDiff;

use support::{TestEnvironment, envoy_binary, golden_directory};

#[test]
fn bootstraps_are_as_expected() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut differences = String::new();
    for case in cases() {
        let expected_file = case.with_extension("json");
        let produced = bootstrap(&environment(&case).config());
        if update {
            fs::write(&expected_file, pretty(&produced)).unwrap();
            continue;
        }
        let expected = fs::read_to_string(&expected_file).unwrap_or_default();
        // Compared as values: the order of keys means nothing.
        if serde_json::from_str::<Value>(&expected).ok().as_ref() != Some(&produced) {
            let produced = pretty(&produced);
            let diff = TextDiff::from_lines(&expected, &produced);
            let name = case.display().to_string();
            differences += &diff.unified_diff().header(&name, "produced").to_string();
        }
    }
    assert!(
        differences.is_empty(),
        "UPDATE_GOLDEN=1 accepts these:\n{differences}"
    );
}

#[test]
fn envoy_accepts_every_expected_bootstrap() {
    let Some(envoy) = envoy_binary() else { return };
    for case in cases() {
        let answer = Command::new(&envoy)
            .args(["--mode", "validate", "--log-level", "error", "--config-yaml"])
            .arg(bootstrap(&environment(&case).config()).to_string())
            .current_dir(golden_directory())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&answer.stderr);
        assert!(answer.status.success(), "{} is refused:\n{said}", case.display());
    }
}

fn cases() -> Vec<PathBuf> {
    let files = fs::read_dir(golden_directory())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = files
        .filter(|file| file.extension().is_some_and(|end| end == "env"))
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "there are no golden cases");
    cases
}

/// Lines of `NAME=value`; `#` starts a comment.
fn environment(case: &Path) -> TestEnvironment {
    let text = fs::read_to_string(case).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let variables = lines.map(|line| line.split_once('=').expect("NAME=value"));
    TestEnvironment {
        variables: variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        directory: golden_directory(),
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}
