//! Random histories, compared step by step with the simplest store that could be right: a list of states.

use std::{collections::BTreeMap, future::Future, sync::Arc};

use proptest::{
    collection::vec,
    option,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
    test_runner::{Config, TestRunner},
};

use super::{next, patiently};
use crate::{
    Batch, Condition, Entry, Event, ListOptions, Listing, Op, Outcome, Refusal, Revision, Store, StoreError,
    Txn,
};

/// Applies random steps to stores of the factory and to a model, and expects the same answers throughout.
pub fn agrees_with_the_model<G, F>(factory: impl Fn() -> F)
where
    F: Future<Output = (Arc<dyn Store>, G)>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let config = Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&vec(step(), 1..60), |steps| {
        runtime.block_on(async {
            let (store, _guard) = factory().await;
            replay(&store, steps).await;
        });
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Commit(Txn),
    Get(Vec<String>),
    List(String, ListOptions),
    Compact(Revision),
}

/// Every state the store was in; the index is its revision, counted from where the store started.
struct Model {
    base: Revision,
    states: Vec<BTreeMap<String, Entry>>,
    batches: Vec<Batch>,
    compacted: Revision,
}

async fn replay(store: &Arc<dyn Store>, steps: Vec<Step>) {
    let base = store.revision().await.unwrap();
    let mut model = Model {
        base,
        states: vec![BTreeMap::new()],
        batches: Vec::new(),
        compacted: base,
    };
    let mut watch = store.watch("", base + 1).await.unwrap();
    for step in steps {
        let committed = model.batches.len();
        check(store, &mut model, step).await;
        for batch in &model.batches[committed..] {
            assert_eq!(&next(&mut watch).await, batch);
        }
        assert_eq!(store.revision().await.unwrap(), model.revision());
    }
    let from = model.compacted.max(base + 1);
    let mut replayed = store.watch("", from).await.unwrap();
    for batch in model.batches.iter().filter(|batch| batch.revision >= from) {
        assert_eq!(&next(&mut replayed).await, batch);
    }
    if model.compacted > base {
        let mut early = store.watch("", model.compacted - 1).await.unwrap();
        let error = patiently(early.next()).await.unwrap_err();
        assert!(matches!(error, StoreError::Compacted { .. }), "{error:?}");
    }
}

async fn check(store: &Arc<dyn Store>, model: &mut Model, step: Step) {
    match step {
        Step::Commit(txn) => {
            let txn = model.rebased(txn);
            match (model.commit(&txn), store.commit(txn.clone()).await) {
                (Ok(expected), outcome) => assert_eq!(outcome.unwrap(), expected, "{txn:?}"),
                (Err(key), outcome) => assert!(
                    matches!(&outcome, Err(StoreError::OverlappingOps { key: found }) if *found == key),
                    "{txn:?}: {outcome:?}"
                ),
            }
        }
        Step::Get(keys) => {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let expected: Vec<_> = keys.iter().map(|&key| model.state().get(key).cloned()).collect();
            assert_eq!(store.get_many(&keys).await.unwrap(), expected);
        }
        Step::List(prefix, mut options) => {
            options.at = options.at.map(|at| at + model.base);
            let listing = store.list(&prefix, options.clone()).await;
            model.check_listing(&prefix, &options, listing);
        }
        Step::Compact(offset) => {
            let keep_from = model.base + offset;
            let result = store.compact(keep_from).await;
            if keep_from > model.revision() {
                assert!(
                    matches!(result, Err(StoreError::FutureRevision { .. })),
                    "{result:?}"
                );
            } else {
                result.unwrap();
                model.compacted = model.compacted.max(keep_from);
            }
        }
    }
}

impl Model {
    fn revision(&self) -> Revision {
        self.base + Revision::try_from(self.states.len()).unwrap() - 1
    }

    fn state(&self) -> &BTreeMap<String, Entry> {
        self.states.last().expect("there is the empty one")
    }

    /// Generated transactions count revisions from 0.
    fn rebased(&self, mut txn: Txn) -> Txn {
        for condition in &mut txn.conditions {
            match condition {
                Condition::At { mod_revision: 0, .. } => {}
                Condition::At {
                    mod_revision: revision,
                    ..
                }
                | Condition::NoPutSince { revision, .. } => {
                    *revision += self.base;
                }
                Condition::Absent(_) | Condition::Exists(_) | Condition::PrefixEmpty(_) => {}
            }
        }
        txn
    }

    /// The expected outcome, or the first key that two operations overlap on.
    fn commit(&mut self, txn: &Txn) -> Result<Outcome, String> {
        if let Some(key) = overlap(&txn.ops) {
            return Err(key);
        }
        let revision = self.revision();
        for (condition, wanted) in txn.conditions.iter().enumerate() {
            if let Some((key, found)) = self.contradiction(wanted) {
                return Ok(Outcome::Refused(Refusal {
                    condition,
                    key,
                    found,
                    revision,
                }));
            }
        }
        let mut state = self.state().clone();
        let events: Vec<Event> = txn
            .ops
            .iter()
            .flat_map(|op| perform(&mut state, revision + 1, op))
            .collect();
        if events.is_empty() {
            return Ok(Outcome::Committed(revision));
        }
        self.states.push(state);
        self.batches.push(Batch {
            revision: revision + 1,
            events,
        });
        Ok(Outcome::Committed(revision + 1))
    }

