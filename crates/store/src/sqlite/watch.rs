//! A watch that follows the history table. It buffers one bounded read, never the backlog.

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use rusqlite::{Row, Transaction, named_params};
use tokio::sync::watch;

use super::{
    pool::Pool,
    read, read_error,
    value::{Number, range_end},
};
use crate::{Batch, Event, Result, Revision, StoreError, WatchSource};

/// A read ends with the revision in which it exceeds this many events or bytes of values.
const EVENTS_PER_READ: usize = 256;
const BYTES_PER_READ: usize = 1 << 20;

/// Reads history as the consumer asks for it; when there is none left, sleeps until the writer commits.
pub(super) struct History {
    readers: Arc<Pool>,
    /// The last committed revision, set by the writer; a reason to look, not the truth.
    committed: watch::Receiver<Revision>,
    prefix: Arc<str>,
    /// The first revision that has not been read.
    next: Revision,
    /// Read, and not yet taken.
    ready: VecDeque<Batch>,
}

/// What one read of the history found.
struct Page {
    batches: VecDeque<Batch>,
    /// The first revision that it did not cover.
    next: Revision,
}

impl History {
    pub(super) fn new(
        readers: Arc<Pool>,
        committed: watch::Receiver<Revision>,
        prefix: &str,
        from: Revision,
    ) -> Self {
        Self {
            readers,
            committed,
            prefix: prefix.into(),
            next: from,
            ready: VecDeque::new(),
        }
    }
}

#[async_trait]
impl WatchSource for History {
    async fn next(&mut self) -> Result<Batch> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(batch);
            }
            // Marked as seen before reading: what is committed from here on wakes the wait below.
            let committed = *self.committed.borrow_and_update();
            if self.next > committed {
                self.committed.changed().await.map_err(|_| StoreError::Closed)?;
                continue;
            }
            let (prefix, next) = (Arc::clone(&self.prefix), self.next);
            let page = self
                .readers
                .run(move |snapshot| read_page(snapshot, &prefix, next))
                .await?;
            self.ready = page.batches;
            self.next = page.next;
        }
    }
}

fn read_page(snapshot: &Transaction<'_>, prefix: &str, from: Revision) -> Result<Page> {
    let state = read::state(snapshot)?;
    state.check_kept(from)?;
    collect(snapshot, prefix, from, state.revision).map_err(read_error)
}

/// Reads the events from `from` up to the snapshot's revision, or until the page is full.
fn collect(
    snapshot: &Transaction<'_>,
    prefix: &str,
    from: Revision,
    current: Revision,
) -> rusqlite::Result<Page> {
    const SQL: &str = "SELECT * FROM history INDEXED BY history_by_revision
                       WHERE revision >= :from AND key >= :start AND key < :end ORDER BY revision, id";
    let parameters = named_params! { ":from": Number(from), ":start": prefix, ":end": range_end(prefix) };
    let mut statement = snapshot.prepare_cached(SQL)?;
    let mut rows = statement.query(parameters)?;
    let mut page = Page {
        batches: VecDeque::new(),
        next: (current + 1).max(from),
    };
    let (mut events, mut bytes) = (0, 0);
    while let Some(row) = rows.next()? {
        let (revision, event) = (row.get::<_, Number>("revision")?.0, event(row)?);
        let last = page.batches.back_mut().filter(|batch| batch.revision == revision);
        if last.is_none() && (events >= EVENTS_PER_READ || bytes >= BYTES_PER_READ) {
            page.next = revision;
            break;
        }
        events += 1;
        bytes += if let Event::Put(entry) = &event {
            entry.value.len()
        } else {
            0
        };
        match last {
            Some(batch) => batch.events.push(event),
            None => page.batches.push_back(Batch {
                revision,
                events: vec![event],
            }),
        }
    }
    Ok(page)
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    match row.get_ref("value")?.as_blob_or_null()? {
        Some(_) => read::entry(row).map(Event::Put),
        None => Ok(Event::Delete { key: row.get("key")? }),
    }
}
