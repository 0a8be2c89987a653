//! Forgets history that nobody can ask for any more.

use rusqlite::{Connection, TransactionBehavior};

use super::{read, value::Number, write_error};
use crate::{Result, Revision};

/// Moves the compaction up to `keep_from`, or does nothing when it is there already.
///
/// What stays below it is the last change of each key that then existed. So the work is in proportion to the
/// changes between the two compactions, not to the size of the store.
pub(super) fn compact(connection: &mut Connection, keep_from: Revision) -> Result<()> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(write_error)?;
    let state = read::state(&transaction)?;
    state.check_reached(keep_from)?;
    if keep_from <= state.compacted {
        return Ok(());
    }
    forget(&transaction, state.compacted, keep_from).map_err(write_error)?;
    transaction.commit().map_err(write_error)
}

/// Compacts when a tenth more than `keep` revisions are kept.
pub(super) fn compact_excess(connection: &mut Connection, keep: u64) -> Result<()> {
    let state = read::state(&connection.unchecked_transaction().map_err(write_error)?)?;
    let excess = (state.revision - state.compacted).saturating_sub(keep);
    match excess > keep / 10 {
        true => compact(connection, state.compacted + excess),
        false => Ok(()),
    }
}

fn forget(connection: &Connection, from: Revision, to: Revision) -> rusqlite::Result<()> {
    // A change outdates the one before it of the same key, and that one its predecessor, until it reaches
    // what an earlier compaction has removed.
    const OUTDATED: &str = "DELETE FROM history WHERE id IN (
           SELECT (SELECT older.id FROM history AS older
                   WHERE older.key = newer.key AND older.revision < newer.revision
                   ORDER BY older.revision DESC LIMIT 1)
           FROM history AS newer INDEXED BY history_by_revision
           WHERE newer.revision > ?1 AND newer.revision <= ?2)";
    // The deletions of `to` itself stay, for a watch from there.
    const DELETIONS: &str = "DELETE FROM history WHERE revision >= ?1 AND revision < ?2 AND value IS NULL";
    let range = (Number(from), Number(to));
    connection.prepare_cached(OUTDATED)?.execute(range)?;
    connection.prepare_cached(DELETIONS)?.execute(range)?;
    connection
        .prepare_cached("UPDATE compaction SET revision = ?1")?
        .execute([Number(to)])?;
    Ok(())
}
