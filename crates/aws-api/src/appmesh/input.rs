//! The members of a request, wherever it has them: in its path, query string or body. Every fault is kept.

use std::collections::BTreeMap;

use evermesh_model::Kind;
use evermesh_model::shape::{self, Shape, Violations};
use evermesh_service::Caller;
use evermesh_sigv4::uri::{percent_decode, raw_pairs};
use serde_json::{Map, Value};

use super::operations::{Action, Found};
use crate::error::ApiError;
use crate::limits::{Limits, too_deep};
use crate::request::Request;
use crate::text::excerpt;

/// The members of a request, and what is wrong with them so far.
pub(super) struct Input<'r> {
    /// Members in the path; `None` when one was not readable, which is in the violations.
    path: BTreeMap<&'static str, Option<String>>,
    query: BTreeMap<&'static str, String>,
    /// `None` when it was not readable, which is in the violations.
    body: Option<Map<String, Value>>,
    /// Account whose meshes are meant when the request does not say.
    default_owner: &'r str,
    violations: Violations,
}

/// A member's value, when it could be read: `Err` means that its fault has been reported.
pub(super) type Read<T> = Result<T, Reported>;

/// A fault is among the violations already.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reported;

impl<'r> Input<'r> {
    /// Takes a request apart.
    pub(super) fn read(found: &Found<'_>, request: &Request, caller: &'r Caller, limits: &Limits) -> Self {
        let mut input = Self {
            path: BTreeMap::new(),
            query: BTreeMap::new(),
            body: Some(Map::new()),
            default_owner: &caller.account,
            violations: Violations::default(),
        };
        input.read_path(found);
        input.read_query(request.query(), parameters(found.operation.action));
        if let Some(known) = members_in_body(found.operation.action) {
            input.body = match parse(&request.body, limits.json_depth) {
                Ok(body) => Some(body),
                Err(message) => {
                    input.violations.push("", message);
                    None
                }
            };
            input.refuse_unknown(&known);
        }
        input
    }

    fn read_path(&mut self, found: &Found<'_>) {
        for (name, encoded) in &found.members {
            let decoded = percent_decode(encoded);
            if decoded.is_none() {
                self.fail(name, not_decodable(encoded));
            }
            self.path.insert(name, decoded);
        }
    }