    fn contradiction(&self, condition: &Condition) -> Option<(String, Option<Revision>)> {
        let found = |key: &String| self.state().get(key).map(|entry| entry.mod_revision);
        let key_unless = |holds: bool, key: &String| (!holds).then(|| (key.clone(), found(key)));
        let first_after = |prefix: &String, revision: Revision| {
            let mut entries = self
                .state()
                .values()
                .filter(|entry| entry.key.starts_with(prefix));
            let entry = entries.find(|entry| entry.mod_revision > revision)?;
            Some((entry.key.clone(), Some(entry.mod_revision)))
        };
        match condition {
            Condition::Absent(key) => key_unless(found(key).is_none(), key),
            Condition::Exists(key) => key_unless(found(key).is_some(), key),
            Condition::At { key, mod_revision } => key_unless(found(key).unwrap_or(0) == *mod_revision, key),
            Condition::PrefixEmpty(prefix) => first_after(prefix, 0),
            Condition::NoPutSince { prefix, revision } => first_after(prefix, *revision),
        }
    }

    fn check_listing(&self, prefix: &str, options: &ListOptions, listing: Result<Listing, StoreError>) {
        let at = options.at.unwrap_or(self.revision());
        if at > self.revision() {
            assert!(
                matches!(listing, Err(StoreError::FutureRevision { .. })),
                "{listing:?}"
            );
            return;
        }
        if at < self.compacted {
            assert!(
                matches!(listing, Err(StoreError::Compacted { .. })),
                "{listing:?}"
            );
            return;
        }
        let state = &self.states[usize::try_from(at - self.base).unwrap()];
        let all: Vec<Entry> = state
            .values()
            .filter(|entry| entry.key.starts_with(prefix) && Some(&entry.key) > options.after.as_ref())
            .cloned()
            .collect();
        let limit = options.limit.unwrap_or(usize::MAX);
        let expected = Listing {
            more: all.len() > limit,
            entries: all.into_iter().take(limit).collect(),
            revision: at,
        };
        assert_eq!(listing.unwrap(), expected, "{prefix:?} {options:?}");
    }
}

fn overlap(ops: &[Op]) -> Option<String> {
    let mut seen = Vec::new();
    for op in ops {
        let Op::Put { key, .. } = op else { continue };
        let deleted = ops.iter().any(|op| match op {
            Op::Put { .. } => false,
            Op::Delete { key: other } => key == other,
            Op::DeletePrefix { prefix } => key.starts_with(prefix.as_str()),
        });
        if deleted || seen.contains(&key) {
            return Some(key.clone());
        }
        seen.push(key);
    }
    None
}

fn perform(state: &mut BTreeMap<String, Entry>, revision: Revision, op: &Op) -> Vec<Event> {
    let doomed: Vec<String> = match op {
        Op::Put { key, value } => {
            let (create_revision, version) = state
                .get(key)
                .map_or((revision, 0), |entry| (entry.create_revision, entry.version));
            let (key, value) = (key.clone(), value.clone());
            let entry = Entry {
                key: key.clone(),
                value,
                create_revision,
                mod_revision: revision,
                version: version + 1,
            };
            state.insert(key, entry.clone());
            return vec![Event::Put(entry)];
        }
        Op::Delete { key } => state.contains_key(key).then(|| key.clone()).into_iter().collect(),
        Op::DeletePrefix { prefix } => state
            .keys()
            .filter(|key| key.starts_with(prefix))
            .cloned()
            .collect(),
    };
    state.retain(|key, _| !doomed.contains(key));
    doomed.into_iter().map(|key| Event::Delete { key }).collect()
}

fn step() -> impl Strategy<Value = Step> {
    let options = (option::of(0_u64..40), option::of(key()), option::of(0_usize..6));
    let options = options.prop_map(|(at, after, limit)| ListOptions { at, after, limit });
    prop_oneof![
        8 => (vec(condition(), 0..3), vec(op(), 0..5))
            .prop_map(|(conditions, ops)| Step::Commit(Txn { conditions, ops })),
        2 => vec(key(), 0..4).prop_map(Step::Get),
        3 => (prefix(), options).prop_map(|(prefix, options)| Step::List(prefix, options)),
        1 => (0_u64..40).prop_map(Step::Compact),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        key().prop_map(Condition::Absent),
        key().prop_map(Condition::Exists),
        (key(), 0_u64..30).prop_map(|(key, mod_revision)| Condition::At { key, mod_revision }),
        prefix().prop_map(Condition::PrefixEmpty),
        (prefix(), 0_u64..60).prop_map(|(prefix, revision)| Condition::NoPutSince { prefix, revision }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (key(), vec(any::<u8>(), 0..4)).prop_map(|(key, value)| Op::Put { key, value: value.into() }),
        2 => key().prop_map(|key| Op::Delete { key }),
        1 => prefix().prop_map(|prefix| Op::DeletePrefix { prefix }),
    ]
}

/// Few keys, so that they meet again; some are neighbours of others at the edge of a prefix.
fn key() -> impl Strategy<Value = String> {
    let keys = vec![
        "a",
        "a/",
        "a/1",
        "a/2",
        "a/\u{10ffff}",
        "a0",
        "b",
        "b\0",
        "é",
        "\u{10ffff}",
    ];
    select(keys).prop_map(str::to_owned)
}

fn prefix() -> impl Strategy<Value = String> {
    prop_oneof![4 => key(), 1 => Just(String::new())]
}
