//! Durable, transactional, revisioned, watchable key-value storage modelled on etcd.
//!
//! Start at [`Store`], the one trait everything above this crate uses; [`SqliteStore`] is the embedded
//! back end. Every primitive maps onto an etcd `Txn`, `Range`, `Watch` or `Compact` request, so that
//! etcd itself can stand behind the same trait. Whatever claims to be a back end passes the suite in
//! `conformance` (feature `conformance`).
//!
//! The rules, in one place:
//!
//! * A commit that changes something takes the next [`Revision`]; all its changes carry that revision.
//! * A commit is acknowledged only once it is durable, and is then seen by every later read.
//! * Reads see committed state only, and each read sees one revision of it.
//! * The past stays readable and watchable down to the compaction, and is refused below it.
//!
//! This crate never knows what the values mean: no App Mesh rule belongs here.

mod error;
mod limits;
mod prefix;
mod sqlite;
mod store;
mod txn;
mod types;
mod watch;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use error::{Cause, Fault, Result, Retry, StoreError};
pub use limits::Limits;
pub use sqlite::{IntegrityCheck, SqliteOptions, SqliteStore};
pub use store::Store;
pub use txn::{Condition, Op, Outcome, Refusal, Txn};
pub use types::{Batch, Entry, Event, ListOptions, Listing, Revision};
pub use watch::{Watch, WatchSource};
