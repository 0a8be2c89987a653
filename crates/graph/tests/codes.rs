//! Every kind of mistake that can be told is shown by a golden and explained in the documentation.

use std::fs;

use evermesh_testkit::golden::Golden;
use evermesh_testkit::tools::workspace_root;

/// Where the codes are.
const SOURCE: &str = include_str!("../src/report.rs");

#[test]
fn every_code_has_a_golden_and_an_entry_in_the_documentation() {
    let codes: Vec<&str> = SOURCE
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub(crate) const ")?.split('"').nth(1))
        .collect();
    assert!(codes.len() > 10, "only {codes:?} found");

    let page = workspace_root().join("docs/reference/diagnostics.md");
    let page = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let mut shown = Golden::new("tests/golden", ".view.yaml", ".envoy.yaml").cases();
    shown.extend(Golden::new("tests/lint", ".lint.yaml", ".none").cases());
    for code in codes {
        let shown = shown
            .iter()
            .any(|golden| golden.text.contains(&format!("[{code}]")));
        assert!(shown, "no golden shows {code}");
        assert!(
            page.contains(&format!("| `{code}` |")),
            "docs/reference/diagnostics.md does not explain {code}"
        );
    }
}
