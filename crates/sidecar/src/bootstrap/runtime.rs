//! Envoy's runtime settings.

use serde_json::{Value, json};

/// Largest RE2 program that a regular expression of the mesh may compile to. Envoy's own 100 refuses expressions
/// that App Mesh took (a character class with a repeat count is enough).
const MAX_REGEX_PROGRAM_SIZE: u32 = 1000;

/// One fixed layer, and one on top that the admin interface can change.
pub(super) fn layers() -> Value {
    json!({
        "layers": [
            {
                "name": "static_layer_0",
                "static_layer": { "re2.max_program_size.error_level": MAX_REGEX_PROGRAM_SIZE },
            },
            { "name": "admin_layer", "admin_layer": {} },
        ],
    })
}
