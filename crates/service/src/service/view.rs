//! [`View`]: what an operation has read of the store, all at one revision.

use std::collections::HashMap;

use evermesh_model::ResourceId;
use evermesh_model::reference::Reference;
use evermesh_store::{Entry, Revision, Store};

use super::absent;
use crate::ServiceError;
use crate::record::{Record, key};
use crate::token::ClientToken;

/// Entries of the store at one revision, by key.
pub(super) struct View(HashMap<String, Entry>);

impl View {
    /// Reads these keys.
    pub(super) async fn read(store: &dyn Store, keys: &[String]) -> Result<Self, ServiceError> {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let found = store.get_many(&keys).await?;
        let entries = found.into_iter().flatten();
        Ok(Self(entries.map(|entry| (entry.key.clone(), entry)).collect()))
    }

    /// Whether a key exists.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The revision of a key's last put; 0 when it does not exist.
    pub(super) fn revision(&self, key: &str) -> Revision {
        self.0.get(key).map_or(0, |entry| entry.mod_revision)
    }

    /// How often a key was put.
    pub(super) fn puts(&self, key: &str) -> u64 {
        self.0.get(key).map_or(0, |entry| entry.version)
    }

    /// The resource with this key, if it exists.
    pub(super) fn record(&self, key: &str) -> Result<Option<Record>, ServiceError> {
        let record = self.0.get(key).map(|entry| Record::decode(key, &entry.value));
        Ok(record.transpose()?)
    }

    /// Whether this request was done before. `Conflict` when its token was used for another one.
    pub(super) fn is_repeat(&self, token: Option<&ClientToken>) -> Result<bool, ServiceError> {
        match token.and_then(|token| Some((token, self.0.get(&token.key)?))) {
            Some((token, used)) => token.is_repeat(&used.value),
            None => Ok(false),
        }
    }

    /// Checks that what is referred to exists; names all that does not.
    pub(super) fn check_references(&self, references: &[Reference]) -> Result<(), ServiceError> {
        let missing: Vec<String> = references
            .iter()
            .filter(|reference| !can_exist(reference) || !self.has(&key::of(&reference.target)))
            .map(|Reference { path, target }| format!("{path}: {}", absent(target)))
            .collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(ServiceError::NotFound(missing.join("; "))),
        }
    }
}

/// The keys of what is referred to.
pub(super) fn target_keys(references: &[Reference]) -> impl Iterator<Item = String> {
    let possible = references.iter().filter(|reference| can_exist(reference));
    possible.map(|reference| key::of(&reference.target))
}

/// The resources that contain this one, outermost first, and itself.
pub(super) fn lineage(id: &ResourceId) -> Vec<ResourceId> {
    let mut lineage: Vec<_> = std::iter::successors(Some(id.clone()), ResourceId::parent).collect();
    lineage.reverse();
    lineage
}

/// A spec may name what no resource can be called; such a name must not become a part of a key.
fn can_exist(reference: &Reference) -> bool {
    reference.target.validate().is_ok()
}
