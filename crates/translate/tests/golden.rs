//! Views, as the goldens of `graph` have them, and the Envoy resources that each becomes: `<case>.view.yaml` gives
//! `<case>.envoy.yaml` beside it.

use evermesh_graph::view::ProxyView;
use evermesh_testkit::golden::{Case, Golden};
use evermesh_translate::{Placement, render, translate};
use serde_json::Value;

#[test]
fn views_are_translated_into_envoy_resources() {
    Golden::new("../graph/tests/golden", ".view.yaml", ".envoy.yaml")
        .check(|case| render::to_yaml(&translate(&view(case), &Placement::default())));
}

fn view(case: &Case) -> ProxyView {
    let document: Value = serde_saphyr::from_str(&case.text).expect("a golden is YAML");
    serde_json::from_value(document["view"].clone()).expect("a golden has a view")
}
