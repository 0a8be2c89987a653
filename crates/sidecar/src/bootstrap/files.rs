//! Lays the user's own pieces over the generated bootstrap.

use serde_json::{Map, Value};

/// `static_resources` and `stats_sinks` are lists to add to; any other section of the file replaces ours.
/// The configuration has refused files whose sections have another shape, or that touch the contract's own.
pub(super) fn merge(bootstrap: &mut Map<String, Value>, file: &Map<String, Value>) {
    for (section, value) in file {
        match (section.as_str(), value) {
            ("static_resources", Value::Object(lists)) => {
                let ours = bootstrap
                    .entry(section)
                    .or_insert_with(|| Value::Object(Map::new()));
                for (kind, resources) in lists {
                    append(&mut ours[kind], resources);
                }
            }
            ("stats_sinks", _) => append(bootstrap.entry(section).or_insert(Value::Null), value),
            _ => {
                bootstrap.insert(section.clone(), value.clone());
            }
        }
    }
}

fn append(list: &mut Value, more: &Value) {
    let mut all = list.take().as_array().cloned().unwrap_or_default();
    all.extend(more.as_array().into_iter().flatten().cloned());
    *list = Value::Array(all);
}
