//! Envoy's runtime settings.

use serde_json::{Value, json};

/// Largest RE2 program that a regular expression of the mesh may compile to. Any limit here would be one that the API
/// does not know, and one refused expression holds up all routes of its port; what remains is RE2's own limit on
/// memory.
const MAX_REGEX_PROGRAM_SIZE: u32 = u32::MAX;

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
