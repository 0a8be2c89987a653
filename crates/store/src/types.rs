//! What reads and watches return. Plain data; no back end's types.

use bytes::Bytes;

/// Counts the commits that changed something; the history of the store is ordered by it.
///
/// An empty [`SqliteStore`](crate::SqliteStore) is at 0 and each commit adds exactly one. A back end that
/// shares its counter with others (etcd) may start higher and skip, but never goes back.
pub type Revision = u64;

/// One key with its value and where in history it stands (etcd's `KeyValue`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key: non-empty UTF-8, ordered by bytes.
    pub key: String,
    /// The value; may be empty.
    pub value: Bytes,
    /// The revision that created the key, anew after a deletion.
    pub create_revision: Revision,
    /// The revision of the last put.
    pub mod_revision: Revision,
    /// The number of puts since creation; the first is 1.
    pub version: u64,
}

/// What to list of a prefix; the default is everything, now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// The revision to read at, `None` for the latest. Follow-up pages pass [`Listing::revision`].
    pub at: Option<Revision>,
    /// Only keys after this one. Follow-up pages pass the last key of the page before.
    pub after: Option<String>,
    /// At most this many entries; `None` for no limit.
    pub limit: Option<usize>,
}

/// Entries of a prefix at one revision, in byte order of their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The revision they were read at. A watch from the one after it misses nothing.
    pub revision: Revision,
    /// Whether the limit left entries out.
    pub more: bool,
}

/// What happened to one key in a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The key was created or overwritten.
    Put(Entry),
    /// The key was deleted.
    Delete {
        /// The key that is gone.
        key: String,
    },
}

impl Event {
    /// The key it happened to.
    pub fn key(&self) -> &str {
        match self {
            Self::Put(entry) => &entry.key,
            Self::Delete { key } => key,
        }
    }
}

/// Everything one commit did under a watched prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The revision of the commit.
    pub revision: Revision,
    /// At most one event per key, in the order of the transaction's operations; never empty.
    pub events: Vec<Event>,
}
