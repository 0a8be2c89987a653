//! A resource as it is stored.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evermesh_model::{Arn, Metadata, Resource, ResourceId, Spec, Status};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{RecordError, key};

/// The version of [`Stored`].
const FORMAT: u32 = 1;

/// All that is stored of a resource under its key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) id: ResourceId,
    pub(crate) spec: Spec,
    pub(crate) facts: Facts,
}

/// What is stored besides the spec, in its stored form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Facts {
    pub(crate) arn: String,
    pub(crate) uid: String,
    pub(crate) version: u64,
    /// Milliseconds since 1970, as is the next.
    created_at: u64,
    last_updated_at: u64,
    pub(crate) resource_owner: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    /// The latest client tokens of requests that changed the resource, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) client_tokens: Vec<String>,
}

#[derive(Serialize)]
struct Stored<'a> {
    format: u32,
    spec: &'a Spec,
    #[serde(flatten)]
    facts: &'a Facts,
}

#[derive(Deserialize)]
struct Loaded {
    spec: Value,
    #[serde(flatten)]
    facts: Facts,
}

/// Read by itself, because another format may have other members.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

impl Facts {
    /// What is known of a resource that is created `now`.
    fn new(arn: &Arn, now: SystemTime) -> Self {
        let now = millis(now);
        Self {
            arn: arn.to_string(),
            uid: uuid::Uuid::new_v4().to_string(),
            version: 1,
            created_at: now,
            last_updated_at: now,
            resource_owner: arn.account.clone(),
            tags: BTreeMap::new(),
            client_tokens: Vec::new(),
        }
    }

    /// What is known of it after a change. Time does not go backwards, whatever the clock does.
    pub(crate) fn advance(&mut self, now: SystemTime) {
        self.version = self.version.saturating_add(1);
        self.last_updated_at = self.last_updated_at.max(millis(now));
    }

    fn metadata(self, id: &ResourceId) -> Metadata {
        Metadata {
            arn: self.arn,
            created_at: time(self.created_at),
            last_updated_at: time(self.last_updated_at),
            mesh_owner: id.mesh().owner.clone(),
            resource_owner: self.resource_owner,
            uid: self.uid,
            version: self.version,
        }
    }
}

impl Record {
    /// A resource that is created `now`; its ARN says who owns it.
    pub(crate) fn new(arn: Arn, spec: Spec, now: SystemTime) -> Self {
        Self {
            facts: Facts::new(&arn, now),
            id: arn.resource,
            spec,
        }
    }

    /// Reads a value found under `key`.
    pub(crate) fn decode(key: &str, value: &[u8]) -> Result<Self, RecordError> {
        let (id, loaded) = load(key, value)?;
        let spec = Spec::read(id.kind(), &loaded.spec).map_err(|source| RecordError::Spec {
            key: key.to_owned(),
            source,
        })?;
        Ok(Self {
            id,
            spec,
            facts: loaded.facts,
        })
    }

    /// Reads of a value found under `key` what a list shows.
    pub(crate) fn decode_metadata(key: &str, value: &[u8]) -> Result<(ResourceId, Metadata), RecordError> {
        let (id, loaded) = load(key, value)?;
        let metadata = loaded.facts.metadata(&id);
        Ok((id, metadata))
    }

    /// The value to be stored.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let stored = Stored {
            format: FORMAT,
            spec: &self.spec,
            facts: &self.facts,
        };
        serde_json::to_vec(&stored).expect("a spec is JSON whose keys are strings")
    }

    /// The resource as the API shows it.
    pub(crate) fn into_resource(self, status: Status) -> Resource {
        Resource {
            metadata: self.facts.metadata(&self.id),
            id: self.id,
            spec: self.spec,
            status,
        }
    }
}

fn load(key: &str, value: &[u8]) -> Result<(ResourceId, Loaded), RecordError> {
    let json = |source| RecordError::Json {
        key: key.to_owned(),
        source,
    };
    let id = key::parse(key).ok_or_else(|| RecordError::Key { key: key.to_owned() })?;
    let Format { format } = serde_json::from_slice(value).map_err(json)?;
    if format != FORMAT {
        return Err(RecordError::format(key, format, FORMAT));
    }
    let loaded = serde_json::from_slice(value).map_err(json)?;
    Ok((id, loaded))
}

/// Milliseconds since 1970; 0 for what is before.
fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn time(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}
