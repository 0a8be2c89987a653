//! A store in memory, so that each input begins with an empty one. It has the limits of the others and keeps no history.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use evermesh_store::{
    Condition, Entry, Limits, ListOptions, Listing, Op, Outcome, Refusal, Result, Revision, Store,
    StoreError, Txn, Watch,
};

#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    entries: BTreeMap<String, Entry>,
    revision: Revision,
}

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for Memory {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        Limits::default().check_key(key)?;
        Ok(self.state().entries.get(key).cloned())
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>> {
        let limits = Limits::default();
        keys.iter().try_for_each(|key| limits.check_key(key))?;
        let state = self.state();
        Ok(keys.iter().map(|key| state.entries.get(*key).cloned()).collect())
    }

    async fn list(&self, prefix: &str, options: ListOptions) -> Result<Listing> {
        Limits::default().check_prefix(prefix)?;
        let state = self.state();
        let after = |entry: &&Entry| options.after.as_ref().is_none_or(|after| entry.key > *after);
        let mut entries: Vec<Entry> = state.under(prefix).filter(after).cloned().collect();
        let limit = options.limit.unwrap_or(usize::MAX);
        let more = entries.len() > limit;
        entries.truncate(limit);
        Ok(Listing {
            entries,
            revision: state.revision,
            more,
        })
    }

    async fn commit(&self, txn: Txn) -> Result<Outcome> {
        Limits::default().check(&txn)?;
        let mut state = self.state();
        for (index, condition) in txn.conditions.iter().enumerate() {
            if let Some(key) = state.contradiction(condition) {
                return Ok(Outcome::Refused(Refusal {
                    condition: index,
                    found: state.entries.get(&key).map(|entry| entry.mod_revision),
                    key,
                    revision: state.revision,
                }));
            }
        }
        state.revision += 1;
        txn.ops.into_iter().for_each(|op| state.perform(op));
        Ok(Outcome::Committed(state.revision))
    }

    /// Nobody follows changes here.
    async fn watch(&self, _: &str, _: Revision) -> Result<Watch> {
        Err(StoreError::Closed)
    }

    async fn revision(&self) -> Result<Revision> {
        Ok(self.state().revision)
    }

    async fn compact(&self, _: Revision) -> Result<()> {
        Ok(())
    }
}

impl State {
    fn under(&self, prefix: &str) -> impl Iterator<Item = &Entry> {
        let range = self.entries.range(prefix.to_owned()..);
        range
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(_, entry)| entry)
    }

    /// The key that contradicts the condition.
    fn contradiction(&self, condition: &Condition) -> Option<String> {
        let revision = |key: &str| self.entries.get(key).map_or(0, |entry| entry.mod_revision);
        let put_since = |prefix: &str, since| {
            let found = self.under(prefix).find(|entry| entry.mod_revision > since);
            found.map(|entry| entry.key.clone())
        };
        match condition {
            Condition::Absent(key) => (revision(key) > 0).then(|| key.clone()),
            Condition::Exists(key) => (revision(key) == 0).then(|| key.clone()),
            Condition::At { key, mod_revision } => (revision(key) != *mod_revision).then(|| key.clone()),
            Condition::PrefixEmpty(prefix) => put_since(prefix, 0),
            Condition::NoPutSince { prefix, revision } => put_since(prefix, *revision),
        }
    }

    fn perform(&mut self, op: Op) {
        match op {
            Op::Put { key, value } => {
                let before = self
                    .entries
                    .get(&key)
                    .map(|entry| (entry.create_revision, entry.version));
                let (create_revision, version) = before.unwrap_or((self.revision, 0));
                let entry = Entry {
                    key: key.clone(),
                    value,
                    create_revision,
                    mod_revision: self.revision,
                    version: version + 1,
                };
                self.entries.insert(key, entry);
            }
            Op::Delete { key } => drop(self.entries.remove(&key)),
            Op::DeletePrefix { prefix } => self.entries.retain(|key, _| !key.starts_with(&prefix)),
        }
    }
}
