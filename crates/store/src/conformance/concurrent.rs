//! Cases about many callers at once.

use std::{collections::BTreeMap, sync::Arc};

use tokio::task::JoinSet;

use super::{commit, list, next, patiently, put};
use crate::{Event, ListOptions, Outcome, Revision, Store, Txn};

const TASKS: u64 = 8;
const COMMITS: u64 = 25;

/// Runs `work` in several tasks, given their numbers, and waits for all.
async fn in_tasks<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    store: &Arc<dyn Store>,
    work: impl Fn(Arc<dyn Store>, u64) -> F,
) -> Vec<T> {
    let tasks: JoinSet<T> = (0..TASKS).map(|task| work(Arc::clone(store), task)).collect();
    patiently(tasks.join_all()).await
}

/// Counters incremented by compare-and-set count every increment, and each has a revision of its own.
pub async fn compare_and_set_loses_no_increment(store: Arc<dyn Store>) {
    let base = store.revision().await.unwrap();
    let mut revisions = in_tasks(&store, |store, _| async move {
        let mut revisions = Vec::new();
        for _ in 0..COMMITS {
            revisions.push(increment(&store).await);
        }
        revisions
    })
    .await
    .concat();
    revisions.sort_unstable();
    assert_eq!(revisions, (base + 1..=base + TASKS * COMMITS).collect::<Vec<_>>());
    let counter = store.get("counter").await.unwrap().unwrap();
    assert_eq!(counter.value, (TASKS * COMMITS).to_string());
    assert_eq!(
        (counter.version, counter.mod_revision),
        (TASKS * COMMITS, base + TASKS * COMMITS)
    );
}

/// Reads, adds one and writes, until nobody interferes.
async fn increment(store: &Arc<dyn Store>) -> Revision {
    loop {
        let (count, at) = match store.get("counter").await.unwrap() {
            Some(entry) => (
                str::from_utf8(&entry.value).unwrap().parse::<u64>().unwrap(),
                entry.mod_revision,
            ),
            None => (0, 0),
        };
        let txn = Txn::new()
            .at("counter", at)
            .put("counter", (count + 1).to_string());
        match store.commit(txn).await.unwrap() {
            Outcome::Committed(revision) => return revision,
            Outcome::Refused(refusal) => assert!(refusal.found > Some(at), "{refusal}"),
        }
    }
}

/// Of all that create a key only where there is none, one succeeds, and the others see it.
pub async fn one_creator_wins(store: Arc<dyn Store>) {
    let outcomes = in_tasks(&store, |store, task| async move {
        store
            .commit(Txn::new().absent("a").put("a", task.to_string()))
            .await
            .unwrap()
    })
    .await;
    let winners: Vec<Revision> = outcomes.iter().filter_map(Outcome::committed).collect();
    let [winner] = winners[..] else {
        panic!("{outcomes:?}")
    };
    for outcome in &outcomes {
        if let Outcome::Refused(refusal) = outcome {
            assert_eq!(refusal.found, Some(winner));
        }
    }
}

/// Whoever was acknowledged sees the commit in every kind of read.
pub async fn a_commit_is_seen_by_the_next_read(store: Arc<dyn Store>) {
    in_tasks(&store, |store, task| async move {
        let key = task.to_string();
        for _ in 0..COMMITS {
            let revision = put(&store, &key, "1").await;
            assert!(store.revision().await.unwrap() >= revision);
            assert_eq!(store.get(&key).await.unwrap().unwrap().mod_revision, revision);
            let listing = store.list(&key, ListOptions::default()).await.unwrap();
            assert!(listing.revision >= revision);
            assert_eq!(listing.entries[0].mod_revision, revision);
            let mut watch = store.watch(&key, revision).await.unwrap();
            assert_eq!(next(&mut watch).await.revision, revision);
        }
    })
    .await;
}

/// Keys that are always written together are always read together.
pub async fn reads_are_consistent_under_writes(store: Arc<dyn Store>) {
    commit(&store, Txn::new().put("a", "").put("b", "")).await;
    in_tasks(&store, |store, task| async move {
        for number in 0..COMMITS {
            if task % 2 == 0 {
                let value = format!("{task}.{number}");
                commit(&store, Txn::new().put("a", value.clone()).put("b", value)).await;
                continue;
            }
            let entries = store.get_many(&["a", "b"]).await.unwrap();
            assert_eq!(
                entries[0].as_ref().unwrap().value,
                entries[1].as_ref().unwrap().value
            );
            let entries = list(&store, "").await;
            assert_eq!(entries[0].value, entries[1].value);
        }
    })
    .await;
}

/// A listing and the watch from there give, at every revision, what a listing at that revision gives.
pub async fn list_and_watch_follow_concurrent_writers(store: Arc<dyn Store>) {
    let last = store.revision().await.unwrap() + TASKS * COMMITS;
    let writers = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            in_tasks(&store, |store, task| async move {
                for number in 0..COMMITS {
                    let (mine, shared) = (format!("{task}/{}", number % 3), format!("shared/{}", number % 2));
                    let txn = Txn::new()
                        .put("always", "1")
                        .delete(mine.clone())
                        .put(shared, mine.clone());
                    commit(
                        &store,
                        if number % 2 == 0 {
                            txn
                        } else {
                            Txn::new().put(mine, "1")
                        },
                    )
                    .await;
                }
            })
            .await;
        }
    });
    let listing = store.list("", ListOptions::default()).await.unwrap();
    let mut state: BTreeMap<_, _> = listing
        .entries
        .into_iter()
        .map(|entry| (entry.key.clone(), entry))
        .collect();
    let mut watch = store.watch("", listing.revision + 1).await.unwrap();
    for revision in listing.revision + 1..=last {
        let batch = next(&mut watch).await;
        assert_eq!(batch.revision, revision);
        for event in batch.events {
            match event {
                Event::Put(entry) => drop(state.insert(entry.key.clone(), entry)),
                Event::Delete { key } => drop(state.remove(&key)),
            }
        }
        let options = ListOptions {
            at: Some(revision),
            ..ListOptions::default()
        };
        let there = store.list("", options).await.unwrap().entries;
        assert_eq!(there, state.values().cloned().collect::<Vec<_>>());
    }
    patiently(writers).await.unwrap();
}
