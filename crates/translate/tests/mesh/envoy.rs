//! A real Envoy as the judge: it loads every golden, and what becomes of random meshes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use evermesh_graph::view::ProxyView;
use evermesh_graph::{Resolved, Resolver};
use evermesh_model::regex;
use evermesh_testkit::envoy::validate;
use evermesh_testkit::golden::Golden;
use evermesh_testkit::need;
use evermesh_testkit::tools::Tool;
use evermesh_translate::{Placement, Resources, translate};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::Value;

use crate::bootstrap::{self, Pem};
use crate::random;

/// Meshes to choose from, the same in every run.
const RANDOM_MESHES: usize = 400;
/// How many proxies with the same kind of mistake in what they are told are shown to Envoy.
const OF_EACH_CODE: usize = 4;
/// The mistakes that would make Envoy refuse a configuration, were they not left out.
const REFUSED_IF_LEFT_IN: [&str; 7] = [
    "host-conflict",
    "match-impossible",
    "port-conflict",
    "target-without-discovery",
    "unsendable-path",
    "weights-sum-to-zero",
    "wildcard-host",
];

#[test]
fn envoy_loads_every_golden() {
    let envoy = need!(Tool::Envoy);
    let pem = Pem::new();
    let mut refused = Vec::new();
    for case in Golden::new("../graph/tests/golden", ".view.yaml", ".envoy.yaml").cases() {
        let document: Value = serde_saphyr::from_str(&case.text).expect("a golden is YAML");
        let view: ProxyView = serde_json::from_value(document["view"].clone()).expect("a golden has a view");
        let resources = translate(&view, &Placement::default());
        refused.extend(verdict(&envoy, &resources, &pem).map(|reason| format!("{}: {reason}", case.name)));
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// A refused configuration is kept for a look at it.
#[test]
fn envoy_loads_what_becomes_of_random_meshes() {
    let envoy = need!(Tool::Envoy);
    let pem = Pem::new();
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
    for _ in 0..RANDOM_MESHES {
        let tree = random::mesh().new_tree(&mut runner);
        let mesh = random::snapshot(&tree.expect("a mesh can be made").current());
        let tree = random::addresses().new_tree(&mut runner);
        let addresses = tree.expect("addresses can be made").current();
        let resolver = Resolver::new(&mesh);
        for (kind, name) in random::proxies(&mesh) {
            let resolved = resolver
                .resolve_with(kind, &name, &addresses)
                .expect("it is in the mesh");
            if !is_new(&resolved, &mut seen) {
                continue;
            }
            let resources = translate(&resolved.view, &Placement::default());
            if let Some(reason) = verdict(&envoy, &resources, &pem) {
                let kept = keep(&bootstrap::with(&resources, &pem));
                panic!("Envoy refuses {}: {reason}\n{:#?}", kept.display(), resolved.view);
            }
        }
    }
    for code in REFUSED_IF_LEFT_IN {
        assert!(seen.contains_key(code), "no random mesh has the mistake {code}");
    }
}

/// Every Envoy compiles the largest program that the API takes, and some Envoy none that is larger.
#[test]
fn envoy_compiles_the_largest_regular_expression() {
    let [envoy, oldest] = [need!(Tool::Envoy), need!(Tool::EnvoyOldest)];
    let largest = format!("(?:{}ab){{1000}}a{{992}}", ".".repeat(58));
    regex::check(&largest).expect("it is not larger than the limit");
    for envoy in [&envoy, &oldest] {
        assert_eq!(validate(envoy, &bootstrap::with_regex(&largest)), Ok(()));
    }

    let larger = largest + "b";
    regex::check(&larger).expect_err("it is larger than the limit");
    let refusal = validate(&oldest, &bootstrap::with_regex(&larger)).expect_err("RE2 has no room for it");
    assert!(refusal.contains("pattern too large"), "{refusal}");
}

/// Whether one of the mistakes, or having none, was not seen often enough yet. Counts what it is shown then.
fn is_new(resolved: &Resolved, seen: &mut BTreeMap<&'static str, usize>) -> bool {
    let mut codes: BTreeSet<&'static str> = resolved.diagnostics.iter().map(|found| found.code).collect();
    if codes.is_empty() {
        codes.insert("none");
    }
    let is_new = codes
        .iter()
        .any(|code| seen.get(code).is_none_or(|count| *count < OF_EACH_CODE));
    if is_new {
        codes
            .into_iter()
            .for_each(|code| *seen.entry(code).or_default() += 1);
    }
    is_new
}

/// Why Envoy refuses resources, if it does.
fn verdict(envoy: &Path, resources: &Resources, pem: &Pem) -> Option<String> {
    validate(envoy, &bootstrap::with(resources, pem)).err()
}

fn keep(bootstrap: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("refused.json");
    fs::write(&path, bootstrap).expect("Cargo's directory for tests is writable");
    path
}
