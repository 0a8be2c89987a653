//! Answers of the App Mesh API as values of the model.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evermesh_model::{Kind, MeshId, Metadata, Resource, ResourceId, Spec, Status};
use serde::Deserialize;
use serde_json::Value;

/// `MeshData`, `VirtualNodeData`, ... of the service model, without the names.
#[derive(Deserialize)]
struct ResourceData {
    spec: Value,
    metadata: MetadataData,
    status: StatusData,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataData {
    arn: String,
    created_at: f64,
    last_updated_at: f64,
    mesh_owner: String,
    resource_owner: String,
    uid: String,
    version: u64,
}

#[derive(Deserialize)]
struct StatusData {
    status: String,
}

/// The resource `id` out of its description; the error says what is not as it should be.
pub(crate) fn resource(id: ResourceId, body: &[u8]) -> Result<Resource, String> {
    let data: ResourceData = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let spec = Spec::read(id.kind(), &data.spec).map_err(|violations| violations.to_string())?;
    Ok(Resource {
        id,
        spec,
        status: status(&data.status.status)?,
        metadata: Metadata {
            arn: data.metadata.arn,
            created_at: time(data.metadata.created_at)?,
            last_updated_at: time(data.metadata.last_updated_at)?,
            mesh_owner: data.metadata.mesh_owner,
            resource_owner: data.metadata.resource_owner,
            uid: data.metadata.uid,
            version: data.metadata.version,
        },
    })
}

/// The id of an item of a list of `kind` in `parent`; a mesh says whose it is.
pub(crate) fn reference(kind: Kind, parent: Option<&ResourceId>, item: &Value) -> Option<ResourceId> {
    let text = |field: &str| item.get(field).and_then(Value::as_str);
    let name = text(kind.name_field())?;
    match parent {
        Some(parent) => parent.child(kind, name),
        None => Some(ResourceId::mesh_itself(MeshId::new(text("meshOwner")?, name))),
    }
}

fn status(text: &str) -> Result<Status, String> {
    [Status::Active, Status::Inactive, Status::Deleted]
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| format!("there is no status {text:?}"))
}

/// Seconds since 1970; the fraction has milliseconds, which a float can only come close to.
fn time(seconds: f64) -> Result<SystemTime, String> {
    let fail = || format!("{seconds} is no time");
    let since_epoch = Duration::try_from_secs_f64(seconds).map_err(|_| fail())?;
    let millis = since_epoch.saturating_add(Duration::from_micros(500)).as_millis();
    u64::try_from(millis)
        .ok()
        .and_then(|millis| UNIX_EPOCH.checked_add(Duration::from_millis(millis)))
        .ok_or_else(fail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer() -> Value {
        json!({
            "meshName": "m",
            "virtualRouterName": "r",
            "spec": { "listeners": [{ "portMapping": { "port": 80, "protocol": "http" } }] },
            "metadata": {
                "arn": "arn:aws:appmesh:us-west-2:123456789012:mesh/m/virtualRouter/r",
                "createdAt": 1758124800.123, "lastUpdatedAt": 1758124801, "meshOwner": "123456789012",
                "resourceOwner": "123456789012", "uid": "u", "version": 3
            },
            "status": { "status": "ACTIVE" }
        })
    }

    fn id() -> ResourceId {
        ResourceId::in_mesh(MeshId::new("123456789012", "m"), Kind::VirtualRouter, "r")
    }

    #[test]
    fn descriptions_are_read() {
        let read = resource(id(), answer().to_string().as_bytes()).unwrap();
        assert_eq!(json!(read.spec), answer()["spec"]);
        assert_eq!(read.metadata.version, 3);
        let created = read.metadata.created_at.duration_since(UNIX_EPOCH).unwrap();
        assert_eq!(created, Duration::from_millis(1_758_124_800_123));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (pointer, wrong, part) in [
            ("/metadata/uid", json!(null), "invalid type: null"),
            ("/status/status", json!("GONE"), "there is no status \"GONE\""),
            ("/metadata/createdAt", json!(-1), "-1 is no time"),
            (
                "/spec/listeners/0/portMapping/port",
                json!(0),
                "spec.listeners[0].portMapping.port",
            ),
        ] {
            let mut answer = answer();
            *answer.pointer_mut(pointer).unwrap() = wrong;
            let error = resource(id(), answer.to_string().as_bytes()).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
