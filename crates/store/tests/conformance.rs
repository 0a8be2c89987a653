//! The shared suite on the SQLite back end.

// The helpers of a test assert by `unwrap` as the test itself does.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use evermesh_store::{SqliteOptions, SqliteStore, Store};

evermesh_store::conformance_tests!(empty_store);

async fn empty_store() -> (Arc<dyn Store>, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("store.db"), SqliteOptions::default()).unwrap();
    (Arc::new(store), directory)
}
