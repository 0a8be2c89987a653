//! Cases about reading: prefixes, pages, the past, compaction.

use std::sync::Arc;

use super::{commit, keys, list, list_at, put};
use crate::{Entry, ListOptions, Revision, Store, StoreError, Txn};

const KEYS: [&str; 9] = ["A", "a", "a\0", "a/", "a/1", "a/2", "a/\u{10ffff}", "a0", "ä"];

async fn put_keys(store: &Arc<dyn Store>) -> Revision {
    commit(store, KEYS.iter().fold(Txn::new(), |txn, key| txn.put(*key, "1"))).await
}

/// Every prefix gives its keys, in byte order, and no other.
pub async fn a_listing_has_exactly_the_prefix_in_order(store: Arc<dyn Store>) {
    let revision = put_keys(&store).await;
    for prefix in [
        "",
        "A",
        "a",
        "a/",
        "a/1",
        "a/11",
        "a/\u{10ffff}",
        "b",
        "ä",
        "\u{10ffff}",
    ] {
        let expected: Vec<&str> = KEYS.into_iter().filter(|key| key.starts_with(prefix)).collect();
        assert_eq!(keys(&list(&store, prefix).await), expected, "{prefix:?}");
        assert_eq!(
            keys(&list_at(&store, prefix, revision).await),
            expected,
            "{prefix:?}"
        );
    }
}

/// Pages of every size join up, and `after` need not be a key that exists.
pub async fn pages_make_up_the_listing(store: Arc<dyn Store>) {
    put_keys(&store).await;
    for limit in 1..=KEYS.len() + 1 {
        let pages = pages(&store, "a", limit, None).await;
        assert_eq!(
            keys(&pages.concat()),
            ["a", "a\0", "a/", "a/1", "a/2", "a/\u{10ffff}", "a0"]
        );
        assert!(
            pages.iter().rev().skip(1).all(|page| page.len() == limit),
            "only the last page is short"
        );
    }
    for (after, expected) in [
        ("", 4),
        ("Z", 4),
        ("a/", 3),
        ("a/11", 2),
        ("a/\u{10ffff}", 0),
        ("b", 0),
    ] {
        let options = ListOptions {
            after: Some(after.into()),
            ..ListOptions::default()
        };
        assert_eq!(
            store.list("a/", options).await.unwrap().entries.len(),
            expected,
            "{after:?}"
        );
    }
    let nothing = ListOptions {
        limit: Some(0),
        ..ListOptions::default()
    };
    let listing = store.list("a", nothing).await.unwrap();
    assert_eq!((listing.entries.len(), listing.more), (0, true));
}

/// Paging through a revision gives what was there, whatever happens meanwhile.
pub async fn pages_at_a_revision_ignore_later_commits(store: Arc<dyn Store>) {
    let revision = put_keys(&store).await;
    let expected = list(&store, "a").await;
    for meanwhile in [
        Txn::new().put("a/1", "changed").put("a/3", "new"),
        Txn::new().delete_prefix("a/"),
        Txn::new().put("a/1", "created again"),
        Txn::new().delete_prefix(""),
    ] {
        commit(&store, meanwhile).await;
        assert_eq!(pages(&store, "a", 2, Some(revision)).await.concat(), expected);
    }
}

/// Reads pages until there are no more, all at the revision of the first.
async fn pages(store: &Arc<dyn Store>, prefix: &str, limit: usize, at: Option<Revision>) -> Vec<Vec<Entry>> {
    let mut options = ListOptions {
        at,
        after: None,
        limit: Some(limit),
    };
    let mut pages = Vec::new();
    loop {
        let listing = store.list(prefix, options.clone()).await.unwrap();
        options.at = Some(listing.revision);
        options.after = listing.entries.last().map(|entry| entry.key.clone());
        pages.push(listing.entries);
        if !listing.more {
            return pages;
        }
    }
}

/// A history of creations, changes and deletions that is checked at each of its revisions.
async fn history(store: &Arc<dyn Store>) -> Vec<(Revision, Vec<Entry>)> {
    let mut states = vec![(store.revision().await.unwrap(), Vec::new())];
    for txn in [
        Txn::new().put("a", "1").put("b", "1"),
        Txn::new().put("a", "2"),
        Txn::new().delete("b").put("c", "1"),
        Txn::new().put("b", "2"),
        Txn::new().delete_prefix(""),
        Txn::new().put("b", "3"),
        Txn::new().put("d", "1"),
    ] {
        let revision = commit(store, txn).await;
        states.push((revision, list(store, "").await));
    }
    states
}

/// Every revision reads as it did when it was the last.
pub async fn the_past_stays_readable(store: Arc<dyn Store>) {
    for (revision, entries) in history(&store).await {
        assert_eq!(
            list_at(&store, "", revision).await,
            entries,
            "at revision {revision}"
        );
    }
}

/// Below the compaction is refused, from there on nothing changes; compacting again is harmless.
pub async fn compaction_forgets_the_past_and_nothing_else(store: Arc<dyn Store>) {
    let states = history(&store).await;
    let current = store.revision().await.unwrap();
    for compacted in states.iter().map(|(revision, _)| *revision).skip(1) {
        store.compact(compacted).await.unwrap();
        store.compact(compacted).await.unwrap();
        store.compact(states[0].0).await.unwrap();
        for (revision, entries) in &states {
            if *revision >= compacted {
                assert_eq!(
                    &list_at(&store, "", *revision).await,
                    entries,
                    "at {revision} of {compacted}"
                );
                continue;
            }
            let options = ListOptions {
                at: Some(*revision),
                ..ListOptions::default()
            };
            let error = store.list("", options).await.unwrap_err();
            let StoreError::Compacted {
                requested,
                compacted: reported,
            } = error
            else {
                panic!("{error:?}")
            };
            assert_eq!((requested, reported), (*revision, compacted));
        }
        assert_eq!(store.revision().await.unwrap(), current);
    }
    assert_eq!(put(&store, "a", "after").await, current + 1);
}

/// What has not happened cannot be read or compacted.
pub async fn a_future_revision_cannot_be_read(store: Arc<dyn Store>) {
    let current = put(&store, "a", "1").await;
    let options = ListOptions {
        at: Some(current + 1),
        ..ListOptions::default()
    };
    for error in [
        store.list("", options).await.unwrap_err(),
        store.compact(current + 1).await.unwrap_err(),
    ] {
        let StoreError::FutureRevision {
            requested,
            current: reported,
        } = error
        else {
            panic!("{error:?}")
        };
        assert_eq!((requested, reported), (current + 1, current));
    }
    assert_eq!(keys(&list_at(&store, "", current).await), ["a"]);
}

/// One answer per question, in order, repeated ones and missing ones included.
pub async fn get_many_answers_in_order(store: Arc<dyn Store>) {
    put(&store, "a", "1").await;
    put(&store, "b", "2").await;
    let answers = store.get_many(&["b", "none", "a", "b"]).await.unwrap();
    let found: Vec<_> = answers
        .iter()
        .map(|entry| entry.as_ref().map(|entry| entry.key.as_str()))
        .collect();
    assert_eq!(found, [Some("b"), None, Some("a"), Some("b")]);
    assert_eq!(store.get_many(&[]).await.unwrap(), []);
}
