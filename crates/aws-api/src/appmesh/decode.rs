//! What each operation asks for, from the members of its request.
//!
//! Everything is read before anything is refused, so one answer names all faults. Rules of specs are the service's;
//! they are asked here only to complete a refusal that is certain already.

use evermesh_model::shape::{Bounds, Reader, Shape, Violations};
use evermesh_model::{Arn, Kind, MeshId, ResourceId, Spec, Tag};
use evermesh_service::{CreateRequest, ListRequest, UpdateRequest};
use serde_json::{Map, Value};

use super::input::{Input, Read, Reported};
use crate::error::ApiError;
use crate::text::excerpt;

/// Largest `limit` of a list (`ListMeshesLimit` and its like in the service model).
const MOST_RESOURCES: u32 = 100;
/// Largest `limit` of a list of tags (`TagsLimit`).
const MOST_TAGS: u32 = 50;
/// Longest client token (documentation of `clientToken`).
const LONGEST_TOKEN: usize = 36;

/// A page of a resource's tags.
pub(super) struct TagPageRequest {
    pub(super) arn: Arn,
    pub(super) limit: Option<u32>,
    pub(super) next_token: Option<String>,
}

impl Input<'_> {
    /// What to create.
    pub(super) fn create(mut self, kind: Kind) -> Result<CreateRequest, ApiError> {
        let id = self.resource(kind);
        let spec = self.spec(kind);
        let tags = self.member::<Vec<ApiTag>>("tags");
        let client_token = self.client_token();
        let read = (|| {
            Ok(CreateRequest {
                id: id?,
                spec: spec?,
                tags: tags?.unwrap_or_default().into_iter().map(|tag| tag.0).collect(),
                client_token: client_token?,
            })
        })();
        self.finish(read)
    }

    /// What to update.
    pub(super) fn update(mut self, kind: Kind) -> Result<UpdateRequest, ApiError> {
        let id = self.resource(kind);
        let spec = self.spec(kind);
        let client_token = self.client_token();
        let read = (|| {
            Ok(UpdateRequest {
                id: id?,
                spec: spec?,
                client_token: client_token?,
            })
        })();
        self.finish(read)
    }

    /// What to describe or delete.
    pub(super) fn id(mut self, kind: Kind) -> Result<ResourceId, ApiError> {
        let id = self.resource(kind);
        self.finish(id)
    }

    /// What to list.
    pub(super) fn list(mut self, kind: Kind) -> Result<ListRequest, ApiError> {
        let parent = kind.parent().map(|parent| self.resource(parent)).transpose();
        let limit = self.limit(MOST_RESOURCES);
        let next_token = self.parameter("nextToken").map(str::to_owned);
        let read = parent.and_then(|parent| {
            Ok(ListRequest {
                kind,
                parent,
                limit: limit?,
                next_token,
            })
        });
        self.finish(read)
    }

    /// What to tag, and how.
    pub(super) fn tag(mut self) -> Result<(Arn, Vec<Tag>), ApiError> {
        let arn = self.arn();
        let tags = self.required::<Vec<ApiTag>>("tags");
        let read = arn.and_then(|arn| Ok((arn, tags?.into_iter().map(|tag| tag.0).collect())));
        self.finish(read)
    }

    /// What to untag, and the keys to remove.
    pub(super) fn untag(mut self) -> Result<(Arn, Vec<String>), ApiError> {
        let arn = self.arn();
        let keys = self.required::<Vec<TagKey>>("tagKeys");
        let read = arn.and_then(|arn| Ok((arn, keys?.into_iter().map(|key| key.0).collect())));
        self.finish(read)
    }

    /// Whose tags to list.
    pub(super) fn list_tags(mut self) -> Result<TagPageRequest, ApiError> {
        let arn = self.arn();
        let limit = self.limit(MOST_TAGS);
        let next_token = self.parameter("nextToken").map(str::to_owned);
        let read = arn.and_then(|arn| {
            Ok(TagPageRequest {
                arn,
                limit: limit?,
                next_token,
            })
        });
        self.finish(read)
    }

    /// The resource of `kind` that the request names, all its names acceptable.
    fn resource(&mut self, kind: Kind) -> Read<ResourceId> {
        let id = self.chain(kind)?;
        let valid = id.validate();
        self.keep(valid).map(|()| id)
    }

    /// A resource and what contains it; every missing name is reported.
    fn chain(&mut self, kind: Kind) -> Read<ResourceId> {
        let Some(parent) = kind.parent() else {
            let owner = self.mesh_owner();
            if !evermesh_model::arn::is_account_id(&owner) {
                self.fail("meshOwner", "must be an account id of twelve digits");
            }
            return self
                .name(kind)
                .map(|name| ResourceId::mesh_itself(MeshId::new(owner, name)));
        };
        let parent = self.chain(parent);
        let Ok(name) = self.name(kind) else {
            if let Ok(parent) = parent {
                let _ = self.keep(parent.validate()); // nobody else will, for want of a whole id
            }
            return Err(Reported);
        };
        parent?.child(kind, name).ok_or(Reported)
    }

    /// A mesh may do without a spec; the service model requires every other kind to have one.
    fn spec(&mut self, kind: Kind) -> Read<Spec> {
        let spec = match self.raw_spec()? {
            None if kind == Kind::Mesh => Value::Object(Map::new()),
            None => return self.missing("spec"),
            Some(spec) => spec,
        };
        let spec = self.keep(Spec::read(kind, &spec))?;
        if self.is_refused() {
            self.keep(evermesh_model::validate::validate(&spec))?;
        }
        Ok(spec)
    }

    fn client_token(&mut self) -> Read<Option<String>> {
        let token = self.member::<String>("clientToken")?;
        let length = token.as_ref().map_or(1, |token| token.chars().count());
        if !(1..=LONGEST_TOKEN).contains(&length) {
            let message = format!("must be 1 to {LONGEST_TOKEN} characters long, is {length}");
            self.fail("clientToken", message);
        }
        Ok(token)
    }

    fn limit(&mut self, most: u32) -> Read<Option<u32>> {
        let Some(text) = self.parameter("limit") else {
            return Ok(None);
        };
        match text.parse() {
            Ok(limit) if (1..=most).contains(&limit) => Ok(Some(limit)),
            _ => {
                let message = format!("must be an integer of 1 to {most}, is \"{}\"", excerpt(text));
                self.fail("limit", message);
                Err(Reported)
            }
        }
    }

    fn arn(&mut self) -> Read<Arn> {
        let Some(text) = self.parameter("resourceArn") else {
            return self.missing("resourceArn");
        };
        let mut violations = Violations::default();
        let arn = Arn::parse(text).map_err(|error| {
            violations.push("resourceArn", error.to_string());
            violations
        });
        self.keep(arn)
    }
}

/// A tag as the API has it. The service model requires a value that its documentation calls optional, so a tag
/// without one is accepted and has the empty value.
struct ApiTag(Tag);

impl Shape for ApiTag {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let object = reader.object(value, &["key", "value"])?;
        let key = reader.required::<TagKey>(object, "key", Bounds::default(), |_| Ok(()));
        let value = reader.optional::<String>(
            object,
            "value",
            Bounds {
                min: None,
                max: Some(256),
            },
            |_| Ok(()),
        );
        Some(Self(Tag {
            key: key?.0,
            value: value?.unwrap_or_default(),
        }))
    }
}

/// A tag's key: 1 to 128 characters.
struct TagKey(String);

impl Shape for TagKey {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let key = reader.text(value)?;
        let length = key.chars().count();
        if (1..=128).contains(&length) {
            return Some(Self(key.to_owned()));
        }
        reader.fail(format!("must be 1 to 128 characters long, is {length}"));
        None
    }
}
