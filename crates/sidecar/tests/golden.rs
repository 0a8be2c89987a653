//! Environment in, bootstrap out: every `golden/<case>.env` gives `golden/<case>.json`, and every such bootstrap
//! is accepted by a real Envoy.
#![allow(clippy::unwrap_used, reason = "a test's helpers are part of the test")]

mod support;

use std::process::Command;

use evermesh_sidecar::bootstrap::bootstrap;
use evermesh_testkit::golden::{Case, Golden};
use evermesh_testkit::need;
use evermesh_testkit::tools::Tool;

use support::{TestEnvironment, golden_directory};

#[test]
fn bootstraps_are_as_expected() {
    goldens().check(produce);
}

#[test]
fn envoy_accepts_every_bootstrap() {
    let envoy = need!(Tool::Envoy);
    for case in goldens().cases() {
        let answer = Command::new(&envoy)
            .args(["--mode", "validate", "--log-level", "error", "--config-yaml"])
            .arg(produce(&case))
            // Files that a bootstrap names are named from here.
            .current_dir(golden_directory())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&answer.stderr);
        assert!(answer.status.success(), "{} is refused:\n{said}", case.name);
    }
}

fn goldens() -> Golden {
    Golden::new("tests/golden", ".env", ".json")
}

/// The case is lines of `NAME=value`; `#` starts a comment.
fn produce(case: &Case) -> String {
    let lines = case
        .text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let variables = lines.map(|line| line.split_once('=').expect("NAME=value"));
    let environment = TestEnvironment {
        variables: variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        directory: golden_directory(),
    };
    serde_json::to_string_pretty(&bootstrap(&environment.config())).unwrap() + "\n"
}
