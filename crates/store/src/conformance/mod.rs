//! The suite that every back end must pass, written against [`Store`] alone.
//!
//! A back end runs it with [`conformance_tests!`](crate::conformance_tests), which makes a test of each
//! case. Every case gets an empty store of its own. Cases compare revisions with the one the store starts
//! at, and expect that nobody else writes to it.

// Here, as in a test, an `unwrap` is an assertion.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

mod concurrent;
mod list;
mod model;
mod txn;
mod watch;

use std::{future::Future, sync::Arc, time::Duration};

pub use concurrent::*;
pub use list::*;
pub use model::agrees_with_the_model;
pub use txn::*;
pub use watch::*;

use crate::{Batch, Entry, Event, ListOptions, Outcome, Refusal, Revision, Store, Txn, Watch};

/// Makes a test of every case of the suite. The argument is the path of an `async fn` without arguments that
/// returns an empty store and whatever must live as long:
/// `async fn empty_store() -> (Arc<dyn Store>, impl Sized)`. The calling crate needs `tokio` with `macros`.
#[macro_export]
macro_rules! conformance_tests {
    ($factory:path) => {
        $crate::conformance_tests! { $factory:
            an_empty_store_has_nothing
            a_put_is_read_back
            any_key_and_value_is_kept_as_it_is
            each_condition_holds_or_refuses
            a_refused_transaction_changes_nothing
            conditions_are_evaluated_in_order_before_the_operations
            a_commit_without_change_takes_no_revision
            a_commit_gives_all_its_changes_one_revision
            delete_prefix_deletes_exactly_the_prefix
            overlapping_operations_are_refused
            what_exceeds_a_limit_is_refused
            a_listing_has_exactly_the_prefix_in_order
            pages_make_up_the_listing
            pages_at_a_revision_ignore_later_commits
            the_past_stays_readable
            compaction_forgets_the_past_and_nothing_else
            a_future_revision_cannot_be_read
            get_many_answers_in_order
            a_watch_replays_and_goes_on_live
            a_watch_sees_only_its_prefix
            a_watch_may_start_in_the_future
            a_watch_reports_each_commit_once_and_whole
            a_watch_below_the_compaction_fails
            a_watch_from_the_compaction_misses_nothing
            a_slow_watch_gets_everything
            a_cancelled_wait_loses_nothing
            compare_and_set_loses_no_increment
            one_creator_wins
            a_commit_is_seen_by_the_next_read
            reads_are_consistent_under_writes
            list_and_watch_follow_concurrent_writers
        }

        #[test]
        fn agrees_with_the_model() {
            $crate::conformance::agrees_with_the_model($factory);
        }
    };
    ($factory:path: $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (store, _guard) = $factory().await;
                $crate::conformance::$case(store).await;
            }
        )*
    };
}

/// How long to wait for what must come, so that a bug ends in a failure instead of a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// Commits a transaction whose conditions must hold.
async fn commit(store: &Arc<dyn Store>, txn: Txn) -> Revision {
    match store.commit(txn).await.unwrap() {
        Outcome::Committed(revision) => revision,
        Outcome::Refused(refusal) => panic!("{refusal}"),
    }
}

/// Commits a transaction one of whose conditions must not hold.
async fn refused(store: &Arc<dyn Store>, txn: Txn) -> Refusal {
    match store.commit(txn).await.unwrap() {
        Outcome::Committed(revision) => panic!("committed at revision {revision}"),
        Outcome::Refused(refusal) => refusal,
    }
}

async fn put(store: &Arc<dyn Store>, key: &str, value: &str) -> Revision {
    commit(store, Txn::new().put(key, value.to_owned())).await
}

async fn list(store: &Arc<dyn Store>, prefix: &str) -> Vec<Entry> {
    store.list(prefix, ListOptions::default()).await.unwrap().entries
}

async fn list_at(store: &Arc<dyn Store>, prefix: &str, at: Revision) -> Vec<Entry> {
    let options = ListOptions {
        at: Some(at),
        ..ListOptions::default()
    };
    let listing = store.list(prefix, options).await.unwrap();
    assert_eq!((listing.revision, listing.more), (at, false));
    listing.entries
}

fn keys(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.key.as_str()).collect()
}

async fn next(watch: &mut Watch) -> Batch {
    patiently(watch.next()).await.unwrap()
}

/// Waits for what must come.
async fn patiently<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it does not come")
}

/// A batch in short: its revision, and per event `key=value` or `-key`.
fn shown(batch: &Batch) -> (Revision, Vec<String>) {
    let event = |event: &Event| match event {
        Event::Put(entry) => format!("{}={}", entry.key, str::from_utf8(&entry.value).unwrap()),
        Event::Delete { key } => format!("-{key}"),
    };
    (batch.revision, batch.events.iter().map(event).collect())
}
