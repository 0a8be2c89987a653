//! The embedded back end: one SQLite database, one writer thread with group commit, a pool of readers.
//!
//! * `file` – opens the database: lock, whose file it is, migrations, checks.
//! * `writer` – the only thread that writes; many transactions share one commit, and so one fsync.
//! * `apply` – what one transaction does within that commit.
//! * `read`, `pool` – queries at one revision, on connections of their own.
//! * `watch` – follows the history table; `compact` – bounds it.
//!
//! Nothing outside of this module knows of SQL.

mod apply;
mod compact;
mod file;
mod pool;
mod read;
mod value;
mod watch;
mod writer;

#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc};

use async_trait::async_trait;

use crate::{Entry, Limits, ListOptions, Listing, Outcome, Result, Revision, Store, StoreError, Txn, Watch};
use pool::Pool;
use writer::Writer;

/// How to open a [`SqliteStore`]; the default suits a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// Bounds on keys, values and transactions.
    pub limits: Limits,
    /// History is compacted by itself so that at least this many revisions stay readable (at most a tenth
    /// more are kept, to compact rarely); `None` leaves it to [`Store::compact`].
    pub keep_revisions: Option<u64>,
    /// How thoroughly the database is checked when it is opened.
    pub check: IntegrityCheck,
    /// Connections for reading, which is how many reads run at once. At least 1.
    pub readers: usize,
    /// Transactions that wait for the writer before [`Store::commit`] itself waits; also the most that share
    /// one commit. At least 1.
    pub queue: usize,
}

/// How thoroughly the database is checked when it is opened. Both read all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntegrityCheck {
    /// The structure of the file, and that every existing key points at its last change.
    Quick,
    /// That, and that the indexes agree with the tables.
    Full,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            keep_revisions: Some(10_000),
            check: IntegrityCheck::Quick,
            readers: 4,
            queue: 256,
        }
    }
}

/// The embedded store: a SQLite database in WAL mode, synced on every commit.
///
/// Dropping it finishes what is queued in the background; [`close`](Self::close) waits for that.
pub struct SqliteStore {
    limits: Limits,
    readers: Arc<Pool>,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the database file at `path`, creating it and its directory when missing.
    ///
    /// Blocks while it checks the database. The file is locked against any second opener (by a lock file
    /// next to it) until the store is closed or the process ends, however it ends.
    ///
    /// # Errors
    ///
    /// [`Locked`](StoreError::Locked), [`NotAStore`](StoreError::NotAStore),
    /// [`NewerSchema`](StoreError::NewerSchema), [`Corrupt`](StoreError::Corrupt),
    /// [`Open`](StoreError::Open); a refused file is left as it was.
    pub fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self> {
        let path = path.as_ref();
        let lock = file::lock(path)?;
        let connection = file::open(path, options.check)?;
        let readers = (0..options.readers.max(1))
            .map(|_| file::open_reader(path))
            .collect::<Result<_>>()?;
        let readers = Arc::new(Pool::new(readers));
        let writer = Writer::start(connection, lock, Arc::clone(&readers), &options)?;
        Ok(Self {
            limits: options.limits,
            readers,
            writer,
        })
    }

    /// Commits what is queued, releases the file and its lock, and returns when that is done. Calls and
    /// watches from then on fail with [`Closed`](StoreError::Closed).
    pub async fn close(&self) {
        self.writer.close().await;
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        Ok(self.get_many(&[key]).await?.pop().flatten())
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>> {
        keys.iter().try_for_each(|key| self.limits.check_key(key))?;
        let keys: Vec<String> = keys.iter().map(|&key| key.to_owned()).collect();
        self.readers
            .run(move |snapshot| read::get_many(snapshot, &keys))
            .await
    }

    async fn list(&self, prefix: &str, options: ListOptions) -> Result<Listing> {
        self.limits.check_prefix(prefix)?;
        let prefix = prefix.to_owned();
        self.readers
            .run(move |snapshot| read::list(snapshot, &prefix, &options))
            .await
    }

    async fn commit(&self, txn: Txn) -> Result<Outcome> {
        self.limits.check(&txn)?;
        self.writer.commit(txn).await
    }

    async fn watch(&self, prefix: &str, from: Revision) -> Result<Watch> {
        self.limits.check_prefix(prefix)?;
        let source = watch::History::new(Arc::clone(&self.readers), self.writer.revisions(), prefix, from);
        Ok(Watch::new(source))
    }

    async fn revision(&self) -> Result<Revision> {
        self.readers
            .run(|snapshot| Ok(read::state(snapshot)?.revision))
            .await
    }

    async fn compact(&self, keep_from: Revision) -> Result<()> {
        self.writer.compact(keep_from).await
    }
}

/// A failed read.
fn read_error(source: rusqlite::Error) -> StoreError {
    StoreError::Read {
        source: Arc::new(source),
    }
}

/// A failed write.
fn write_error(source: rusqlite::Error) -> StoreError {
    StoreError::Write {
        source: Arc::new(source),
    }
}
