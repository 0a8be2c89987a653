//! Bounds on keys, values and transactions, checked before a back end sees them.

use std::collections::HashSet;

use crate::{Condition, Op, Result, StoreError, Txn};

/// Bounds on what a caller may store. The defaults fit within etcd's own (128 operations per transaction,
/// 1.5 MiB per request), so that a store can move between back ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one key or prefix.
    pub key_bytes: usize,
    /// Bytes of one value.
    pub value_bytes: usize,
    /// Conditions of one transaction.
    pub conditions: usize,
    /// Operations of one transaction.
    pub ops: usize,
    /// Bytes of all keys, prefixes and values of one transaction.
    pub txn_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            key_bytes: 1024,
            value_bytes: 1 << 20,
            conditions: 128,
            ops: 128,
            txn_bytes: 5 << 18,
        }
    }
}

impl Limits {
    /// Checks a transaction against the limits, and that no two of its operations touch the same key.
    ///
    /// # Errors
    /// What a back end refuses the transaction with.
    pub fn check(&self, txn: &Txn) -> Result<()> {
        at_most("conditions", txn.conditions.len(), self.conditions)?;
        at_most("operations", txn.ops.len(), self.ops)?;
        for condition in &txn.conditions {
            match condition {
                Condition::Absent(key) | Condition::Exists(key) | Condition::At { key, .. } => {
                    self.check_key(key)?
                }
                Condition::PrefixEmpty(prefix) | Condition::NoPutSince { prefix, .. } => {
                    self.check_prefix(prefix)?
                }
            }
        }
        for op in &txn.ops {
            match op {
                Op::Put { key, value } => self.check_put(key, value)?,
                Op::Delete { key } => self.check_key(key)?,
                Op::DeletePrefix { prefix } => self.check_prefix(prefix)?,
            }
        }
        at_most("bytes", txn_bytes(txn), self.txn_bytes)?;
        check_overlap(&txn.ops)
    }

    /// Checks a key: not empty, not too long.
    ///
    /// # Errors
    /// What a back end refuses a call with this key with.
    pub fn check_key(&self, key: &str) -> Result<()> {
        if key.is_empty() {
            return Err(StoreError::EmptyKey);
        }
        self.check_prefix(key)
    }

    /// Checks a prefix, which may be empty.
    ///
    /// # Errors
    /// What a back end refuses a call with this prefix with.
    pub fn check_prefix(&self, prefix: &str) -> Result<()> {
        let (bytes, limit) = (prefix.len(), self.key_bytes);
        if bytes > limit {
            return Err(StoreError::KeyTooLong {
                start: start_of(prefix),
                bytes,
                limit,
            });
        }
        Ok(())
    }

    fn check_put(&self, key: &str, value: &[u8]) -> Result<()> {
        self.check_key(key)?;
        let (bytes, limit) = (value.len(), self.value_bytes);
        if bytes > limit {
            return Err(StoreError::ValueTooLarge {
                key: key.to_owned(),
                bytes,
                limit,
            });
        }
        Ok(())
    }
}

/// etcd's rule: a key is put at most once in a transaction, and not where the transaction also deletes.
/// (Overlapping deletions are harmless: the later one finds nothing.)
fn check_overlap(ops: &[Op]) -> Result<()> {
    let mut put = HashSet::new();
    for op in ops {
        let Op::Put { key, .. } = op else { continue };
        let deleted = ops.iter().any(|other| match other {
            Op::Put { .. } => false,
            Op::Delete { key: other } => other == key,
            Op::DeletePrefix { prefix } => key.starts_with(prefix),
        });
        if deleted || !put.insert(key) {
            return Err(StoreError::OverlappingOps { key: key.clone() });
        }
    }
    Ok(())
}

fn at_most(what: &'static str, size: usize, limit: usize) -> Result<()> {
    if size > limit {
        return Err(StoreError::TxnTooLarge { what, size, limit });
    }
    Ok(())
}

fn txn_bytes(txn: &Txn) -> usize {
    let conditions = txn.conditions.iter().map(|condition| condition.target().len());
    let ops = txn.ops.iter().map(|op| match op {
        Op::Put { key, value } => key.len() + value.len(),
        Op::Delete { key } => key.len(),
        Op::DeletePrefix { prefix } => prefix.len(),
    });
    conditions.chain(ops).sum()
}

/// Enough of an oversized key to recognise it by.
fn start_of(key: &str) -> String {
    key.chars().take(40).collect()
}
