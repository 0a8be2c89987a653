//! Cases about transactions: what is stored, conditions, atomicity, revisions, limits.

use std::sync::Arc;

use bytes::Bytes;

use super::{commit, keys, list, put, refused};
use crate::{Condition, Entry, Limits, ListOptions, Listing, Op, Refusal, Store, StoreError, Txn};

/// A new store reads as empty.
pub async fn an_empty_store_has_nothing(store: Arc<dyn Store>) {
    let revision = store.revision().await.unwrap();
    assert_eq!(store.get("a").await.unwrap(), None);
    let listing = store.list("", ListOptions::default()).await.unwrap();
    assert_eq!(
        listing,
        Listing {
            entries: Vec::new(),
            revision,
            more: false
        }
    );
}

/// Creation, overwriting, deletion and creation anew count as they must.
pub async fn a_put_is_read_back(store: Arc<dyn Store>) {
    let base = store.revision().await.unwrap();
    let entry = |value: &'static str, created, modified, version| Entry {
        key: "a".to_owned(),
        value: Bytes::from_static(value.as_bytes()),
        create_revision: base + created,
        mod_revision: base + modified,
        version,
    };
    assert_eq!(put(&store, "a", "one").await, base + 1);
    assert_eq!(store.get("a").await.unwrap(), Some(entry("one", 1, 1, 1)));
    assert_eq!(put(&store, "a", "two").await, base + 2);
    assert_eq!(store.get("a").await.unwrap(), Some(entry("two", 1, 2, 2)));
    assert_eq!(
        put(&store, "a", "two").await,
        base + 3,
        "an equal value is a change too"
    );
    assert_eq!(store.get("a").await.unwrap(), Some(entry("two", 1, 3, 3)));
    assert_eq!(commit(&store, Txn::new().delete("a")).await, base + 4);
    assert_eq!(store.get("a").await.unwrap(), None);
    assert_eq!(put(&store, "a", "three").await, base + 5);
    assert_eq!(store.get("a").await.unwrap(), Some(entry("three", 5, 5, 1)));
    assert_eq!(store.revision().await.unwrap(), base + 5);
}

/// No key and no value is changed on its way.
pub async fn any_key_and_value_is_kept_as_it_is(store: Arc<dyn Store>) {
    let odd = [
        " ",
        "%",
        "\0",
        "a\0b",
        "a/ü/\u{10ffff}",
        "A",
        "a",
        "'; --",
        "\n",
        "0",
        "1e3",
        "x'00'",
    ];
    let values: [&[u8]; 4] = [b"", b"\0", b"\xff\xfe", b"text"];
    for (index, key) in odd.iter().enumerate() {
        let value = Bytes::copy_from_slice(values[index % values.len()]);
        commit(&store, Txn::new().absent(*key).put(*key, value.clone())).await;
        let entry = store.get(key).await.unwrap().unwrap();
        assert_eq!((entry.key.as_str(), entry.value), (*key, value));
    }
    let mut sorted = odd;
    sorted.sort_unstable();
    assert_eq!(keys(&list(&store, "").await), sorted);
}

