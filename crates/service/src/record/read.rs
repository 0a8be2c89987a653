//! What the rest of the control plane reads: all resources at a revision, and what has changed since.

use evermesh_model::{ResourceId, Snapshot, Spec};
use evermesh_store::{ListOptions, Revision, Store};

use super::{LoadError, RESOURCE_PREFIX, Record, RecordError, key};

/// What a watch of [`RESOURCE_PREFIX`] has seen happen to a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Which resource.
    pub id: ResourceId,
    /// Its spec, the same as before when something else has changed (such as its tags); `None` when it was deleted.
    pub spec: Option<Spec>,
}

impl Change {
    /// Does to a snapshot what was done to the store.
    pub fn apply(self, snapshot: &mut Snapshot) {
        match self.spec {
            Some(spec) => snapshot.put(&self.id, spec),
            None => snapshot.remove(&self.id),
        }
    }
}

/// Decodes an event of a watch: the key, and the value that was put or `None` for a deletion.
///
/// # Errors
/// When the record cannot be understood; the error names its key.
pub fn decode_change(key: &str, value: Option<&[u8]>) -> Result<Change, RecordError> {
    match value {
        Some(value) => {
            let Record { id, spec, .. } = Record::decode(key, value)?;
            Ok(Change { id, spec: Some(spec) })
        }
        None => {
            let id = key::parse(key).ok_or_else(|| RecordError::Key { key: key.to_owned() })?;
            Ok(Change { id, spec: None })
        }
    }
}

/// All resources, and the revision they were read at: a watch from the one after it misses nothing.
///
/// # Errors
/// When the store fails or a record cannot be understood; the error names its key.
pub async fn load_snapshot(store: &dyn Store) -> Result<(Snapshot, Revision), LoadError> {
    let listing = store.list(RESOURCE_PREFIX, ListOptions::default()).await?;
    let mut snapshot = Snapshot::default();
    for entry in &listing.entries {
        decode_change(&entry.key, Some(&entry.value))?.apply(&mut snapshot);
    }
    Ok((snapshot, listing.revision))
}
