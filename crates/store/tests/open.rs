//! The life cycle of a SQLite store: what opening refuses and leaves alone, what survives reopening, what
//! closing does, and how it keeps its history short.

// The helpers of a test assert by `unwrap` as the test itself does.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    os::unix::fs::{FileExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use evermesh_store::{
    Fault, IntegrityCheck, ListOptions, Outcome, Retry, SqliteOptions, SqliteStore, Store, StoreError, Txn,
};
use rusqlite::Connection;
use tempfile::TempDir;

fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data/store.db");
    (directory, path)
}

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, SqliteOptions::default())
}

/// The error of opening, which must leave the file as it is.
fn refusal(path: &Path) -> StoreError {
    let before = fs::read(path).unwrap();
    let error = open(path).err().expect("it must not open");
    assert!(fs::read(path).unwrap() == before, "{error}: the file was changed");
    error
}

/// Puts a key until told otherwise; returns the revision.
async fn put(store: &SqliteStore, key: &str) -> u64 {
    let outcome = store.commit(Txn::new().put(key, "value")).await.unwrap();
    outcome.committed().expect("there are no conditions")
}

/// A closed store at `path` with a hundred keys, and its log merged into the one file.
async fn closed_store(path: &Path) {
    let store = open(path).unwrap();
    for number in 0..100 {
        put(&store, &format!("key/{number}")).await;
    }
    store.close().await;
    assert!(!path.with_extension("db-wal").exists(), "closing merges the log");
}

#[tokio::test]
async fn a_reopened_store_is_as_it_was() {
    let (_directory, path) = directory();
    let store = open(&path).unwrap();
    put(&store, "a").await;
    put(&store, "b").await;
    store.compact(1).await.unwrap();
    let before = store.list("", ListOptions::default()).await.unwrap();
    store.close().await;

    for check in [IntegrityCheck::Quick, IntegrityCheck::Full] {
        let store = SqliteStore::open(
            &path,
            SqliteOptions {
                check,
                ..SqliteOptions::default()
            },
        )
        .unwrap();
        assert_eq!(store.list("", ListOptions::default()).await.unwrap(), before);
        let mut watch = store.watch("", 2).await.unwrap();
        assert_eq!(watch.next().await.unwrap().revision, 2);
        store.close().await;
    }
    assert_eq!(put(&open(&path).unwrap(), "c").await, 3);
}

