//! A real Envoy as the judge: it loads every golden, and what becomes of random meshes.

use std::fs;
use std::path::{Path, PathBuf};

use evermesh_graph::resolve;
use evermesh_graph::view::ProxyView;
use evermesh_testkit::envoy::validate;
use evermesh_testkit::golden::Golden;
use evermesh_testkit::need;
use evermesh_testkit::tools::Tool;
use evermesh_translate::{Placement, Resources, translate};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::Value;

use crate::{bootstrap, random};

/// Enough to meet each kind of conflict that the generator aims at, few enough for every run of the tests.
const RANDOM_MESHES: usize = 40;

#[test]
fn envoy_loads_every_golden() {
    let envoy = need!(Tool::Envoy);
    let mut refused = Vec::new();
    for case in Golden::new("../graph/tests/golden", ".view.yaml", ".envoy.yaml").cases() {
        let document: Value = serde_saphyr::from_str(&case.text).expect("a golden is YAML");
        let view: ProxyView = serde_json::from_value(document["view"].clone()).expect("a golden has a view");
        let resources = translate(&view, &Placement::default());
        refused.extend(verdict(&envoy, &resources).map(|reason| format!("{}: {reason}", case.name)));
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// The same meshes in every run. A refused configuration is kept for a look at it.
#[test]
fn envoy_loads_what_becomes_of_random_meshes() {
    let envoy = need!(Tool::Envoy);
    let mut runner = TestRunner::deterministic();
    for _ in 0..RANDOM_MESHES {
        let mesh = random::mesh()
            .new_tree(&mut runner)
            .expect("a mesh can be made")
            .current();
        let snapshot = random::snapshot(&mesh);
        for (kind, name) in random::proxies(&snapshot) {
            let view = resolve(&snapshot, kind, &name).expect("it is in the mesh").view;
            let resources = translate(&view, &Placement::default());
            if let Some(reason) = verdict(&envoy, &resources) {
                let kept = keep(&bootstrap::with(&resources));
                panic!(
                    "Envoy refuses {}: {reason}\nof the mesh {mesh:#?}",
                    kept.display()
                );
            }
        }
    }
}

/// Why Envoy refuses resources, if it does.
fn verdict(envoy: &Path, resources: &Resources) -> Option<String> {
    validate(envoy, &bootstrap::with(resources)).err()
}

fn keep(bootstrap: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("refused.json");
    fs::write(&path, bootstrap).expect("Cargo's directory for tests is writable");
    path
}
