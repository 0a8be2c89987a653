//! Opens the database file: locks it, refuses what is not ours, migrates and checks it.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::{IntegrityCheck, read_error, write_error};
use crate::{Result, StoreError};

/// Marks a SQLite file as an Evermesh store ("EVMS"), in the field that SQLite's header has for this.
const APPLICATION_ID: i32 = 0x4556_4d53;

/// Step `n` takes the schema from version `n` to `n + 1`. Steps that were released never change.
const MIGRATIONS: [&str; 1] = [include_str!("schema_1.sql")];

/// The version after all migrations, in the field that SQLite's header has for this.
const SCHEMA_VERSION: u32 = MIGRATIONS.len() as u32;

/// How long a connection waits for another one. They only meet for moments, as when a checkpoint restarts
/// the log.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The log is cut back to this size after a burst.
const WAL_BYTES: u32 = 64 << 20;

/// Holds the store against any other opener while it lives. The operating system lets go of it when the
/// process dies, so a lock file that was left behind locks nothing.
pub(super) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

/// Locks the store at `path`, by a file next to it that names the process for the error message.
pub(super) fn lock(path: &Path) -> Result<Lock> {
    if let Some(directory) = path.parent() {
        let created = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        created.map_err(|source| open_error(directory, source))?;
    }
    let lock_path = with_suffix(path, ".lock");
    let mut file = private()
        .truncate(false)
        .open(&lock_path)
        .map_err(|source| open_error(&lock_path, source))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::Locked {
                path: path.to_owned(),
                pid: read_pid(&mut file),
            });
        }
        Err(TryLockError::Error(source)) => return Err(open_error(&lock_path, source)),
    }
    let pid = format!("{}\n", std::process::id());
    file.set_len(0)
        .and_then(|()| file.write_all(pid.as_bytes()))
        .map_err(|source| open_error(&lock_path, source))?;
    Ok(Lock(file))
}

/// Opens the writer's connection to a database that is ours, current and sound; creates it when missing.
/// The caller holds the lock.
pub(super) fn open(path: &Path, check: IntegrityCheck) -> Result<Connection> {
    // Created here only so that nobody else may read it; the log files inherit that.
    private()
        .truncate(false)
        .open(path)
        .map_err(|source| open_error(path, source))?;
    let mut connection = connect(path)?;
    let version = identify(&connection, path)?;
    configure(&connection).map_err(write_error)?;
    migrate(&mut connection, version).map_err(write_error)?;
    verify(&connection, path, check)?;
    Ok(connection)
}

/// Opens a connection that cannot write.
pub(super) fn open_reader(path: &Path) -> Result<Connection> {
    let connection = connect(path)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(read_error)?;
    Ok(connection)
}

fn connect(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(read_error)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(read_error)?;
    Ok(connection)
}

/// The schema version of the file, 0 when it is new. Changes nothing: the file may not be ours.
fn identify(connection: &Connection, path: &Path) -> Result<u32> {
    let not_ours = |found: String| StoreError::NotAStore {
        path: path.to_owned(),
        found,
    };
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let application = match pragma("application_id") {
        Ok(id) => id,
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            return Err(not_ours("it is no SQLite database".to_owned()));
        }
        Err(error) => return Err(read_error(error)),
    };
    let version = pragma("user_version").map_err(read_error)?;
    let tables = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = connection
        .query_row(tables, [], |row| row.get(0))
        .map_err(read_error)?;
    match (application, u32::try_from(version)) {
        (0, Ok(0)) if tables == 0 => Ok(0),
        (APPLICATION_ID, Ok(version)) if (1..=SCHEMA_VERSION).contains(&version) => Ok(version),
        (APPLICATION_ID, Ok(version)) if version > SCHEMA_VERSION => Err(StoreError::NewerSchema {
            path: path.to_owned(),
            found: version,
            supported: SCHEMA_VERSION,
        }),
        (APPLICATION_ID, _) => Err(not_ours(format!(
            "it has the impossible schema version {version}"
        ))),
        (id, _) => Err(not_ours(format!(
            "it is a SQLite database of {tables} tables with application id {id:#x}"
        ))),
    }
}

/// A write-ahead log, synced by every commit before it returns.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES)
}

/// Runs the steps that the file lacks in one transaction: a crash leaves all of them done, or none.
fn migrate(connection: &mut Connection, version: u32) -> rusqlite::Result<()> {
    if version == SCHEMA_VERSION {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in MIGRATIONS.iter().skip(version as usize) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()
}

/// Refuses a database that contradicts itself.
fn verify(connection: &Connection, path: &Path, check: IntegrityCheck) -> Result<()> {
    let pragma = match check {
        IntegrityCheck::Quick => "PRAGMA quick_check(1)",
        IntegrityCheck::Full => "PRAGMA integrity_check(1)",
    };
    let corrupt = |detail: String| StoreError::Corrupt {
        path: path.to_owned(),
        detail,
    };
    let detail: String = connection
        .query_row(pragma, [], |row| row.get(0))
        .map_err(|error| damage(error, corrupt))?;
    if detail != "ok" {
        return Err(corrupt(detail));
    }
    let stray = "SELECT count(*) FROM live LEFT JOIN history ON history.id = live.history_id
                 WHERE (live.key, live.mod_revision) IS NOT (history.key, history.revision) OR history.value IS NULL";
    let stray: i64 = connection
        .query_row(stray, [], |row| row.get(0))
        .map_err(|error| damage(error, corrupt))?;
    match stray {
        0 => Ok(()),
        stray => Err(corrupt(format!("{stray} keys do not point at their last change"))),
    }
}

/// A damaged page can make the check itself fail.
fn damage(error: rusqlite::Error, corrupt: impl Fn(String) -> StoreError) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => corrupt(error.to_string()),
        _ => read_error(error),
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    options
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut pid = String::new();
    file.take(32).read_to_string(&mut pid).ok()?;
    pid.trim().parse().ok()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn open_error(path: &Path, source: io::Error) -> StoreError {
    StoreError::Open {
        path: path.to_owned(),
        source: Arc::new(source),
    }
}
