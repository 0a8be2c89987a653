//! The rules of the source that no compiler checks: what every file has, and which crate may name which.

#![allow(
    clippy::unwrap_used,
    reason = "in a test an unwrap is an assertion, in its helpers too"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use evermesh_testkit::tools::workspace_root;

const MAX_LINES: usize = 700;

/// Which crates of the workspace a crate may name, in its code and, on top of that, in its tests; and why so.
/// Every crate may use `testkit` in its tests, and itself (with the features that its tests need).
struct Layer {
    name: &'static str,
    code: &'static [&'static str],
    tests: &'static [&'static str],
    #[expect(dead_code, reason = "for the reader who is about to change a line")]
    why: &'static str,
}

const fn layer(
    name: &'static str,
    code: &'static [&'static str],
    tests: &'static [&'static str],
    why: &'static str,
) -> Layer {
    Layer {
        name,
        code,
        tests,
        why,
    }
}

const LAYERS: &[Layer] = &[
    layer("shape-derive", &[], &["model"], "a macro knows no types"),
    layer(
        "model",
        &["shape-derive"],
        &[],
        "the vocabulary that all share depends on nothing",
    ),
    layer(
        "histogram",
        &[],
        &[],
        "how long something took, whatever it was and whoever shows it",
    ),
    layer("store", &[], &[], "durable storage knows no App Mesh rules"),
    layer(
        "service",
        &["model", "store"],
        &[],
        "the one place where App Mesh semantics meet storage",
    ),
    layer(
        "sigv4",
        &[],
        &[],
        "what signers and verifiers have in common, whatever is signed",
    ),
    layer(
        "aws-api",
        &["histogram", "model", "service", "sigv4"],
        &["store"],
        "wire protocols reach storage only through the service",
    ),
    layer(
        "client",
        &["model", "sigv4"],
        &[],
        "a user of the API from outside, as remote as any other",
    ),
    layer(
        "discovery",
        &[],
        &[],
        "names and endpoints know neither meshes nor Envoy",
    ),
    layer(
        "certificates",
        &[],
        &[],
        "what is in PEM files, wherever they are and whatever they are for",
    ),
    layer("graph", &["model"], &[], "pure: resources in, resolved view out"),
    layer(
        "translate",
        &["graph"],
        &["model"],
        "pure constructors: decisions were made in graph",
    ),
    layer(
        "xds-server",
        &["histogram"],
        &[],
        "serves resources by name and version, whatever they mean",
    ),
    layer("sidecar", &[], &[], "the data plane knows its environment only"),
    layer(
        "intercept",
        &[],
        &[],
        "packet redirection knows ports and users only",
    ),
    layer(
        "task",
        &["intercept"],
        &[],
        "a task is a namespace with interception, whatever runs in it",
    ),
    layer(
        "control-plane",
        &[
            "aws-api",
            "certificates",
            "discovery",
            "graph",
            "histogram",
            "model",
            "service",
            "store",
            "translate",
            "xds-server",
        ],
        &["shape-derive"],
        "where the control plane's parts are wired; the data plane's parts and the programs are not its business",
    ),
    layer(
        "demo",
        &["control-plane", "intercept", "model", "service", "task"],
        &[],
        "a user of the control plane's front door, not of what is behind it",
    ),
    layer(
        "e2e",
        &["task", "testkit"],
        &[],
        "end-to-end tests drive programs from outside, as users do",
    ),
    layer(
        "bench",
        &[],
        &[],
        "benchmarks start the released programs and link nothing of what they measure",
    ),
    layer(
        "fuzz",
        &[
            "aws-api",
            "certificates",
            "client",
            "control-plane",
            "discovery",
            "graph",
            "model",
            "service",
            "sigv4",
            "store",
            "translate",
            "xds-server",
        ],
        &[],
        "whatever reads bytes from outside is fuzzed; nothing names the targets",
    ),
    layer(
        "proxy-bin",
        &["intercept", "sidecar"],
        &[],
        "the data plane stays small: no control plane in it",
    ),
    layer(
        "testkit",
        &[],
        &[],
        "whatever it named would see two copies of itself in its own unit tests",
    ),
];

