//! A resource in a file: the input of the AWS CLI's create commands, as JSON or YAML.
//!
//! A document has the members of `aws appmesh create-... --cli-input-json`: the names, `spec`, and optionally
//! `meshOwner` and `tags`. The kind follows from which names are there, so users' files work as they are.

use serde_json::{Map, Value, json};

use crate::arn::is_account_id;
use crate::id::{Kind, MeshId, ResourceId};
use crate::resource::Tag;
use crate::shape::{Violations, excerpt};
use crate::spec::Spec;

/// A resource as a user writes it down.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// What names it.
    pub id: ResourceId,
    /// What it is to be.
    pub spec: Spec,
    /// Its tags; `None` when the document does not say.
    pub tags: Option<Vec<Tag>>,
}

impl Manifest {
    /// Reads a document; a mesh without `meshOwner` belongs to `default_owner`.
    ///
    /// # Errors
    /// Every violation of names, shape and rules.
    pub fn from_value(value: &Value, default_owner: &str) -> Result<Self, Violations> {
        let Value::Object(document) = value else {
            return Err(violation("", "must be an object with meshName and further names"));
        };
        let mut names = Names {
            document,
            violations: Violations::default(),
        };
        let id = names.id(default_owner);
        let tags = names.tags();
        names.unknown();
        let mut violations = names.violations;
        let Some(id) = id else { return Err(violations) };
        collect(&mut violations, id.validate());
        let empty = Value::Object(Map::new());
        let spec = match document.get("spec").filter(|spec| !spec.is_null()) {
            None if id.kind() != Kind::Mesh => Err(violation("spec", "is required")),
            spec => Spec::read(id.kind(), spec.unwrap_or(&empty)),
        };
        let spec = collect(
            &mut violations,
            spec.and_then(|spec| crate::validate::validate(&spec).map(|()| spec)),
        );
        match spec {
            Some(spec) if violations.0.is_empty() => Ok(Self { id, spec, tags }),
            _ => Err(violations),
        }
    }

    /// The document, members in the order a person would write them; `meshOwner` only if it is not `default_owner`.
    pub fn to_value(&self, default_owner: &str) -> Value {
        let mut document = Map::new();
        document.insert("meshName".to_owned(), json!(self.id.mesh().name));
        if self.id.mesh().owner != default_owner {
            document.insert("meshOwner".to_owned(), json!(self.id.mesh().owner));
        }
        if let (Some(kind), Some(name)) = (self.id.kind().parent(), self.id.parent_name()) {
            document.insert(kind.name_field().to_owned(), json!(name));
        }
        if self.id.kind() != Kind::Mesh {
            document.insert(self.id.kind().name_field().to_owned(), json!(self.id.name()));
        }
        document.insert("spec".to_owned(), json!(self.spec));
        if let Some(tags) = self.tags.as_ref().filter(|tags| !tags.is_empty()) {
            document.insert("tags".to_owned(), json!(tags));
        }
        Value::Object(document)
    }
}

fn violation(path: &str, message: &str) -> Violations {
    let mut violations = Violations::default();
    violations.push(path, message);
    violations
}

fn collect<T>(violations: &mut Violations, result: Result<T, Violations>) -> Option<T> {
    let found = match result {
        Ok(value) => return Some(value),
        Err(found) => found,
    };
    for violation in found.0 {
        violations.push(violation.path, violation.message);
    }
    None
}

/// Reads the members of a document other than its spec.
struct Names<'v> {
    document: &'v Map<String, Value>,
    violations: Violations,
}

impl Names<'_> {
    fn text(&mut self, field: &str) -> Option<String> {
        match self.document.get(field) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => {
                self.violations.push(field, "must be a string");
                None
            }
        }
    }

    fn id(&mut self, default_owner: &str) -> Option<ResourceId> {
        let owner = self.text("meshOwner").unwrap_or_else(|| default_owner.to_owned());
        if !is_account_id(&owner) {
            self.violations
                .push("meshOwner", "must be an account id of twelve digits");
        }
        let Some(mesh) = self.text(Kind::Mesh.name_field()) else {
            self.violations.push(Kind::Mesh.name_field(), "is required");
            return None;
        };
        let mesh = MeshId::new(owner, mesh);
        let named: Vec<(Kind, String)> = Kind::ALL
            .into_iter()
            .filter(|kind| *kind != Kind::Mesh)
            .filter_map(|kind| Some((kind, self.text(kind.name_field())?)))
            .collect();
        match named.as_slice() {
            [] => Some(ResourceId::mesh_itself(mesh)),
            [(kind, name)] if kind.parent() == Some(Kind::Mesh) => {
                Some(ResourceId::in_mesh(mesh, *kind, name))
            }
            [(Kind::VirtualRouter, router), (Kind::Route, route)] => {
                Some(ResourceId::route(mesh, router, route))
            }
            [(Kind::VirtualGateway, gateway), (Kind::GatewayRoute, route)] => {
                Some(ResourceId::gateway_route(mesh, gateway, route))
            }
            [(Kind::Route, _)] => self.no_id(Kind::VirtualRouter.name_field(), "is required for a route"),
            [(Kind::GatewayRoute, _)] => self.no_id(
                Kind::VirtualGateway.name_field(),
                "is required for a gateway route",
            ),
            several => {
                let fields: Vec<_> = several.iter().map(|(kind, _)| kind.name_field()).collect();
                self.no_id(
                    "",
                    &format!("{} do not name one resource together", fields.join(", ")),
                )
            }
        }
    }

    fn no_id(&mut self, path: &str, message: &str) -> Option<ResourceId> {
        self.violations.push(path, message);
        None
    }

    fn tags(&mut self) -> Option<Vec<Tag>> {
        let value = self.document.get("tags").filter(|tags| !tags.is_null())?;
        let read = serde_json::from_value(value.clone());
        if read.is_err() {
            self.violations
                .push("tags", "must be a list of objects with key and value");
        }
        read.ok()
    }

    fn unknown(&mut self) {
        let known = |field: &str| {
            Kind::ALL.iter().any(|kind| kind.name_field() == field) || OTHER_FIELDS.contains(&field)
        };
        for field in self.document.keys().filter(|field| !known(field)) {
            self.violations.push(excerpt(field), "unknown field");
        }
    }
}

/// Members besides names. `clientToken` is for the API alone and has no meaning in a file.
const OTHER_FIELDS: [&str; 4] = ["meshOwner", "spec", "tags", "clientToken"];
