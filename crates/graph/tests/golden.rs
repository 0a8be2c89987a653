//! Meshes as their users write them, and what each makes of one proxy: `golden/<case>.in.yaml` gives
//! `<case>.view.yaml`. The tests of `translate` go on from the views.
//!
//! The first document of an input names the proxy as the proxy itself does, and what addresses of names are known; the others are resources, each as the AWS CLI takes it.

use evermesh_graph::{Resolved, Resolver, supplied::NamedAddresses, view::ProxyView};
use evermesh_model::arn::parse_node_id;
use evermesh_model::{Manifest, Snapshot};
use evermesh_testkit::golden::{Case, Golden};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const OWNER: &str = "123456789012";

#[test]
fn meshes_are_resolved_into_views() {
    Golden::new("tests/golden", ".in.yaml", ".view.yaml").check(|case| {
        let text = output(case);
        let read: Output = serde_saphyr::from_str(&text).expect("a view is read as it was written");
        assert_eq!(read.view, resolved(case).view, "{}", case.name);
        text
    });
}

/// What is kept of a [`Resolved`].
#[derive(Serialize, Deserialize)]
struct Output {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    diagnostics: Vec<String>,
    view: ProxyView,
}

fn output(case: &Case) -> String {
    let Resolved { view, diagnostics } = resolved(case);
    let diagnostics = diagnostics.iter().map(ToString::to_string).collect();
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(&Output { diagnostics, view }, options).expect("a view is YAML")
}

fn resolved(case: &Case) -> Resolved {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&case.text).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let (head, manifests) = documents
        .split_first()
        .expect("the first document names the proxy");
    let mut snapshot = Snapshot::default();
    for document in manifests {
        let manifest = Manifest::from_value(document, OWNER);
        let Manifest { id, spec, .. } =
            manifest.unwrap_or_else(|violations| panic!("{}: {violations}: {document}", case.name));
        snapshot.put(&id, spec);
    }
    let proxy = head["proxy"]
        .as_str()
        .expect("the first document names the proxy");
    let proxy = parse_node_id(proxy, OWNER).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let mesh = snapshot.mesh(proxy.mesh()).expect("the mesh comes first");
    let addresses: Option<NamedAddresses> =
        serde_json::from_value(head["addresses"].clone()).expect("addresses by name");
    let addresses = addresses.unwrap_or_default();
    let resolver = Resolver::new(mesh);
    let resolved = resolver.resolve_with(proxy.kind(), proxy.name(), &addresses);
    resolved.expect("the proxy's resource is among the documents")
}
