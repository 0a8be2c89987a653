//! A step as a unified diff of what is written down before and after.

use std::fmt::Write;

use evermesh_client::{Action, Step, to_yaml};
use evermesh_model::Manifest;
use similar::TextDiff;

/// Stands for what does not exist, as in `diff -N`.
const NOTHING: &str = "/dev/null";

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const CYAN: &str = "\x1b[36m";
const PLAIN: &str = "\x1b[0m";

/// What a step changes; empty when that is nothing.
pub(super) fn diff(step: &Step, account: &str, colour: bool) -> String {
    if step.action() == Action::Unchanged {
        return String::new();
    }
    let written = |manifest: Option<&Manifest>| {
        manifest.map_or_else(String::new, |manifest| to_yaml(&manifest.to_value(account)))
    };
    let before = step.before.as_ref().map(evermesh_client::Held::manifest);
    let name = step.id.to_string();
    let label = |exists: bool| if exists { name.as_str() } else { NOTHING };
    let (old, new) = (written(before.as_ref()), written(step.after.as_ref()));
    let plain = TextDiff::from_lines(&old, &new)
        .unified_diff()
        .context_radius(3)
        .header(label(before.is_some()), label(step.after.is_some()))
        .to_string();
    if colour { coloured(&plain) } else { plain }
}

fn coloured(diff: &str) -> String {
    let mut text = String::new();
    for (number, line) in diff.lines().enumerate() {
        let colour = match line.as_bytes().first() {
            // The header: only there do three signs not mean a changed line.
            _ if number < 2 => BOLD,
            Some(b'+') => GREEN,
            Some(b'-') => RED,
            Some(b'@') => CYAN,
            _ => "",
        };
        let end = if colour.is_empty() { "" } else { PLAIN };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{colour}{line}{end}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn creation() -> Step {
        let manifest = Manifest::from_value(&json!({"meshName": "m"}), "123456789012").unwrap();
        Step {
            id: manifest.id.clone(),
            before: None,
            after: Some(manifest),
        }
    }

    #[test]
    fn what_is_new_is_added_to_nothing() {
        assert_eq!(
            diff(&creation(), "123456789012", false),
            "--- /dev/null\n+++ mesh/m\n@@ -0,0 +1,2 @@\n+meshName: m\n+spec: {}\n"
        );
    }

    #[test]
    fn colours_only_wrap_lines() {
        let plain = diff(&creation(), "123456789012", false);
        let coloured = diff(&creation(), "123456789012", true);
        assert!(coloured.contains("\x1b[32m+spec: {}\x1b[0m\n"), "{coloured:?}");
        let mut stripped = coloured;
        for code in [BOLD, RED, GREEN, CYAN, PLAIN] {
            stripped = stripped.replace(code, "");
        }
        assert_eq!(stripped, plain);
    }
}
