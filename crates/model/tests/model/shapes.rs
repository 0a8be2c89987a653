//! Specs against the service model: every member of it is read, checked and given back, and nothing else.
//!
//! `tests/service_model.txt` lists the members, `tests/specs` has specs that set all of them. Each test changes one
//! member at a time and looks for a violation at exactly that member's path.

use std::collections::BTreeSet;

use evermesh_model::{Kind, Spec, Violation, Violations};
use serde_json::{Map, Value, json};

use crate::service_model::{Member, Place, Range, Shape, members};
use crate::support::{assert_violations, specs, violations};

#[test]
fn every_spec_is_given_back_as_it_was_sent() {
    for kind in Kind::ALL {
        for sent in specs(kind) {
            assert_violations(kind, sent, &[]);
            let spec = Spec::read(kind, sent).unwrap();
            assert_eq!(spec.kind(), kind);
            assert_eq!(serde_json::to_value(&spec).unwrap(), *sent);
        }
    }
}

#[test]
fn the_specs_set_every_member_of_the_service_model() {
    let missing: Vec<_> = members().into_iter().filter(|m| m.place().is_none()).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_specs_set_nothing_else() {
    let known = members();
    for kind in Kind::ALL {
        for spec in specs(kind) {
            each_path(spec, "spec".to_owned(), &mut |path| {
                assert!(
                    known.iter().any(|m| m.kind == kind && m.path == path),
                    "{kind} {path}"
                );
            });
        }
    }
}

#[test]
fn a_value_of_another_type_is_refused() {
    for (member, place) in places() {
        for value in [json!(true), json!(7), json!("text"), json!([]), json!({})] {
            if !takes(&member.shape, &value) {
                let found = violations(member.kind, &place.with(value.clone()));
                let [fault] = at(&place, &found)[..] else {
                    panic!("{value} at {}: {found:?}", place.path)
                };
                assert!(fault.message.starts_with("must be "), "{value} at {fault}");
            }
        }
    }
}

#[test]
fn bounds_are_those_of_the_service_model() {
    // The service model lets an HTTP retry event be any short text; its documentation knows four, and so do we.
    for (member, place) in places() {
        let (Shape::Integer(range) | Shape::Text(range) | Shape::List(range)) = member.shape else {
            continue;
        };
        let Range { min, max } = range;
        for (size, accepted) in [
            (min, true),
            (max, true),
            (min.map(|min| min - 1), false),
            (max.map(|max| max + 1), false),
        ] {
            let Some(value) = size.and_then(|size| sized(&place, size)) else {
                continue;
            };
            let enumerated = member.path.ends_with(".httpRetryEvents[]");
            if accepted && !enumerated {
                assert_read(&member, &place, value);
            } else if !accepted {
                assert_refused(&member, &place, value);
            }
        }
    }
}

#[test]
fn enumerations_are_those_of_the_service_model() {
    for (member, place) in places() {
        let Shape::Enumeration(values) = &member.shape else {
            continue;
        };
        for value in values {
            assert_read(&member, &place, json!(value));
        }
        assert_refused(&member, &place, json!(""));
        assert_refused(&member, &place, json!("unheard-of"));
        assert_refused(&member, &place, json!(format!("{} ", values[0])));
    }
}

#[test]
fn required_members_are_those_of_the_service_model() {
    for (member, place) in places() {
        let (Some(name), Some(parent)) = (member.name(), place.pointer.rsplit_once('/')) else {
            continue;
        };
        let mut absent = place.spec.clone();
        absent
            .pointer_mut(parent.0)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(name);
        for spec in [absent, place.with(Value::Null)] {
            let read = Spec::read(member.kind, &spec);
            let violations = read.map_or_else(|violations| violations.0, |_| Vec::new());
            let found: Vec<_> = at(&place, &violations)
                .iter()
                .map(|v| v.message.clone())
                .collect();
            let expected: &[&str] = if member.required { &["is required"] } else { &[] };
            assert_eq!(found, expected, "{}", place.path);
        }
    }
}

#[test]
fn members_that_the_service_model_does_not_have_are_refused() {
    for (member, place) in places() {
        if matches!(member.shape, Shape::Structure | Shape::Union) {
            let mut value = place.value().clone();
            value["unheardOf"] = json!(1);
            let found = violations(member.kind, &place.with(value));
            let [fault] = &found[..] else {
                panic!("{}: {found:?}", place.path)
            };
            assert_eq!(fault.path, format!("{}.unheardOf", place.path));
            let told = fault.message.strip_prefix("unknown field; known are ").unwrap();
            let told: BTreeSet<_> = told.split(", ").map(str::to_owned).collect();
            assert_eq!(told, names_inside(&member).collect(), "{}", place.path);
        }
    }
}

#[test]
fn null_is_the_same_as_absent() {
    assert_violations(
        Kind::Mesh,
        &json!({ "egressFilter": null, "unheardOf": null }),
        &[],
    );
    assert_violations(
        Kind::VirtualService,
        &json!({ "provider": { "virtualNode": null, "virtualRouter": { "virtualRouterName": "r" } } }),
        &[],
    );
}

#[test]
fn unions_have_exactly_one_member() {
    for (member, place) in places().into_iter().filter(|(m, _)| m.shape == Shape::Union) {
        let known: Vec<_> = names_inside(&member).collect();
        let none = violations(member.kind, &place.with(json!({})));
        let [fault] = at(&place, &none)[..] else {
            panic!("{none:?}")
        };
        assert!(fault.message.starts_with("exactly one of "), "{fault}");
        assert!(fault.message.ends_with(" must be set, none is"), "{fault}");
        assert!(known.iter().all(|name| fault.message.contains(name)), "{fault}");
        if known.len() > 1 {
            let several = known.into_iter().map(|name| (name, json!({}))).collect();
            assert_refused(&member, &place, Value::Object(several));
        }
    }
}

#[test]
fn absurd_input_is_read_once_and_reported_briefly() {
    let items = json!({ "listeners": vec![json!({ "portMapping": {} }); 100_000] });
    let fields: Map<_, _> = (0..100_000)
        .map(|i| (format!("{i}{}", "x".repeat(100)), json!(i)))
        .collect();
    let deep = (0..100).fold(json!(1), |inner, _| json!({ "listeners": [inner] }));
    for spec in [items, Value::Object(fields), deep] {
        let found = violations(Kind::VirtualRouter, &spec);
        assert!((1..=Violations::MOST).contains(&found.len()), "{}", found.len());
        assert!(found.iter().all(|v| v.to_string().len() < 200));
    }
}

/// Every member with the first place where it is set.
fn places() -> Vec<(Member, Place)> {
    let places = members().into_iter().map(|m| {
        let place = m.place().expect("the specs set every member");
        (m, place)
    });
    places.collect()
}

/// Names of a structure's or union's members.
fn names_inside(outer: &Member) -> impl Iterator<Item = String> {
    let (kind, inside) = (outer.kind, format!("{}.", outer.path));
    members().into_iter().filter_map(move |m| {
        let name = m
            .path
            .strip_prefix(&inside)
            .filter(|rest| !rest.contains(['.', '[']))?;
        (m.kind == kind).then(|| name.to_owned())
    })
}

fn at<'v>(place: &Place, violations: &'v [Violation]) -> Vec<&'v Violation> {
    violations.iter().filter(|v| v.path == place.path).collect()
}