/// Every kind of condition, where it holds and where it does not.
pub async fn each_condition_holds_or_refuses(store: Arc<dyn Store>) {
    let first = put(&store, "p/a", "1").await;
    let second = put(&store, "p/b", "1").await;
    let last = commit(&store, Txn::new().put("gone", "1")).await;
    let last = commit(&store, Txn::new().delete("gone").exists("gone"))
        .await
        .max(last);
    let at = |key: &str, mod_revision| Condition::At {
        key: key.into(),
        mod_revision,
    };
    let since = |prefix: &str, revision| Condition::NoPutSince {
        prefix: prefix.into(),
        revision,
    };
    for (condition, contradiction) in [
        (Condition::Absent("none".into()), None),
        (Condition::Absent("gone".into()), None),
        (Condition::Absent("p/a".into()), Some(("p/a", Some(first)))),
        (Condition::Exists("p/a".into()), None),
        (Condition::Exists("gone".into()), Some(("gone", None))),
        (at("p/a", first), None),
        (at("p/a", second), Some(("p/a", Some(first)))),
        (at("p/a", 0), Some(("p/a", Some(first)))),
        (at("none", 0), None),
        (at("none", first), Some(("none", None))),
        (at("p/a", u64::MAX), Some(("p/a", Some(first)))),
        (Condition::PrefixEmpty("gone".into()), None),
        (Condition::PrefixEmpty("p/c".into()), None),
        (Condition::PrefixEmpty("p/".into()), Some(("p/a", Some(first)))),
        (Condition::PrefixEmpty(String::new()), Some(("p/a", Some(first)))),
        (since("p/", second), None),
        (since("p/", u64::MAX), None),
        (since("p/", first), Some(("p/b", Some(second)))),
        (since("p/a", first), None),
        (since("", 0), Some(("p/a", Some(first)))),
        (since("none", 0), None),
        (since("gone", 0), None),
    ] {
        let txn = Txn::new().when(condition.clone());
        match contradiction {
            None => assert_eq!(commit(&store, txn).await, last, "{condition:?}"),
            Some((key, found)) => {
                let expected = Refusal {
                    condition: 0,
                    key: key.to_owned(),
                    found,
                    revision: last,
                };
                assert_eq!(refused(&store, txn).await, expected, "{condition:?}");
            }
        }
    }
}

/// All or nothing, where it is nothing.
pub async fn a_refused_transaction_changes_nothing(store: Arc<dyn Store>) {
    let revision = put(&store, "a", "1").await;
    let before = list(&store, "").await;
    let txn = Txn::new()
        .exists("a")
        .absent("a")
        .put("a", "2")
        .put("b", "2")
        .delete_prefix("c");
    assert_eq!(refused(&store, txn).await.condition, 1);
    assert_eq!(list(&store, "").await, before);
    assert_eq!(store.revision().await.unwrap(), revision);
}

/// The first condition that fails is named, and operations do not influence conditions.
pub async fn conditions_are_evaluated_in_order_before_the_operations(store: Arc<dyn Store>) {
    let txn = Txn::new()
        .absent("a")
        .prefix_empty("")
        .exists("b")
        .exists("c")
        .put("b", "1")
        .put("c", "1");
    let refusal = refused(&store, txn).await;
    assert_eq!(
        (refusal.condition, refusal.key.as_str(), refusal.found),
        (2, "b", None)
    );
    commit(
        &store,
        Txn::new()
            .absent("b")
            .prefix_empty("")
            .put("b", "1")
            .put("c", "1"),
    )
    .await;
    assert_eq!(keys(&list(&store, "").await), ["b", "c"]);
}

/// Revisions count changes.
pub async fn a_commit_without_change_takes_no_revision(store: Arc<dyn Store>) {
    let revision = put(&store, "a", "1").await;
    for txn in [
        Txn::new(),
        Txn::new().exists("a"),
        Txn::new().delete("none"),
        Txn::new().delete_prefix("none"),
        Txn::new().delete("none").delete("none").delete_prefix("non"),
    ] {
        assert_eq!(commit(&store, txn).await, revision);
        assert_eq!(store.revision().await.unwrap(), revision);
    }
    assert_eq!(put(&store, "a", "2").await, revision + 1);
}

/// All or nothing, where it is all.
pub async fn a_commit_gives_all_its_changes_one_revision(store: Arc<dyn Store>) {
    let base = put(&store, "old", "1").await;
    let revision = commit(
        &store,
        Txn::new()
            .put("a", "1")
            .delete("old")
            .put("b", "1")
            .delete("none"),
    )
    .await;
    assert_eq!(revision, base + 1);
    let entries = list(&store, "").await;
    assert_eq!(keys(&entries), ["a", "b"]);
    assert!(entries.iter().all(|entry| entry.mod_revision == revision));
}

