//! A bootstrap that has resources in it rather than wait for them, for `envoy --mode validate`.

use evermesh_translate::{Resources, render};
use serde_json::{Value, json};

/// Everything in one file: route configurations are where listeners refer to them, so that Envoy looks at those too.
/// Regular expressions may be as large as the sidecar's own bootstrap lets them be.
pub(crate) fn with(resources: &Resources) -> String {
    let resources = render::to_value(resources);
    let mut listeners = resources["listeners"].clone();
    inline(&mut listeners, &resources["routes"]);
    let runtime = json!({ "re2.max_program_size.error_level": 1000 });
    let bootstrap = json!({
        "node": { "id": "test", "cluster": "test" },
        "layered_runtime": { "layers": [{ "name": "static", "static_layer": runtime }] },
        "static_resources": { "clusters": resources["clusters"], "listeners": listeners },
    });
    bootstrap.to_string()
}

/// Puts route configurations in the place of references to them.
fn inline(value: &mut Value, routes: &Value) {
    match value {
        Value::Object(object) => {
            if let Some(reference) = object.remove("rds") {
                let route = named(routes, &reference["route_config_name"]);
                object.insert("route_config".to_owned(), route.clone());
            }
            object.values_mut().for_each(|member| inline(member, routes));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| inline(item, routes)),
        _ => {}
    }
}

fn named<'a>(resources: &'a Value, name: &Value) -> &'a Value {
    let mut resources = resources.as_array().expect("a list").iter();
    let found = resources.find(|resource| resource["name"] == *name);
    found.unwrap_or_else(|| panic!("there is no route configuration {name}"))
}
