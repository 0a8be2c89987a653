//! How long the store takes, measured where it is called.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use evermesh_histogram::Histogram;
use evermesh_store::{Entry, ListOptions, Listing, Outcome, Result, Revision, Store, Txn, Watch};

use super::WORK_BOUNDS;
use super::text::Page;

/// Times of a store, failures included.
#[derive(Debug)]
pub(crate) struct StoreTimings {
    commit: Histogram,
    read: Histogram,
}

/// A store whose commits and reads are timed.
pub(crate) struct Timed<S> {
    store: Arc<S>,
    timings: Arc<StoreTimings>,
}

impl StoreTimings {
    pub(super) fn add_to(&self, page: &mut Page) {
        let mut family = page.histogram(
            "evermesh_store_seconds",
            "From a call of the store to its answer; a commit is durable then.",
        );
        family.distribution(&[("operation", "commit")], &self.commit.read());
        family.distribution(&[("operation", "read")], &self.read.read());
    }
}

impl Default for StoreTimings {
    fn default() -> Self {
        Self {
            commit: Histogram::new(&WORK_BOUNDS),
            read: Histogram::new(&WORK_BOUNDS),
        }
    }
}

impl<S> Timed<S> {
    pub(crate) fn new(store: Arc<S>, timings: Arc<StoreTimings>) -> Self {
        Self { store, timings }
    }

    async fn read<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let begun = Instant::now();
        let outcome = call.await;
        self.timings.read.add(begun.elapsed());
        outcome
    }
}

#[async_trait]
impl<S: Store> Store for Timed<S> {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.read(self.store.get(key)).await
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>> {
        self.read(self.store.get_many(keys)).await
    }

    async fn list(&self, prefix: &str, options: ListOptions) -> Result<Listing> {
        self.read(self.store.list(prefix, options)).await
    }

    async fn commit(&self, txn: Txn) -> Result<Outcome> {
        let begun = Instant::now();
        let outcome = self.store.commit(txn).await;
        self.timings.commit.add(begun.elapsed());
        outcome
    }

    async fn watch(&self, prefix: &str, from: Revision) -> Result<Watch> {
        self.store.watch(prefix, from).await
    }

    async fn revision(&self) -> Result<Revision> {
        self.read(self.store.revision()).await
    }

    async fn compact(&self, keep_from: Revision) -> Result<()> {
        self.store.compact(keep_from).await
    }
}