/// Neighbours of the prefix stay; the empty prefix is everything.
pub async fn delete_prefix_deletes_exactly_the_prefix(store: Arc<dyn Store>) {
    let all = ["a", "a.", "a/", "a/1", "a/\u{10ffff}", "a0", "b"];
    commit(&store, all.iter().fold(Txn::new(), |txn, key| txn.put(*key, "1"))).await;
    // Overlapping deletions are allowed; the later one finds nothing.
    commit(&store, Txn::new().delete_prefix("a/").delete("a/1").put("c", "1")).await;
    assert_eq!(keys(&list(&store, "").await), ["a", "a.", "a0", "b", "c"]);
    commit(&store, Txn::new().delete_prefix("")).await;
    assert_eq!(list(&store, "").await, []);
}

/// etcd takes a key at most once per transaction.
pub async fn overlapping_operations_are_refused(store: Arc<dyn Store>) {
    for txn in [
        Txn::new().put("a", "1").put("b", "1").put("a", "2"),
        Txn::new().put("a", "1").delete("a"),
        Txn::new().delete("a").put("a", "1"),
        Txn::new().delete_prefix("").put("a", "1"),
        Txn::new().put("a", "1").delete_prefix("a"),
    ] {
        let error = store.commit(txn.clone()).await.unwrap_err();
        assert!(
            matches!(&error, StoreError::OverlappingOps { key } if key == "a"),
            "{txn:?}: {error:?}"
        );
    }
    assert_eq!(list(&store, "").await, []);
}

/// The default limits, each at its edge and one over it.
pub async fn what_exceeds_a_limit_is_refused(store: Arc<dyn Store>) {
    let limits = Limits::default();
    let key = |bytes| "k".repeat(bytes);
    let value = |bytes| Bytes::from(vec![b'v'; bytes]);
    let ops = |count| Txn {
        conditions: Vec::new(),
        ops: vec![Op::Delete { key: key(1) }; count],
    };
    let conditions = |count| Txn {
        conditions: vec![Condition::Absent("none".into()); count],
        ops: Vec::new(),
    };
    let rest = limits.txn_bytes - limits.value_bytes - 2;
    for allowed in [
        Txn::new().put(key(limits.key_bytes), value(limits.value_bytes)),
        Txn::new()
            .put("a", value(limits.value_bytes))
            .put("b", value(rest)),
        ops(limits.ops),
        conditions(limits.conditions),
    ] {
        commit(&store, allowed).await;
    }
    let before = store.revision().await.unwrap();
    for (txn, expected) in [
        (Txn::new().put("", "1"), "a key must not be empty"),
        (Txn::new().exists(""), "a key must not be empty"),
        (Txn::new().delete(key(limits.key_bytes + 1)), "kkkkkk"),
        (
            Txn::new().prefix_empty(key(limits.key_bytes + 1)),
            "1025 bytes; the limit is 1024",
        ),
        (
            Txn::new().put("big", value(limits.value_bytes + 1)),
            "\"big\" has 1048577 bytes",
        ),
        (
            Txn::new()
                .put("a", value(limits.value_bytes))
                .put("b", value(rest + 1)),
            "1310721 bytes",
        ),
        (ops(limits.ops + 1), "129 operations; the limit is 128"),
        (
            conditions(limits.conditions + 1),
            "129 conditions; the limit is 128",
        ),
    ] {
        let error = store.commit(txn).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(matches!(store.get("").await.unwrap_err(), StoreError::EmptyKey));
    assert!(
        store
            .list(&key(limits.key_bytes + 1), ListOptions::default())
            .await
            .is_err()
    );
    assert!(store.watch(&key(limits.key_bytes + 1), 0).await.is_err());
    assert_eq!(store.revision().await.unwrap(), before);
}
