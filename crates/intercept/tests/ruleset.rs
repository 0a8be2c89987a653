//! Golden files: the settings in `tests/golden/*.{env,json}` give exactly the rules in the `.nft` file beside them.
//! `UPDATE_GOLDEN=1` writes the files anew.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod common;

use evermesh_intercept::Ruleset;

#[test]
fn rulesets_are_as_recorded() {
    for (file, config) in common::golden_configs() {
        let golden = file.with_extension("nft");
        let actual = Ruleset::new(&config).to_string();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &actual).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(
            actual,
            expected,
            "{} (UPDATE_GOLDEN=1 records it)",
            golden.display()
        );
    }
}
