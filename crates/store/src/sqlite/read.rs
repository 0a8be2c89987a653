//! Queries over one snapshot of the database: what is there now, and what was there at a revision.

use bytes::Bytes;
use rusqlite::{OptionalExtension, Row, Transaction, named_params};

use super::{
    read_error,
    value::{Number, range_end},
};
use crate::{Entry, ListOptions, Listing, Result, Revision, StoreError};

/// Where the store stands.
pub(super) struct State {
    pub(super) revision: Revision,
    pub(super) compacted: Revision,
}

impl State {
    /// Refuses a revision whose history is gone.
    pub(super) fn check_kept(&self, requested: Revision) -> Result<()> {
        if requested < self.compacted {
            return Err(StoreError::Compacted {
                requested,
                compacted: self.compacted,
            });
        }
        Ok(())
    }

    /// Refuses a revision that does not exist yet.
    pub(super) fn check_reached(&self, requested: Revision) -> Result<()> {
        if requested > self.revision {
            return Err(StoreError::FutureRevision {
                requested,
                current: self.revision,
            });
        }
        Ok(())
    }
}

pub(super) fn state(snapshot: &Transaction<'_>) -> Result<State> {
    const SQL: &str = "SELECT (SELECT coalesce(max(revision), 0) FROM history), revision FROM compaction";
    let mut statement = snapshot.prepare_cached(SQL).map_err(read_error)?;
    let numbers = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (Number(revision), Number(compacted)) = statement.query_row([], numbers).map_err(read_error)?;
    Ok(State { revision, compacted })
}

pub(super) fn get_many(snapshot: &Transaction<'_>, keys: &[String]) -> Result<Vec<Option<Entry>>> {
    const SQL: &str =
        "SELECT history.* FROM live JOIN history ON history.id = live.history_id WHERE live.key = ?1";
    let mut statement = snapshot.prepare_cached(SQL).map_err(read_error)?;
    keys.iter()
        .map(|key| statement.query_row([key], entry).optional().map_err(read_error))
        .collect()
}

pub(super) fn list(snapshot: &Transaction<'_>, prefix: &str, options: &ListOptions) -> Result<Listing> {
    let state = state(snapshot)?;
    let revision = options.at.unwrap_or(state.revision);
    state.check_kept(revision)?;
    state.check_reached(revision)?;
    let range = Range::new(prefix, options);
    let mut entries = match revision == state.revision {
        true => list_live(snapshot, &range),
        false => list_past(snapshot, &range, revision),
    }
    .map_err(read_error)?;
    let limit = options.limit.unwrap_or(usize::MAX);
    let more = entries.len() > limit;
    entries.truncate(limit);
    Ok(Listing {
        entries,
        revision,
        more,
    })
}

/// A part of the key space, and how many rows of it to look at.
struct Range {
    start: String,
    end: rusqlite::types::Value,
    rows: i64,
}

impl Range {
    fn new(prefix: &str, options: &ListOptions) -> Self {
        // The first key after a key is that key with a zero byte appended.
        let after = options
            .after
            .as_ref()
            .map(|key| format!("{key}\0"))
            .unwrap_or_default();
        // One row over the limit tells whether there is more; a negative number is no limit.
        let rows = options
            .limit
            .and_then(|limit| i64::try_from(limit).ok()?.checked_add(1))
            .unwrap_or(-1);
        Self {
            start: after.max(prefix.to_owned()),
            end: range_end(prefix),
            rows,
        }
    }
}

fn list_live(snapshot: &Transaction<'_>, range: &Range) -> rusqlite::Result<Vec<Entry>> {
    const SQL: &str = "SELECT history.* FROM live JOIN history ON history.id = live.history_id
                       WHERE live.key >= :start AND live.key < :end ORDER BY live.key LIMIT :rows";
    let parameters = named_params! { ":start": range.start, ":end": range.end, ":rows": range.rows };
    snapshot
        .prepare_cached(SQL)?
        .query_map(parameters, entry)?
        .collect()
}

/// The last change of each key up to the revision, unless that was a deletion.
fn list_past(snapshot: &Transaction<'_>, range: &Range, at: Revision) -> rusqlite::Result<Vec<Entry>> {
    const SQL: &str = "SELECT * FROM history AS last
                       WHERE key >= :start AND key < :end AND revision <= :at AND value IS NOT NULL
                         AND NOT EXISTS (SELECT 1 FROM history WHERE key = last.key
                                           AND revision > last.revision AND revision <= :at)
                       ORDER BY key LIMIT :rows";
    let parameters =
        named_params! { ":start": range.start, ":end": range.end, ":rows": range.rows, ":at": Number(at) };
    snapshot
        .prepare_cached(SQL)?
        .query_map(parameters, entry)?
        .collect()
}

/// Reads a row of `history` that is a put.
pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let (Number(create_revision), Number(mod_revision), Number(version)) = (
        row.get("create_revision")?,
        row.get("revision")?,
        row.get("version")?,
    );
    let value = Bytes::from(row.get::<_, Vec<u8>>("value")?);
    Ok(Entry {
        key: row.get("key")?,
        value,
        create_revision,
        mod_revision,
        version,
    })
}
