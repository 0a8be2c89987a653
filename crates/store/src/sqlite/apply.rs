//! What one transaction does, within a SQLite transaction that it may share with others.

use rusqlite::{Connection, OptionalExtension, named_params};

use super::value::{Number, range_end};
use crate::{Condition, Op, Outcome, Refusal, Revision, Txn};

/// Evaluates and applies a transaction to a store at `revision`. On an error, the caller rolls back to where
/// it was.
pub(super) fn apply(connection: &Connection, revision: Revision, txn: &Txn) -> rusqlite::Result<Outcome> {
    for (index, condition) in txn.conditions.iter().enumerate() {
        if let Some((key, found)) = contradiction(connection, condition)? {
            return Ok(Outcome::Refused(Refusal {
                condition: index,
                key,
                found,
                revision,
            }));
        }
    }
    let mut changed = false;
    for op in &txn.ops {
        changed |= perform(connection, revision + 1, op)?;
    }
    Ok(Outcome::Committed(revision + Revision::from(changed)))
}

/// The key that contradicts the condition and the revision it has, or `None` when the condition holds.
fn contradiction(
    connection: &Connection,
    condition: &Condition,
) -> rusqlite::Result<Option<(String, Option<Revision>)>> {
    let key_unless = |key: &String, holds: fn(Revision, Revision) -> bool, expected| {
        let found = mod_revision(connection, key)?;
        Ok((!holds(found.unwrap_or(0), expected)).then(|| (key.clone(), found)))
    };
    match condition {
        Condition::Absent(key) => key_unless(key, |found, _| found == 0, 0),
        Condition::Exists(key) => key_unless(key, |found, _| found > 0, 0),
        Condition::At { key, mod_revision } => {
            key_unless(key, |found, expected| found == expected, *mod_revision)
        }
        Condition::PrefixEmpty(prefix) => first_put_after(connection, prefix, 0),
        Condition::NoPutSince { prefix, revision } => first_put_after(connection, prefix, *revision),
    }
}

fn mod_revision(connection: &Connection, key: &str) -> rusqlite::Result<Option<Revision>> {
    let mut statement = connection.prepare_cached("SELECT mod_revision FROM live WHERE key = ?1")?;
    Ok(statement
        .query_row([key], |row| row.get::<_, Number>(0))
        .optional()?
        .map(|number| number.0))
}

fn first_put_after(
    connection: &Connection,
    prefix: &str,
    revision: Revision,
) -> rusqlite::Result<Option<(String, Option<Revision>)>> {
    const SQL: &str = "SELECT key, mod_revision FROM live
                       WHERE key >= :start AND key < :end AND mod_revision > :revision ORDER BY key LIMIT 1";
    let parameters =
        named_params! { ":start": prefix, ":end": range_end(prefix), ":revision": Number(revision) };
    let mut statement = connection.prepare_cached(SQL)?;
    statement
        .query_row(parameters, |row| {
            Ok((row.get(0)?, Some(row.get::<_, Number>(1)?.0)))
        })
        .optional()
}

/// Performs one operation as part of `revision`; whether it changed anything.
fn perform(connection: &Connection, revision: Revision, op: &Op) -> rusqlite::Result<bool> {
    match op {
        Op::Put { key, value } => put(connection, revision, key, value).map(|()| true),
        Op::Delete { key } => delete(connection, revision, key),
        Op::DeletePrefix { prefix } => delete_prefix(connection, revision, prefix),
    }
}

fn put(connection: &Connection, revision: Revision, key: &str, value: &[u8]) -> rusqlite::Result<()> {
    const PREVIOUS: &str = "SELECT create_revision, version FROM live
                            JOIN history ON history.id = live.history_id WHERE live.key = ?1";
    const LIVE: &str = "INSERT INTO live VALUES (:key, :revision, :id)
                        ON CONFLICT DO UPDATE SET mod_revision = :revision, history_id = :id";
    let mut previous = connection.prepare_cached(PREVIOUS)?;
    let previous = previous
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (Number(created), Number(version)) = previous.unwrap_or((Number(revision), Number(0)));
    record(connection, revision, key, Some(value), (created, version + 1))?;
    let id = connection.last_insert_rowid();
    let parameters = named_params! { ":key": key, ":revision": Number(revision), ":id": id };
    connection.prepare_cached(LIVE)?.execute(parameters)?;
    Ok(())
}

fn delete(connection: &Connection, revision: Revision, key: &str) -> rusqlite::Result<bool> {
    let existed = connection
        .prepare_cached("DELETE FROM live WHERE key = ?1")?
        .execute([key])?
        > 0;
    if existed {
        record(connection, revision, key, None, (0, 0))?;
    }
    Ok(existed)
}

/// As [`delete`] of each key, in two statements however many there are.
fn delete_prefix(connection: &Connection, revision: Revision, prefix: &str) -> rusqlite::Result<bool> {
    const RECORD: &str = "INSERT INTO history (revision, key, value, create_revision, version)
                          SELECT :revision, key, NULL, 0, 0 FROM live
                          WHERE key >= :start AND key < :end ORDER BY key";
    const DELETE: &str = "DELETE FROM live WHERE key >= ?1 AND key < ?2";
    let end = range_end(prefix);
    let parameters = named_params! { ":revision": Number(revision), ":start": prefix, ":end": end };
    connection.prepare_cached(RECORD)?.execute(parameters)?;
    let deleted = connection.prepare_cached(DELETE)?.execute((prefix, &end))?;
    Ok(deleted > 0)
}

/// Appends a change to the history; without a value it is a deletion.
fn record(
    connection: &Connection,
    revision: Revision,
    key: &str,
    value: Option<&[u8]>,
    (created, version): (Revision, u64),
) -> rusqlite::Result<()> {
    const SQL: &str = "INSERT INTO history (revision, key, value, create_revision, version)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
    let parameters = (Number(revision), key, value, Number(created), Number(version));
    connection.prepare_cached(SQL)?.execute(parameters)?;
    Ok(())
}
