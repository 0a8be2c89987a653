//! The handle of a running watch, the same for every back end.

use std::fmt;

use async_trait::async_trait;

use crate::{Batch, Result};

/// A running watch; dropping it ends it.
pub struct Watch(Box<dyn WatchSource>);

/// What a back end implements to feed a [`Watch`].
#[async_trait]
pub trait WatchSource: Send {
    /// As [`Watch::next`], cancel safety included.
    async fn next(&mut self) -> Result<Batch>;
}

impl Watch {
    /// Wraps a back end's source.
    pub fn new(source: impl WatchSource + 'static) -> Self {
        Self(Box::new(source))
    }

    /// Waits for the next commit that touched the prefix: one batch per revision, in order.
    ///
    /// Cancel safe: a dropped call loses nothing, so it may stand in a `select!`. What a slow caller has not
    /// taken yet waits in the store's history, not in memory.
    ///
    /// # Errors
    ///
    /// [`Compacted`](crate::StoreError::Compacted) when history was compacted beyond what was taken: list
    /// again and watch from there. [`Closed`](crate::StoreError::Closed) when the store is closed. After an
    /// error whose [`retry`](crate::StoreError::retry) says so, calling again continues where it was.
    pub async fn next(&mut self) -> Result<Batch> {
        self.0.next().await
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
