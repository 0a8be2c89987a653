//! Tests of what cannot be provoked from outside: failing statements and commits, and how many commits the
//! writer makes. Everything else is tested through the public interface, in `tests/`.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    IntegrityCheck,
    file::{self, Lock},
    pool::Pool,
    writer::{Command, Job, Thread, commit_together},
};
use crate::{Outcome, Result, Revision, StoreError, Txn};

/// An open database whose history table breaks on certain keys.
struct Database {
    connection: Connection,
    lock: Lock,
    path: PathBuf,
    _directory: TempDir,
}

fn database() -> Database {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let lock = file::lock(&path).unwrap();
    let connection = file::open(&path, IntegrityCheck::Quick).unwrap();
    let sabotage = "
        CREATE TABLE dangling (id INTEGER PRIMARY KEY,
            parent INTEGER REFERENCES dangling (id) DEFERRABLE INITIALLY DEFERRED);
        CREATE TEMP TRIGGER statement_fails BEFORE INSERT ON history WHEN new.key = 'statement fails'
            BEGIN SELECT raise(ABORT, 'sabotage'); END;
        CREATE TEMP TRIGGER all_is_undone BEFORE INSERT ON history WHEN new.key = 'all is undone'
            BEGIN SELECT raise(ROLLBACK, 'sabotage'); END;
        CREATE TEMP TRIGGER commit_fails BEFORE INSERT ON history WHEN new.key = 'commit fails'
            BEGIN INSERT INTO dangling VALUES (1, 2); END;
        PRAGMA foreign_keys = ON;";
    connection.execute_batch(sabotage).unwrap();
    Database {
        connection,
        lock,
        path,
        _directory: directory,
    }
}

fn commit(database: &mut Database, txns: &[Txn]) -> Result<(Vec<Result<Outcome>>, Revision)> {
    commit_together(&mut database.connection, txns.iter())
}

fn keys(database: &Database) -> Vec<(String, Revision)> {
    let mut statement = database
        .connection
        .prepare("SELECT key, mod_revision FROM live ORDER BY key")
        .unwrap();
    let rows = statement
        .query_map([], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?.try_into().unwrap()))
        })
        .unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

#[test]
fn the_writer_syncs_every_commit() {
    let database = database();
    let pragma = |name| {
        database
            .connection
            .pragma_query_value(None, name, |row| row.get(0))
    };
    assert_eq!(pragma("synchronous"), Ok(2), "2 is FULL");
    let mode: String = database
        .connection
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn a_transaction_sees_the_earlier_ones_of_its_commit() {
    let mut database = database();
    let txns = [
        Txn::new().absent("a").put("a", "1"),
        Txn::new().absent("a").put("b", "1"),
        Txn::new().put("c", "1"),
    ];
    let (outcomes, revision) = commit(&mut database, &txns).unwrap();
    assert_eq!(revision, 2);
    assert_eq!(outcomes[0].as_ref().unwrap(), &Outcome::Committed(1));
    assert!(matches!(&outcomes[1], Ok(Outcome::Refused(refusal)) if refusal.found == Some(1)));
    assert_eq!(outcomes[2].as_ref().unwrap(), &Outcome::Committed(2));
}

#[test]
fn a_failing_transaction_leaves_the_others_of_its_commit_alone() {
    let mut database = database();
    let failing = Txn::new()
        .put("half", "1")
        .put("statement fails", "1")
        .put("other half", "1");
    let txns = [Txn::new().put("a", "1"), failing, Txn::new().put("b", "1")];
    let (outcomes, revision) = commit(&mut database, &txns).unwrap();
    assert!(
        matches!(outcomes[..], [Ok(_), Err(StoreError::Write { .. }), Ok(_)]),
        "{outcomes:?}"
    );
    assert_eq!(revision, 2);
    assert_eq!(keys(&database), [("a".to_owned(), 1), ("b".to_owned(), 2)]);
}

#[test]
fn a_failed_commit_fails_all_and_changes_nothing() {
    for fatal in ["commit fails", "all is undone"] {
        let mut database = database();
        commit(&mut database, &[Txn::new().put("before", "1")]).unwrap();
        let txns = [
            Txn::new().put("a", "1"),
            Txn::new().put(fatal, "1"),
            Txn::new().put("b", "1"),
        ];
        let error = commit(&mut database, &txns).unwrap_err();
        assert!(matches!(error, StoreError::Write { .. }), "{fatal}: {error:?}");
        assert_eq!(keys(&database), [("before".to_owned(), 1)], "{fatal}");
        let (_, revision) = commit(&mut database, &[Txn::new().put("after", "1")]).unwrap();
        assert_eq!(revision, 2, "{fatal}");
    }
}

#[test]
fn what_is_queued_shares_one_commit() {
    let Database {
        connection,
        lock,
        path,
        _directory,
    } = database();
    // It keeps the log alive when the writer closes.
    let observer = file::open_reader(&path).unwrap();
    observer
        .query_row("SELECT count(*) FROM live", [], |row| row.get::<_, i64>(0))
        .unwrap();
    let commits_before = commits_in_log(&path);

    let (queue, commands) = mpsc::channel(64);
    let outcomes: Vec<_> = (0..50)
        .map(|number| {
            let (done, outcome) = oneshot::channel();
            let txn = Txn::new().put(format!("key/{number}"), "value");
            queue.try_send(Command::Commit(Job { txn, done })).ok().unwrap();
            outcome
        })
        .collect();
    drop(queue);
    let readers = Arc::new(Pool::new(Vec::new()));
    Thread::new(connection, lock, readers, watch::channel(0).0, None).run(commands, 64);

    for (index, outcome) in (1..).zip(outcomes) {
        assert_eq!(
            outcome.blocking_recv().unwrap().unwrap(),
            Outcome::Committed(index)
        );
    }
    assert_eq!(commits_in_log(&path) - commits_before, 1);
}

/// Counts the frames of the write-ahead log that end a commit: those that state the size of the database
/// (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>).
fn commits_in_log(path: &Path) -> usize {
    const HEADER: usize = 32;
    const FRAME_HEADER: usize = 24;
    let log = fs::read(path.with_extension("db-wal")).unwrap();
    let page = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
    log[HEADER..]
        .chunks_exact(FRAME_HEADER + page)
        .filter(|frame| frame[4..8] != [0; 4])
        .count()
}
