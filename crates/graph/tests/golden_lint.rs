//! What is said of a mesh as a whole: `lint/<case>.in.yaml` gives `<case>.lint.yaml`. What is said with a proxy's view is
//! in the goldens of views.

use evermesh_model::{Manifest, Snapshot};
use evermesh_testkit::golden::{Case, Golden};
use serde_json::Value;

#[test]
fn meshes_are_linted() {
    Golden::new("tests/lint", ".in.yaml", ".lint.yaml").check(lines);
}

fn lines(case: &Case) -> String {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&case.text).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let mut snapshot = Snapshot::default();
    for document in &documents {
        let manifest = Manifest::from_value(document, "123456789012");
        let manifest =
            manifest.unwrap_or_else(|violations| panic!("{}: {violations}: {document}", case.name));
        snapshot.put(&manifest.id, manifest.spec);
    }
    let mesh = snapshot.meshes().next().expect("the mesh comes first");
    let found: Vec<String> = evermesh_graph::lint(mesh)
        .iter()
        .map(ToString::to_string)
        .collect();
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(&found, options).expect("lines are YAML")
}
