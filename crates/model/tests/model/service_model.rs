//! The service model of App Mesh as a table, and places in JSON where a member of it is set.

use std::str::FromStr;

use evermesh_model::Kind;
use serde_json::Value;

use crate::support::specs;

/// A member of a spec, as the service model has it.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) kind: Kind,
    /// Such as `spec.listeners[].portMapping.port`.
    pub(crate) path: String,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
}

/// The type of a member.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Structure,
    Union,
    Boolean,
    Integer(Range),
    Text(Range),
    List(Range),
    Enumeration(Vec<String>),
}

/// Bounds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) min: Option<i64>,
    pub(crate) max: Option<i64>,
}

/// A place where a member is set.
pub(crate) struct Place {
    /// The whole spec.
    pub(crate) spec: &'static Value,
    /// Where the member is in the spec, as a JSON pointer.
    pub(crate) pointer: String,
    /// The same as violations spell it.
    pub(crate) path: String,
}

/// All members of all specs.
pub(crate) fn members() -> Vec<Member> {
    let mut kind = None;
    let mut members = Vec::new();
    for line in include_str!("../service_model.txt").lines() {
        if let Some(name) = line.strip_prefix('[') {
            kind = Kind::parse(name.trim_end_matches(']'));
        } else if !line.is_empty() && !line.starts_with('#') {
            members.push(member(kind.unwrap(), line));
        }
    }
    members
}

fn member(kind: Kind, line: &str) -> Member {
    let words: Vec<_> = line.split(' ').collect();
    let limit = words.get(2).copied().filter(|word| *word != "required");
    let range = limit.map_or(Range { min: None, max: None }, |l| {
        l.parse().unwrap_or(Range { min: None, max: None })
    });
    Member {
        kind,
        path: words[0].to_owned(),
        required: words.last() == Some(&"required"),
        shape: match (words[1], limit) {
            ("structure", _) => Shape::Structure,
            ("union", _) => Shape::Union,
            ("boolean", _) => Shape::Boolean,
            ("integer", _) => Shape::Integer(range),
            ("list", _) => Shape::List(range),
            ("string", Some(limit)) if !limit.contains("..") => {
                Shape::Enumeration(limit.split('|').map(str::to_owned).collect())
            }
            ("string", _) => Shape::Text(range),
            (other, _) => panic!("unknown type {other}"),
        },
    }
}

impl FromStr for Range {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (min, max) = text.split_once("..").unwrap_or((text, text));
        let bound = |text: &str| (!text.is_empty()).then(|| text.parse()).transpose();
        Ok(Self {
            min: bound(min)?,
            max: bound(max)?,
        })
    }
}

impl Member {
    /// Name of the member itself; none for a spec or an item of a list.
    pub(crate) fn name(&self) -> Option<&str> {
        let (_, name) = self.path.rsplit_once('.')?;
        (!name.ends_with(']')).then_some(name)
    }

    /// The first place in the specs where the member is set.
    pub(crate) fn place(&self) -> Option<Place> {
        specs(self.kind).iter().find_map(|spec| {
            let steps: Vec<_> = self.path.split('.').skip(1).collect();
            let (pointer, path) = find(spec, &steps, String::new(), "spec".to_owned())?;
            Some(Place { spec, pointer, path })
        })
    }
}

/// The first place under `value` that `steps` lead to.
fn find(value: &Value, steps: &[&str], pointer: String, path: String) -> Option<(String, String)> {
    let Some((step, rest)) = steps.split_first() else {
        return Some((pointer, path));
    };
    let Some(name) = step.strip_suffix("[]") else {
        return find(
            value.get(step)?,
            rest,
            format!("{pointer}/{step}"),
            format!("{path}.{step}"),
        );
    };
    value
        .get(name)?
        .as_array()?
        .iter()
        .enumerate()
        .find_map(|(i, item)| {
            find(
                item,
                rest,
                format!("{pointer}/{name}/{i}"),
                format!("{path}.{name}[{i}]"),
            )
        })
}

impl Place {
    /// The spec with another value there.
    pub(crate) fn with(&self, value: Value) -> Value {
        let mut spec = self.spec.clone();
        *spec.pointer_mut(&self.pointer).unwrap() = value;
        spec
    }

    /// The value there.
    pub(crate) fn value(&self) -> &Value {
        self.spec.pointer(&self.pointer).unwrap()
    }
}
