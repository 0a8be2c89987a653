//! The inputs to start from: files in `fuzz/seeds/<target>`, and what targets make of the goldens.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use evermesh_model::Manifest;
use serde_json::Value;

/// An input to start from, and where it is from.
pub type Seed = (String, Vec<u8>);

const OWNER: &str = "123456789012";

/// The directory of a target's kept seeds. What once broke something is kept there too.
pub fn directory(target: &str) -> PathBuf {
    root().join("fuzz/seeds").join(target)
}

pub(crate) fn of(target: &str, derived: Vec<Vec<u8>>) -> Vec<Seed> {
    let kept = files(&directory(target), "").into_iter();
    let kept = kept.map(|path| (path.display().to_string(), fs::read(&path).unwrap_or_default()));
    let derived = (0..)
        .zip(derived)
        .map(|(number, seed)| (format!("derived {number}"), seed));
    kept.chain(derived).collect()
}

/// Words that inputs of a target have: names of members, and short texts. What libFuzzer inserts besides bytes.
pub fn dictionary(seeds: &[Seed]) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for (_, seed) in seeds {
        let text = String::from_utf8_lossy(seed);
        let word = |c: char| c.is_ascii_alphanumeric() || "-_./:*".contains(c);
        let found = text
            .split(|c| !word(c))
            .filter(|word| (3..=40).contains(&word.len()));
        words.extend(found.map(str::to_owned));
    }
    words
}

/// The resources of each golden mesh.
pub(crate) fn meshes() -> Vec<Vec<Manifest>> {
    let documents = |(name, text): (String, String)| {
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        // The first document names the proxy.
        let manifests = documents
            .iter()
            .skip(1)
            .map(|document| Manifest::from_value(document, OWNER));
        manifests
            .map(|manifest| manifest.unwrap_or_else(|error| panic!("{name}: {error}")))
            .collect()
    };
    golden_texts().into_iter().map(documents).collect()
}

/// The text of each golden mesh, by name.
pub(crate) fn golden_texts() -> Vec<(String, String)> {
    let found = files(&root().join("crates/graph/tests/golden"), ".in.yaml");
    assert!(!found.is_empty(), "there are no goldens");
    let read = |path: &PathBuf| {
        (
            path.display().to_string(),
            fs::read_to_string(path).unwrap_or_default(),
        )
    };
    found.iter().map(read).collect()
}

fn files(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let paths = entries.map(|entry| entry.expect("a directory can be read").path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.is_file() && path.to_string_lossy().ends_with(ending))
        .collect();
    paths.sort();
    paths
}

fn root() -> &'static Path {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("this crate is in crates/ of the workspace")
}
