//! What holds for any input: nothing panics, and what is accepted is given back unchanged.

use evermesh_model::arn::parse_node_id;
use evermesh_model::validate::validate;
use evermesh_model::{Arn, Kind, Manifest, Spec, regex};
use proptest::prelude::*;
use serde_json::{Map, Number, Value};

use crate::service_model::members;
use crate::support::specs;

const OWNER: &str = "123456789012";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_json_is_read_or_refused(kind in kind(), value in json(names())) {
        check_spec(kind, &value);
    }

    #[test]
    fn any_damaged_spec_is_read_or_refused((kind, value) in damaged_spec()) {
        check_spec(kind, &value);
    }

    #[test]
    fn any_document_is_a_manifest_or_refused(
        (kind, spec) in damaged_spec(), other in json(names()), keep in any::<[bool; 8]>(),
    ) {
        let mut document = Map::from_iter([("spec".to_owned(), spec), ("tags".to_owned(), other.clone())]);
        let named = Kind::ALL.into_iter().zip(keep).filter(|(k, keep)| *k == kind || *k == Kind::Mesh || *keep);
        document.extend(named.map(|(k, _)| (k.name_field().to_owned(), Value::from("x"))));
        for value in [Value::Object(document), other] {
            if let Ok(manifest) = Manifest::from_value(&value, OWNER) {
                let written = manifest.to_value(OWNER);
                prop_assert_eq!(Manifest::from_value(&written, OWNER).map(|m| (m.id, m.spec)), Ok((manifest.id, manifest.spec)));
            }
        }
    }

    #[test]
    fn any_node_id_is_read_or_refused(text in node_id()) {
        if let Ok(resource) = parse_node_id(&text, OWNER) {
            prop_assert_eq!(resource.validate(), Ok(()));
            let arn = Arn { partition: "aws".into(), region: "us-west-2".into(), account: OWNER.into(), resource };
            prop_assert_eq!(Arn::parse(&arn.to_string()), Ok(arn));
        }
    }

    #[test]
    fn any_pattern_is_accepted_or_refused(text in pattern()) {
        if let Err(error) = regex::check(&text) {
            prop_assert!(error.to_string().len() < 200);
        }
    }
}

/// A spec that is read is written as it was read, but for members that were null; and rules never panic.
fn check_spec(kind: Kind, value: &Value) {
    match Spec::read(kind, value) {
        Err(violations) => assert!(!violations.0.is_empty()),
        Ok(spec) => {
            let written = serde_json::to_value(&spec).unwrap();
            assert_eq!(written, without_nulls(value));
            assert_eq!(Spec::read(kind, &written), Ok(spec.clone()));
            assert!(validate(&spec).map_or_else(|violations| !violations.0.is_empty(), |()| true));
        }
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(object) => object
            .iter()
            .filter(|(_, v)| !v.is_null())
            .map(|(name, v)| (name.clone(), without_nulls(v)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

fn kind() -> impl Strategy<Value = Kind> + Clone {
    prop::sample::select(Kind::ALL.to_vec())
}

/// Names of members, so that objects made of them get past the first test for unknown ones.
fn names() -> impl Strategy<Value = String> + Clone {
    let mut names: Vec<_> = members()
        .iter()
        .filter_map(|m| m.name().map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    prop_oneof![9 => prop::sample::select(names), 1 => any::<String>()]
}

fn json(names: impl Strategy<Value = String> + Clone + 'static) -> impl Strategy<Value = Value> {
    scalar().prop_recursive(6, 48, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..5).prop_map(|m| Map::from_iter(m).into()),
        ]
    })
}

fn scalar() -> impl Strategy<Value = Value> {
    let words = [
        "",
        "/",
        "http",
        "tcp",
        "s",
        "ms",
        "GET",
        "STRICT",
        "ENABLED",
        "a",
        "*",
        "(",
        "server-error",
        "é",
        "\0",
    ];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1_i64..70_000).prop_map(Value::from),
        any::<f64>().prop_map(|f| Number::from_f64(f).map_or(Value::Null, Value::from)),
        prop::sample::select(words.to_vec()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ]
}

/// A good spec of which some values are replaced.
fn damaged_spec() -> impl Strategy<Value = (Kind, Value)> {
    let wounds = prop::collection::vec((any::<prop::sample::Index>(), json(names())), 0..3);
    (kind(), any::<prop::sample::Index>(), wounds).prop_map(|(kind, which, wounds)| {
        let mut spec = which.get(specs(kind)).clone();
        for (place, value) in wounds {
            let mut pointers = Vec::new();
            pointers_of(&spec, String::new(), &mut pointers);
            *spec.pointer_mut(&pointers[place.index(pointers.len())]).unwrap() = value;
        }
        (kind, spec)
    })
}

fn pointers_of(value: &Value, here: String, out: &mut Vec<String>) {
    let escape = |name: &str| name.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(object) => {
            object
                .iter()
                .for_each(|(name, v)| pointers_of(v, format!("{here}/{}", escape(name)), out));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(i, v)| pointers_of(v, format!("{here}/{i}"), out));
        }
        _ => {}
    }
    out.push(here);
}

/// Text made of the parts of ids, rarely in a right order.
fn node_id() -> impl Strategy<Value = String> {
    let parts = [
        "arn:",
        "aws:",
        "appmesh:",
        "us-west-2:",
        "123456789012:",
        "mesh/",
        "m",
        "@",
        "@210987654321",
        "/",
        ":",
        "virtualNode/",
        "virtualRouter/",
        "route/",
        "virtualGateway/",
        "gatewayRoute/",
        "arn:aws:appmesh:r:123456789012:mesh/",
        "mesh/m/virtualNode/",
        "é",
        "x",
    ];
    let made =
        prop::collection::vec(prop::sample::select(parts.to_vec()), 0..9).prop_map(|parts| parts.concat());
    prop_oneof![9 => made, 1 => any::<String>()]
}

/// Text made of what means something in a pattern.
fn pattern() -> impl Strategy<Value = String> {
    let parts = [
        "a", "é", "0", "7", "-", "^", "*", "+", "?", "{", "}", "{2}", "{1000,}", "(", ")", "(?", "(?P<", ">",
        ":", "|", "[", "[:", ":]", "[^", "]", "\\", "\\p", "{L}", "\\x", "\\Q", "\\E", "\\d", "&&", "i", "U",
    ];
    let made =
        prop::collection::vec(prop::sample::select(parts.to_vec()), 0..12).prop_map(|parts| parts.concat());
    prop_oneof![9 => made, 1 => any::<String>()]
}
