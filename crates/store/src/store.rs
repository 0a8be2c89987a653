//! The trait that everything above this crate uses, and that every back end implements.

use async_trait::async_trait;

use crate::{Entry, ListOptions, Listing, Outcome, Result, Revision, Txn, Watch};

/// Durable, transactional, revisioned, watchable key-value storage.
///
/// Keys are non-empty UTF-8 ordered by bytes; a prefix may be empty and then means every key.
/// A call that is cancelled (its future dropped) has no effect if it reads; a cancelled
/// [`commit`](Self::commit) may or may not have been committed.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads one key; `None` when it does not exist.
    async fn get(&self, key: &str) -> Result<Option<Entry>>;

    /// Reads several keys at one revision; the answers are in the order of `keys`.
    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>>;

    /// Lists the keys that start with `prefix`.
    ///
    /// # Errors
    ///
    /// [`Compacted`](crate::StoreError::Compacted) when [`ListOptions::at`] is below the compaction,
    /// [`FutureRevision`](crate::StoreError::FutureRevision) when it is above the store's revision.
    async fn list(&self, prefix: &str, options: ListOptions) -> Result<Listing>;

    /// Applies all of the operations if all of the conditions hold, and none otherwise.
    ///
    /// Returns only after the outcome is durable. A transaction that changes nothing (no operations, or
    /// deletions of what does not exist) is committed at the revision it found.
    ///
    /// # Errors
    ///
    /// An invalid transaction is refused before anything is written; see
    /// [`StoreError::fault`](crate::StoreError::fault) and [`StoreError::retry`](crate::StoreError::retry).
    async fn commit(&self, txn: Txn) -> Result<Outcome>;

    /// Watches the keys that start with `prefix`: every commit of revision `from` and later, first from
    /// history, then live, without gap or duplicate. `from` may lie in the future.
    ///
    /// A `from` below the compaction is reported by the first [`Watch::next`].
    async fn watch(&self, prefix: &str, from: Revision) -> Result<Watch>;

    /// The revision of the last commit.
    async fn revision(&self) -> Result<Revision>;

    /// Forgets the history before `keep_from`: reads at it, and watches from it, still work. Compacting
    /// to what is compacted already does nothing.
    ///
    /// # Errors
    ///
    /// [`FutureRevision`](crate::StoreError::FutureRevision) when `keep_from` is above the store's revision.
    async fn compact(&self, keep_from: Revision) -> Result<()>;
}