fn takes(shape: &Shape, value: &Value) -> bool {
    match shape {
        Shape::Structure | Shape::Union => value.is_object(),
        Shape::Boolean => value.is_boolean(),
        Shape::Integer(_) => value.is_number(),
        Shape::Text(_) | Shape::Enumeration(_) => value.is_string(),
        Shape::List(_) => value.is_array(),
    }
}

/// A value of the type of the one at `place`: that number, or a text or list of that size.
fn sized(place: &Place, size: i64) -> Option<Value> {
    let count = usize::try_from(size);
    match place.value() {
        Value::Number(_) => Some(json!(size)),
        Value::String(_) => Some(json!("x".repeat(count.ok()?))),
        Value::Array(items) => Some(json!(vec![items[0].clone(); count.ok()?])),
        other => panic!("{other} has no size"),
    }
}

fn assert_read(member: &Member, place: &Place, value: Value) {
    let spec = place.with(value);
    if let Err(violations) = Spec::read(member.kind, &spec) {
        panic!("{} {spec}: {violations}", place.path);
    }
}

fn assert_refused(member: &Member, place: &Place, value: Value) {
    let spec = place.with(value);
    assert!(
        !at(place, &violations(member.kind, &spec)).is_empty(),
        "{} {spec}",
        place.path
    );
}

fn each_path(value: &Value, path: String, visit: &mut impl FnMut(&str)) {
    visit(&path);
    match value {
        Value::Object(object) => object
            .iter()
            .for_each(|(name, v)| each_path(v, format!("{path}.{name}"), visit)),
        Value::Array(items) => items
            .iter()
            .for_each(|v| each_path(v, format!("{path}[]"), visit)),
        _ => {}
    }
}