    /// Parameters that the operation does not have are ignored: presigned requests and proxies add their own.
    fn read_query(&mut self, query: &str, known: &[&'static str]) {
        for (name, encoded) in raw_pairs(query) {
            let Some(name) = known.iter().copied().find(|known| *known == name) else {
                continue;
            };
            match percent_decode(encoded) {
                None => self.fail(name, not_decodable(encoded)),
                Some(value) => {
                    if self.query.insert(name, value).is_some() {
                        self.fail(name, "is given more than once");
                    }
                }
            }
        }
    }

    /// A member of the body may also be one that belongs in the path, as `--cli-input-json` files have them.
    fn refuse_unknown(&mut self, known: &[&str]) {
        let unknown: Vec<String> = self
            .body
            .iter()
            .flatten()
            .filter(|(name, value)| !value.is_null() && !known.contains(&name.as_str()))
            .filter(|(name, _)| !self.path.contains_key(name.as_str()))
            .map(|(name, _)| excerpt(name))
            .collect();
        for name in unknown {
            self.fail(&name, format!("unknown field; known are {}", known.join(", ")));
        }
    }

    pub(super) fn fail(&mut self, path: &str, message: impl Into<String>) {
        self.violations.push(path, message);
    }

    /// Keeps the faults that somebody else found.
    pub(super) fn keep<T>(&mut self, result: Result<T, Violations>) -> Read<T> {
        result.map_err(|found| {
            self.violations.0.extend(found.0);
            Reported
        })
    }

    /// Whether something is wrong already.
    pub(super) fn is_refused(&self) -> bool {
        !self.violations.0.is_empty()
    }

    /// Ends the reading with what was read, or with everything that is wrong.
    pub(super) fn finish<T>(self, read: Read<T>) -> Result<T, ApiError> {
        match read {
            Ok(value) if self.violations.0.is_empty() => Ok(value),
            _ => Err(self.violations.into()),
        }
    }

    /// A member of the body, when there is one; `null` means that there is none.
    pub(super) fn member<T: Shape>(&mut self, name: &str) -> Read<Option<T>> {
        let body = self.body.as_ref().ok_or(Reported)?;
        let Some(value) = body.get(name).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let read = shape::from_value_at(name, value);
        self.keep(read).map(Some)
    }

    /// A member that the body must have.
    pub(super) fn required<T: Shape>(&mut self, name: &str) -> Read<T> {
        match self.member(name)? {
            Some(value) => Ok(value),
            None => self.missing(name),
        }
    }

    /// The body's `spec`, as it is.
    pub(super) fn raw_spec(&self) -> Read<Option<Value>> {
        let body = self.body.as_ref().ok_or(Reported)?;
        Ok(body.get("spec").filter(|spec| !spec.is_null()).cloned())
    }

    /// A parameter of the query string.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// The name of a resource of `kind`: from the path, else from the body. Both may have it when they agree.
    pub(super) fn name(&mut self, kind: Kind) -> Read<String> {
        let field = kind.name_field();
        let in_body = self.member::<String>(field);
        let Some(in_path) = self.path.get(field).cloned() else {
            return match in_body? {
                Some(name) => Ok(name),
                None => self.missing(field),
            };
        };
        let in_path = in_path.ok_or(Reported)?;
        if let Ok(Some(other)) = in_body
            .as_ref()
            .map(|name| name.as_ref().filter(|name| **name != in_path))
        {
            let message = format!(
                "is \"{}\" in the body and \"{}\" in the path",
                excerpt(other),
                excerpt(&in_path)
            );
            self.fail(field, message);
        }
        Ok(in_path)
    }

    /// The account that owns the mesh.
    pub(super) fn mesh_owner(&self) -> String {
        self.parameter("meshOwner")
            .unwrap_or(self.default_owner)
            .to_owned()
    }

    pub(super) fn missing<T>(&mut self, name: &str) -> Read<T> {
        self.fail(name, "is required");
        Err(Reported)
    }
}

/// The members that an operation has in its query string. Unlike in the service model, updating and deleting a mesh
/// have `meshOwner`: to ignore it could hit another mesh than was meant.
fn parameters(action: Action) -> &'static [&'static str] {
    match action {
        Action::Create(Kind::Mesh) => &[],
        Action::Create(_) | Action::Describe(_) | Action::Update(_) | Action::Delete(_) => &["meshOwner"],
        Action::List(Kind::Mesh) => &["limit", "nextToken"],
        Action::List(_) => &["meshOwner", "limit", "nextToken"],
        Action::Tag | Action::Untag => &["resourceArn"],
        Action::ListTags => &["resourceArn", "limit", "nextToken"],
    }
}

/// The members that an operation has in its body; `None` when it has no body, and any is ignored.
fn members_in_body(action: Action) -> Option<Vec<&'static str>> {
    match action {
        Action::Create(kind) => Some(vec![kind.name_field(), "spec", "tags", "clientToken"]),
        Action::Update(_) => Some(vec!["spec", "clientToken"]),
        Action::Tag => Some(vec!["tags"]),
        Action::Untag => Some(vec!["tagKeys"]),
        Action::Describe(_) | Action::Delete(_) | Action::List(_) | Action::ListTags => None,
    }
}

/// Reads a body as an object; an empty body is an empty object. The error says where the text is wrong.
fn parse(body: &[u8], deepest: usize) -> Result<Map<String, Value>, String> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    if let Some(index) = too_deep(body, deepest) {
        let (line, column) = position(body, index);
        return Err(format!(
            "the body nests deeper than {deepest} levels at line {line} column {column}"
        ));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("the body must be a JSON object".to_owned()),
        Err(error) => Err(format!("the body is not valid JSON: {error}")),
    }
}

/// Line and column of a byte, both from 1, as `serde_json` counts them.
fn position(text: &[u8], index: usize) -> (usize, usize) {
    let before = &text[..index];
    let line_start = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |newline| newline + 1);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    (line, index - line_start + 1)
}

fn not_decodable(encoded: &str) -> String {
    format!("is not valid percent-encoded UTF-8: \"{}\"", excerpt(encoded))
}