/// May name every crate but these.
const WIRING: (&str, &[&str]) = ("cli", &["fuzz", "proxy-bin", "testkit"]);

#[test]
fn crates_name_only_the_crates_below_them() {
    let mut problems = Vec::new();
    for (name, manifest) in manifests() {
        let code = own_dependencies(&manifest, &["dependencies", "build-dependencies"]);
        let tests = own_dependencies(&manifest, &["dev-dependencies"]);
        if name == WIRING.0 {
            problems.extend(
                code.iter()
                    .filter(|used| WIRING.1.contains(&used.as_str()))
                    .map(|used| format!("{name} names {used}")),
            );
            continue;
        }
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
            problems.push(format!(
                "{name} has no line in LAYERS: add one, with the reason for what it may name"
            ));
            continue;
        };
        let in_code = code.iter().filter(|used| !layer.code.contains(&used.as_str()));
        problems.extend(in_code.map(|used| format!("{name} must not name {used}")));
        let allowed = |used: &str| {
            used == "testkit"
                || used == layer.name
                || layer.code.contains(&used)
                || layer.tests.contains(&used)
        };
        let in_tests = tests.iter().filter(|used| !allowed(used));
        problems.extend(in_tests.map(|used| format!("{name}'s tests must not name {used}")));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_layers_are_of_this_workspace_and_have_no_circle() {
    let names: BTreeSet<_> = manifests().into_keys().collect();
    let mut below = BTreeSet::new();
    let mut rest: Vec<_> = LAYERS.iter().collect();
    while !rest.is_empty() {
        let is_ready = |layer: &&Layer| layer.code.iter().all(|used| below.contains(used));
        let (ready, later): (Vec<&Layer>, Vec<&Layer>) = rest.into_iter().partition(is_ready);
        let stuck: Vec<_> = later.iter().map(|layer| layer.name).collect();
        assert!(
            !ready.is_empty(),
            "a circle, or a crate that does not exist, among {stuck:?}"
        );
        below.extend(ready.iter().map(|layer| layer.name));
        rest = later;
    }
    let gone: Vec<_> = below.iter().filter(|name| !names.contains(**name)).collect();
    assert!(gone.is_empty(), "LAYERS has crates that do not exist: {gone:?}");
}

#[test]
fn every_source_file_says_what_it_is_for_and_has_a_bounded_length() {
    let mut problems = Vec::new();
    let sources = ["crates", "fuzz"].into_iter().flat_map(|directory| {
        files_under(&workspace_root().join(directory), &|path| {
            path.extension().is_some_and(|ext| ext == "rs")
        })
    });
    let sources: Vec<_> = sources.collect();
    assert!(sources.len() > 20, "only {} source files found", sources.len());
    for path in sources {
        let text = fs::read_to_string(&path).unwrap();
        let shown = path.strip_prefix(workspace_root()).unwrap().display().to_string();
        if !text.starts_with("//! ") {
            problems.push(format!("{shown} does not open with `//!` and what it is for"));
        }
        let lines = text.lines().count();
        if lines > MAX_LINES {
            problems.push(format!(
                "{shown} has {lines} lines, more than {MAX_LINES}: split it by concern"
            ));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// `fuzz/` is a workspace of its own with a lock file of its own, which nothing else keeps up with the first.
#[test]
fn what_is_fuzzed_is_what_is_released() {
    let (released, fuzzed) = (locked("Cargo.lock"), locked("fuzz/Cargo.lock"));
    let only_there = ["evermesh-fuzz-targets", "libfuzzer-sys", "arbitrary", "jobserver"];
    let other_versions = fuzzed
        .keys()
        .filter(|package| !only_there.contains(&package.0.as_str()) && !released.contains_key(*package));
    let mut differing: Vec<String> = other_versions.map(|package| format!("{package:?}")).collect();
    for (name, manifest) in manifests() {
        let used = fuzzed
            .iter()
            .find(|(package, _)| package.0 == format!("evermesh-{name}"));
        let needs = needed(&manifest);
        differing.extend(used.filter(|(_, used)| **used != needs).map(|_| name));
    }
    assert!(
        differing.is_empty(),
        "run `make lock-fuzz`: fuzz/Cargo.lock differs in {differing:?}"
    );
}

#[test]
fn nothing_is_left_to_do_or_tied_to_the_machine_it_was_written_on() {
    // In two parts, so that this file does not contain them.
    let forbidden = [
        concat!("to", "do!("),
        concat!("unimpl", "emented!("),
        concat!("../", "shared"),
        concat!("/wo", "rk/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("/ro", "ot/."),
        concat!("/tmp/tar", "get"),
    ];
    let mut problems = Vec::new();
    for path in files_under(&workspace_root(), &|_| true) {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        }; // not text
        let shown = path.strip_prefix(workspace_root()).unwrap().display().to_string();
        for (number, line) in (1..).zip(text.lines()) {
            let found = forbidden.iter().filter(|part| line.contains(**part));
            problems.extend(found.map(|part| format!("{shown}:{number} has {part}")));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The packages of a lock file, by name and version, with the names of what they depend on.
fn locked(path: &str) -> BTreeMap<(String, String), BTreeSet<String>> {
    let text = fs::read_to_string(workspace_root().join(path)).unwrap();
    let lock = text.parse::<toml::Table>().unwrap();
    let text = |value: &toml::Value| value.as_str().unwrap().to_owned();
    let name = |value: &toml::Value| text(value).split(' ').next().unwrap().to_owned();
    let packages = lock["package"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let dependencies = package.get("dependencies").and_then(toml::Value::as_array);
            let dependencies = dependencies.into_iter().flatten().map(name).collect();
            ((text(&package["name"]), text(&package["version"])), dependencies)
        })
        .collect()
}

/// What a crate depends on to be built, features apart.
fn needed(manifest: &toml::Table) -> BTreeSet<String> {
    let is_optional =
        |value: &toml::Value| value.get("optional").and_then(toml::Value::as_bool) == Some(true);
    dependency_tables(manifest, &["dependencies", "build-dependencies"])
        .into_iter()
        .flatten()
        .filter(|(_, value)| !is_optional(value))
        .map(|(name, _)| name.clone())
        .collect()
}

/// The manifests of all crates by the crates' names without the common prefix.
fn manifests() -> BTreeMap<String, toml::Table> {
    let is_manifest = |path: &Path| path.file_name().is_some_and(|name| name == "Cargo.toml");
    let paths = files_under(&workspace_root().join("crates"), &is_manifest);
    let read = |path: &PathBuf| fs::read_to_string(path).unwrap().parse::<toml::Table>().unwrap();
    let name = |manifest: &toml::Table| manifest["package"]["name"].as_str().unwrap().to_owned();
    paths
        .iter()
        .map(read)
        .map(|manifest| (unprefixed(&name(&manifest)).unwrap(), manifest))
        .collect()
}

/// The crates of this workspace in these sections, for any target.
fn own_dependencies(manifest: &toml::Table, sections: &[&str]) -> BTreeSet<String> {
    let names = dependency_tables(manifest, sections)
        .into_iter()
        .flat_map(toml::Table::keys);
    names.filter_map(|name| unprefixed(name)).collect()
}

/// These sections of a manifest, for any target.
fn dependency_tables<'m>(manifest: &'m toml::Table, sections: &[&str]) -> Vec<&'m toml::Table> {
    let targets = manifest
        .get("target")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flatten();
    let tables = targets
        .filter_map(|(_, target)| target.as_table())
        .chain([manifest]);
    let sections_of = |table: &'m toml::Table| {
        let found = sections
            .iter()
            .filter_map(|section| table.get(*section)?.as_table());
        found.collect::<Vec<_>>()
    };
    tables.flat_map(sections_of).collect()
}

fn unprefixed(package: &str) -> Option<String> {
    package.strip_prefix("evermesh-").map(str::to_owned)
}

/// All files below a directory that are part of the project, in order.
fn files_under(directory: &Path, wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    const NOT_OURS: [&str; 5] = [".git", ".tools", "target", "evermesh-data", "node_modules"];
    let mut found = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap())
        .collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        // In a further work tree of a repository, .git is a file.
        if NOT_OURS.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if kind.is_dir() {
            found.extend(files_under(&path, wanted));
        } else if kind.is_file() && wanted(&path) {
            found.push(path);
        }
    }
    found
}
