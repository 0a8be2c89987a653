//! Answers as JSON.
//!
//! A single resource is the body itself: the service model marks the member that holds it as the payload.

use std::time::{SystemTime, UNIX_EPOCH};

use evermesh_model::{Kind, Metadata, Resource, ResourceId};
use evermesh_service::{Page, ResourceRef, TagPage};
use serde_json::{Map, Value, json};

/// A resource: `MeshData`, `VirtualNodeData`, ...
pub(super) fn resource(resource: &Resource) -> Value {
    let mut data = names(&resource.id);
    let mut metadata = common_metadata(&resource.metadata);
    metadata.insert("uid".to_owned(), json!(resource.metadata.uid));
    data.insert("spec".to_owned(), json!(resource.spec));
    data.insert("metadata".to_owned(), Value::Object(metadata));
    data.insert("status".to_owned(), json!({ "status": resource.status.as_str() }));
    Value::Object(data)
}

/// A page of a list, whose items are `MeshRef`, `VirtualNodeRef`, ...
pub(super) fn list(kind: Kind, page: &Page<ResourceRef>) -> Value {
    let items: Vec<Value> = page
        .items
        .iter()
        .map(|item| {
            let mut reference = names(&item.id);
            reference.extend(common_metadata(&item.metadata));
            Value::Object(reference)
        })
        .collect();
    with_next_token(kind.plural(), json!(items), page.next_token.as_deref())
}

/// A page of tags.
pub(super) fn tags(page: &TagPage) -> Value {
    with_next_token("tags", json!(page.items), page.next_token.as_deref())
}

fn with_next_token(member: &str, items: Value, next_token: Option<&str>) -> Value {
    let mut page = Map::new();
    page.insert(member.to_owned(), items);
    if let Some(token) = next_token {
        page.insert("nextToken".to_owned(), json!(token));
    }
    Value::Object(page)
}

/// The names of a resource and of what contains it.
fn names(id: &ResourceId) -> Map<String, Value> {
    let mut names = id.parent().map_or_else(Map::new, |parent| names(&parent));
    names.insert(id.kind().name_field().to_owned(), json!(id.name()));
    names
}

/// What both a resource's metadata and its reference in a list have.
fn common_metadata(metadata: &Metadata) -> Map<String, Value> {
    let members = [
        ("arn", json!(metadata.arn)),
        ("createdAt", timestamp(metadata.created_at)),
        ("lastUpdatedAt", timestamp(metadata.last_updated_at)),
        ("meshOwner", json!(metadata.mesh_owner)),
        ("resourceOwner", json!(metadata.resource_owner)),
        ("version", json!(metadata.version)),
    ];
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Seconds since 1970 with milliseconds as their fraction, as rest-json has timestamps in bodies.
fn timestamp(time: SystemTime) -> Value {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
    #[allow(clippy::cast_precision_loss, reason = "exact for the next 285,000 years")]
    let seconds = millis as f64 / 1e3;
    json!(seconds)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn timestamps_are_seconds_with_milliseconds() {
        let time = UNIX_EPOCH + Duration::from_nanos(1_758_124_800_123_999_999);
        assert_eq!(timestamp(time).to_string(), "1758124800.123");
    }
}
