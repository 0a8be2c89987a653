//! What the disk and SQLite can do by themselves: the measure for the store's writes.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rusqlite::{Connection, params};

/// A database as durable as the store's (write-ahead log, synced by every commit), with one table and one writer.
#[derive(Debug)]
pub(crate) struct BareSqlite {
    connection: Connection,
    value: Vec<u8>,
    rows: u64,
}

impl BareSqlite {
    /// Makes the database. Rows will have values of `bytes` bytes.
    pub(crate) fn create(path: &Path, bytes: usize) -> Result<Self> {
        let failed = || format!("cannot make {}", path.display());
        let connection = Connection::open(path).with_context(failed)?;
        connection
            .pragma_update(None, "journal_mode", "wal")
            .with_context(failed)?;
        connection
            .pragma_update(None, "synchronous", "full")
            .with_context(failed)?;
        connection
            .execute(
                "CREATE TABLE entry (key TEXT PRIMARY KEY, value BLOB NOT NULL)",
                [],
            )
            .with_context(failed)?;
        Ok(Self {
            connection,
            value: vec![b'x'; bytes],
            rows: 0,
        })
    }

    /// Commits one row after the other for a while. Blocks.
    pub(crate) fn commits_per_second(&mut self, length: Duration) -> Result<f64> {
        let (start, before) = (Instant::now(), self.rows);
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO entry (key, value) VALUES (?1, ?2)")
            .context("cannot prepare a bare write")?;
        while start.elapsed() < length {
            self.rows += 1;
            insert
                .execute(params![format!("node-{:06}", self.rows), self.value])
                .context("a bare write failed")?;
        }
        Ok((self.rows - before) as f64 / start.elapsed().as_secs_f64())
    }
}
