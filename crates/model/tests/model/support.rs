//! What the other modules share: specs of every kind, and checks that name what they found.

use std::sync::LazyLock;

use evermesh_model::validate::validate;
use evermesh_model::{Kind, Spec, Violation};
use serde_json::Value;

/// Specs of a kind which together set every member there is. All of them are valid.
pub(crate) fn specs(kind: Kind) -> &'static [Value] {
    static SPECS: LazyLock<Vec<(Kind, Vec<Value>)>> = LazyLock::new(|| {
        let read = |kind| (kind, serde_json::from_str(text(kind)).unwrap());
        Kind::ALL.into_iter().map(read).collect()
    });
    &SPECS.iter().find(|(of, _)| *of == kind).unwrap().1
}

fn text(kind: Kind) -> &'static str {
    match kind {
        Kind::Mesh => include_str!("../specs/mesh.json"),
        Kind::VirtualNode => include_str!("../specs/virtual_node.json"),
        Kind::VirtualRouter => include_str!("../specs/virtual_router.json"),
        Kind::Route => include_str!("../specs/route.json"),
        Kind::VirtualService => include_str!("../specs/virtual_service.json"),
        Kind::VirtualGateway => include_str!("../specs/virtual_gateway.json"),
        Kind::GatewayRoute => include_str!("../specs/gateway_route.json"),
    }
}

/// All that is wrong with a spec: its shape, or when that is right, the rules it breaks.
pub(crate) fn violations(kind: Kind, spec: &Value) -> Vec<Violation> {
    let checked = Spec::read(kind, spec).and_then(|spec| validate(&spec));
    checked.map_or_else(|violations| violations.0, |()| Vec::new())
}

/// The spec has exactly these violations, as `path: message` and in this order; none means that it is accepted.
#[track_caller]
pub(crate) fn assert_violations(kind: Kind, spec: &Value, expected: &[&str]) {
    let found: Vec<_> = violations(kind, spec).iter().map(ToString::to_string).collect();
    assert_eq!(found, expected, "of the {kind} {spec:#}");
}
