//! Cases about watches: replay, live, compaction, slow and cancelled consumers.

use std::sync::Arc;

use super::{commit, next, patiently, put, refused, shown};
use crate::{Event, Store, StoreError, Txn};

/// No gap and no duplicate where history ends and live begins.
pub async fn a_watch_replays_and_goes_on_live(store: Arc<dyn Store>) {
    let first = put(&store, "a", "1").await;
    put(&store, "b", "2").await;
    commit(&store, Txn::new().delete("a")).await;
    let mut watch = store.watch("", first + 1).await.unwrap();
    assert_eq!(
        shown(&next(&mut watch).await),
        (first + 1, vec!["b=2".to_owned()])
    );
    put(&store, "c", "3").await;
    assert_eq!(shown(&next(&mut watch).await), (first + 2, vec!["-a".to_owned()]));
    assert_eq!(
        shown(&next(&mut watch).await),
        (first + 3, vec!["c=3".to_owned()])
    );
    let live = tokio::spawn(async move { next(&mut watch).await });
    put(&store, "d", "4").await;
    let batch = patiently(live).await.unwrap();
    assert_eq!(shown(&batch), (first + 4, vec!["d=4".to_owned()]));
    let Event::Put(entry) = &batch.events[0] else {
        panic!("{batch:?}")
    };
    assert_eq!(
        Some(entry),
        store.get("d").await.unwrap().as_ref(),
        "a put event has the whole entry"
    );
}

/// Commits outside of the prefix make no batch, and a batch has no events from outside.
pub async fn a_watch_sees_only_its_prefix(store: Arc<dyn Store>) {
    let base = store.revision().await.unwrap();
    let mut watch = store.watch("p/", base + 1).await.unwrap();
    for txn in [
        Txn::new().put("p", "1").put("p0", "1"),
        Txn::new().put("q", "1").put("p/a", "1").put("o", "1"),
        Txn::new().delete("p"),
        Txn::new().delete_prefix(""),
    ] {
        commit(&store, txn).await;
    }
    assert_eq!(
        shown(&next(&mut watch).await),
        (base + 2, vec!["p/a=1".to_owned()])
    );
    assert_eq!(
        shown(&next(&mut watch).await),
        (base + 4, vec!["-p/a".to_owned()])
    );
}

/// What happens before the start is not reported.
pub async fn a_watch_may_start_in_the_future(store: Arc<dyn Store>) {
    let base = store.revision().await.unwrap();
    let mut watch = store.watch("", base + 3).await.unwrap();
    for value in ["1", "2", "3"] {
        put(&store, "a", value).await;
    }
    assert_eq!(shown(&next(&mut watch).await), (base + 3, vec!["a=3".to_owned()]));
}

/// One batch per revision, its events in the order of the operations, one per key.
pub async fn a_watch_reports_each_commit_once_and_whole(store: Arc<dyn Store>) {
    let base = commit(&store, Txn::new().put("x/2", "1").put("x/1", "1").put("z", "1")).await;
    commit(
        &store,
        Txn::new()
            .put("b", "1")
            .delete("z")
            .delete("z")
            .delete_prefix("x/")
            .put("a", "1"),
    )
    .await;
    commit(&store, Txn::new().delete("none")).await;
    refused(&store, Txn::new().absent("a").put("a", "2")).await;
    put(&store, "last", "1").await;
    let mut watch = store.watch("", base).await.unwrap();
    let expected = [
        vec!["x/2=1", "x/1=1", "z=1"],
        vec!["b=1", "-z", "-x/1", "-x/2", "a=1"],
        vec!["last=1"],
    ];
    for (revision, events) in (base..).zip(expected) {
        assert_eq!(
            shown(&next(&mut watch).await),
            (revision, events.into_iter().map(str::to_owned).collect())
        );
    }
}

/// The consumer learns that it has to list again, however often it asks.
pub async fn a_watch_below_the_compaction_fails(store: Arc<dyn Store>) {
    let first = put(&store, "a", "1").await;
    put(&store, "a", "2").await;
    let last = put(&store, "a", "3").await;
    let mut started_before = store.watch("", first).await.unwrap();
    store.compact(last).await.unwrap();
    let mut started_after = store.watch("", first).await.unwrap();
    for watch in [&mut started_before, &mut started_after] {
        let error = patiently(watch.next()).await.unwrap_err();
        let StoreError::Compacted { requested, compacted } = error else {
            panic!("{error:?}")
        };
        assert_eq!((requested, compacted), (first, last));
        assert!(matches!(
            patiently(watch.next()).await,
            Err(StoreError::Compacted { .. })
        ));
    }
}

/// The oldest revision that can be watched from is the one compacted to, its deletions included.
pub async fn a_watch_from_the_compaction_misses_nothing(store: Arc<dyn Store>) {
    put(&store, "a", "1").await;
    put(&store, "b", "1").await;
    let deletion = commit(&store, Txn::new().delete("a").put("b", "2")).await;
    put(&store, "b", "3").await;
    store.compact(deletion).await.unwrap();
    let mut watch = store.watch("", deletion).await.unwrap();
    assert_eq!(
        shown(&next(&mut watch).await),
        (deletion, vec!["-a".to_owned(), "b=2".to_owned()])
    );
    assert_eq!(
        shown(&next(&mut watch).await),
        (deletion + 1, vec!["b=3".to_owned()])
    );
}

/// A consumer that takes nothing for hundreds of commits, one of them large, gets them all afterwards.
pub async fn a_slow_watch_gets_everything(store: Arc<dyn Store>) {
    const COMMITS: u64 = 600;
    let base = store.revision().await.unwrap();
    let mut watch = store.watch("", base + 1).await.unwrap();
    let writers: Vec<_> = (0..COMMITS)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let keys = if number == COMMITS / 2 { 100 } else { 1 };
                let value = vec![b'v'; 8 << 10];
                commit(
                    &store,
                    (0..keys).fold(Txn::new(), |txn, key| {
                        txn.put(format!("{number}/{key}"), value.clone())
                    }),
                )
                .await
            })
        })
        .collect();
    for writer in writers {
        patiently(writer).await.unwrap();
    }
    let mut events = 0;
    for revision in base + 1..=base + COMMITS {
        let batch = next(&mut watch).await;
        assert_eq!(batch.revision, revision);
        events += batch.events.len();
    }
    assert_eq!(events, usize::try_from(COMMITS).unwrap() + 99);
}

/// Calls of `next` that are dropped at any point do not lose a batch.
pub async fn a_cancelled_wait_loses_nothing(store: Arc<dyn Store>) {
    const COMMITS: u64 = 50;
    let base = store.revision().await.unwrap();
    let mut watch = store.watch("", base + 1).await.unwrap();
    let writer = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for number in 0..COMMITS {
                put(&store, "a", &number.to_string()).await;
            }
        }
    });
    let mut expected = base + 1;
    let mut yields = 0;
    while expected <= base + COMMITS {
        // Gives up after ever different numbers of turns of the scheduler.
        yields = (yields + 1) % 40;
        tokio::select! {
            biased;
            batch = patiently(watch.next()) => {
                assert_eq!(batch.unwrap().revision, expected);
                expected += 1;
            }
            () = turns(yields) => {}
        }
    }
    writer.await.unwrap();
}

async fn turns(count: usize) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}
