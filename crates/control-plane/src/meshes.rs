//! What configurations are built from: each mesh as it last could be read whole. Never builds one.
//!
//! # Records that cannot be understood
//!
//! A record may be damaged, or written by a newer program. To refuse to start because of it would take the management
//! of all meshes down; to go on without it could send a resource's traffic elsewhere, as when it was one of two targets
//! of a route. So its mesh *stands still*, and the others go on: the proxies of the mesh keep what they have, and new
//! ones get what the mesh was when it last was whole. After a restart nothing older is known: proxies of the mesh are
//! kept waiting, which leaves those that have a configuration on it. The record stays in the store as it is, and the
//! mesh goes on by itself once the record is replaced or deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evermesh_model::spec::MeshSpec;
use evermesh_model::{Kind, MeshId, MeshSnapshot, ResourceId, Snapshot, Spec};
use evermesh_service::{Change, RecordError, decode_change};
use evermesh_store::Entry;

/// All meshes.
#[derive(Debug, Default)]
pub(crate) struct Meshes {
    /// Every record that can be understood.
    readable: Snapshot,
    standing: BTreeMap<MeshId, Standstill>,
}

/// What a record changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    /// Nothing that is seen: its mesh stands still.
    Nothing,
    /// A resource within a mesh.
    Resource(ResourceId),
    /// The mesh itself, or all that was written to it while it stood still.
    Mesh(MeshId),
}

/// Whether a mesh stands still.
enum Standing {
    Never,
    Still,
    NoLonger,
}

/// A mesh that stands still.
#[derive(Debug)]
struct Standstill {
    /// Keys of the records that cannot be understood; never empty.
    unreadable: BTreeSet<String>,
    /// What the mesh was before them, if it is known.
    last_whole: Option<Arc<MeshSnapshot>>,
}

impl Meshes {
    /// The mesh as it last was whole; `None` when there is none, or none that is known.
    pub(crate) fn mesh(&self, id: &MeshId) -> Option<&Arc<MeshSnapshot>> {
        match self.standing.get(id) {
            Some(standstill) => standstill.last_whole.as_ref(),
            None => self.readable.mesh(id),
        }
    }

    /// All of them, ordered.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<MeshSnapshot>> {
        self.readable.meshes().filter_map(|mesh| self.mesh(&mesh.id))
    }

    /// Becomes what is stored. Returns why which records were not understood.
    pub(crate) fn load(&mut self, entries: &[Entry]) -> Vec<RecordError> {
        let before = std::mem::take(self);
        let unreadable = entries
            .iter()
            .filter_map(|entry| self.apply(&entry.key, Some(&entry.value)).err())
            .collect();
        for (id, standstill) in &mut self.standing {
            // What there was when it came to stand was a mesh half read.
            standstill.last_whole = before.mesh(id).cloned();
        }
        unreadable
    }

    /// Takes in one record, or its deletion (`None`). Returns what of [`mesh`](Self::mesh) changed by that.
    ///
    /// # Errors
    /// When the record cannot be understood; its mesh stands still from then on.
    pub(crate) fn apply(&mut self, key: &str, value: Option<&[u8]>) -> Result<Changed, RecordError> {
        match decode_change(key, value) {
            Ok(change) => {
                let id = change.id.clone();
                change.apply(&mut self.readable);
                Ok(match self.release(id.mesh(), key) {
                    Standing::Never if id.kind() != Kind::Mesh => Changed::Resource(id),
                    Standing::Never | Standing::NoLonger => Changed::Mesh(id.mesh().clone()),
                    Standing::Still => Changed::Nothing,
                })
            }
            Err(unreadable) => {
                // A key that names no resource is in no mesh.
                if let Ok(Change { id, .. }) = decode_change(key, None) {
                    self.stop(&id, key);
                }
                Err(unreadable)
            }
        }
    }

    fn stop(&mut self, id: &ResourceId, key: &str) {
        let readable = self.readable.mesh(id.mesh());
        let standstill = self
            .standing
            .entry(id.mesh().clone())
            .or_insert_with(|| Standstill {
                unreadable: BTreeSet::new(),
                last_whole: readable.cloned(),
            });
        standstill.unreadable.insert(key.to_owned());
        if id.kind() == Kind::Mesh && readable.is_none() {
            // A place for what is in the mesh, which is read now and seen when the mesh goes on.
            self.readable.put(id, Spec::Mesh(MeshSpec::default()));
        }
    }

    fn release(&mut self, mesh: &MeshId, key: &str) -> Standing {
        let Some(standstill) = self.standing.get_mut(mesh) else {
            return Standing::Never;
        };
        standstill.unreadable.remove(key);
        if !standstill.unreadable.is_empty() {
            return Standing::Still;
        }
        self.standing.remove(mesh);
        Standing::NoLonger
    }
}