#[tokio::test]
async fn only_its_owner_can_read_the_files() {
    let (_directory, path) = directory();
    let store = open(&path).unwrap();
    put(&store, "a").await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for file in fs::read_dir(path.parent().unwrap()).unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_store_is_opened_once() {
    let (_directory, path) = directory();
    let store = open(&path).unwrap();
    let error = open(&path).err().unwrap();
    let StoreError::Locked { pid, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(*pid, Some(std::process::id()));
    let expected = format!("is in use by process {}; stop that server", std::process::id());
    assert!(error.to_string().contains(&expected), "{error}");
    assert_eq!((error.fault(), error.retry()), (Fault::Operator, Retry::Later));
    store.close().await;
    open(&path).unwrap();
}

#[tokio::test]
async fn an_empty_file_becomes_a_store() {
    let (directory, _) = directory();
    let path = directory.path().join("store.db");
    fs::write(&path, "").unwrap();
    assert_eq!(put(&open(&path).unwrap(), "a").await, 1);
}

#[test]
fn what_is_no_store_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("notes.txt");
    fs::write(
        &text,
        "This is long enough to be taken for the header of a database. ".repeat(100),
    )
    .unwrap();
    let unmarked = directory.path().join("unmarked.db");
    Connection::open(&unmarked)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    let marked = directory.path().join("marked.db");
    Connection::open(&marked)
        .unwrap()
        .pragma_update(None, "application_id", 7)
        .unwrap();
    for (path, found) in [
        (text, "it is no SQLite database"),
        (
            unmarked,
            "it is a SQLite database of 1 tables with application id 0x0",
        ),
        (
            marked,
            "it is a SQLite database of 0 tables with application id 0x7",
        ),
    ] {
        let error = refusal(&path);
        assert!(
            matches!(&error, StoreError::NotAStore { found: reason, .. } if reason == found),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let (_directory, path) = directory();
    closed_store(&path).await;
    let version = |version| {
        Connection::open(&path)
            .unwrap()
            .pragma_update(None, "user_version", version)
            .unwrap()
    };
    version(99);
    let error = refusal(&path);
    assert!(
        matches!(
            error,
            StoreError::NewerSchema {
                found: 99,
                supported: 1,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .ends_with("versions up to 1; use a newer Evermesh"),
        "{error}"
    );
    version(-1);
    assert!(matches!(refusal(&path), StoreError::NotAStore { .. }));
    version(1);
    open(&path).unwrap();
}

#[tokio::test]
async fn damage_is_found_on_opening() {
    let (_directory, path) = directory();
    closed_store(&path).await;
    let sound = fs::read(&path).unwrap();

    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[0xff; 2048], 4096).unwrap();
    let error = open(&path).err().unwrap();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");

    fs::write(&path, sound).unwrap();
    let sql = "UPDATE live SET mod_revision = 7 WHERE key = 'key/90'";
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let error = open(&path).err().unwrap().to_string();
    assert!(
        error.ends_with("is damaged (1 keys do not point at their last change); restore it from a backup"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_opened_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let (file, inner) = (directory.path().join("file"), directory.path().join("inner"));
    fs::write(&file, "").unwrap();
    fs::create_dir(&inner).unwrap();
    for (path, named) in [(file.join("store.db"), &file), (inner.clone(), &inner)] {
        let error = open(&path).err().unwrap();
        assert!(
            matches!(&error, StoreError::Open { path, .. } if path == named),
            "{error:?}"
        );
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[tokio::test]
async fn closing_commits_what_is_queued_and_refuses_the_rest() {
    let (_directory, path) = directory();
    let store = Arc::new(open(&path).unwrap());
    let mut watch = store.watch("", 1_000_000).await.unwrap();
    let commits: Vec<_> = (0..100)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                store
                    .commit(Txn::new().put(format!("key/{number}"), "value"))
                    .await
            })
        })
        .collect();
    tokio::task::yield_now().await;
    store.close().await;
    store.close().await;
    let mut committed = 0;
    for commit in commits {
        match commit.await.unwrap() {
            Ok(Outcome::Committed(_)) => committed += 1,
            Err(StoreError::Closed) => {}
            outcome => panic!("{outcome:?}"),
        }
    }
    assert!(matches!(watch.next().await, Err(StoreError::Closed)));
    assert!(matches!(store.get("a").await, Err(StoreError::Closed)));
    assert!(matches!(store.compact(0).await, Err(StoreError::Closed)));
    let reopened = open(&path).unwrap();
    assert_eq!(
        reopened
            .list("", ListOptions::default())
            .await
            .unwrap()
            .entries
            .len(),
        committed
    );
}

#[tokio::test]
async fn history_is_kept_as_long_as_configured() {
    let (_directory, path) = directory();
    let options = SqliteOptions {
        keep_revisions: Some(50),
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open(&path, options).unwrap();
    put(&store, "kept").await;
    for number in 0..300 {
        let revision = put(&store, &format!("key/{}", number % 3)).await;
        let oldest = ListOptions {
            at: Some(revision.saturating_sub(50)),
            ..ListOptions::default()
        };
        store.list("", oldest).await.unwrap();
    }
    let entry = store
        .get("kept")
        .await
        .unwrap()
        .expect("what exists is never forgotten");
    assert_eq!(entry.mod_revision, 1);
    store.close().await;
    let sql = "SELECT count(*), min(revision) FROM history WHERE key <> 'kept'";
    let (rows, oldest) = Connection::open(&path)
        .unwrap()
        .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let (rows, oldest): (i64, i64) = (rows, oldest);
    assert!(
        (50..=60).contains(&rows) && oldest >= 301 - 60,
        "{rows} rows from revision {oldest}"
    );
}
