//! A store between the service and the real one: it counts refusals and decides what happens between a read and a commit.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use evermesh_store::{Entry, ListOptions, Listing, Outcome, Result, Revision, Store, Txn, Watch};
use futures::future::BoxFuture;

/// A store that counts refusals, and lets something else happen right before a commit.
pub(crate) struct Observed {
    store: Arc<dyn Store>,
    refused: AtomicUsize,
    refuses_all: bool,
    before_commit: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl Observed {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            refused: AtomicUsize::new(0),
            refuses_all: false,
            before_commit: Mutex::new(None),
        }
    }

    /// Refuses every transaction, as if somebody else were always faster.
    pub(crate) fn contended(store: Arc<dyn Store>) -> Self {
        Self {
            refuses_all: true,
            ..Self::new(store)
        }
    }

    /// This happens between the next commit's being asked for and its being done.
    pub(crate) fn let_happen_before_a_commit(&self, meanwhile: impl Future<Output = ()> + Send + 'static) {
        *self.before_commit.lock().unwrap() = Some(Box::pin(meanwhile));
    }

    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Store for Observed {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.store.get(key).await
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>> {
        self.store.get_many(keys).await
    }

    async fn list(&self, prefix: &str, options: ListOptions) -> Result<Listing> {
        self.store.list(prefix, options).await
    }

    async fn commit(&self, txn: Txn) -> Result<Outcome> {
        let meanwhile = self.before_commit.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile.await;
        }
        let outcome = match self.refuses_all {
            true => self.store.commit(Txn::new().exists("nothing")).await?,
            false => self.store.commit(txn).await?,
        };
        if outcome.committed().is_none() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        Ok(outcome)
    }

    async fn watch(&self, prefix: &str, from: Revision) -> Result<Watch> {
        self.store.watch(prefix, from).await
    }

    async fn revision(&self) -> Result<Revision> {
        self.store.revision().await
    }

    async fn compact(&self, keep_from: Revision) -> Result<()> {
        self.store.compact(keep_from).await
    }
}
