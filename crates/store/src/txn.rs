//! Transactions: conditions, operations, and what became of them. Data only; back ends evaluate it.

use std::fmt;

use bytes::Bytes;

use crate::Revision;

/// Operations to apply together if all conditions hold (etcd's `Txn` without a failure branch).
///
/// ```
/// # use evermesh_store::Txn;
/// let rename = Txn::new().exists("mesh/a").absent("mesh/b").delete("mesh/a").put("mesh/b", "{}");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Txn {
    /// Evaluated in order against the state before the transaction; the first that fails refuses it.
    pub conditions: Vec<Condition>,
    /// Applied in order. A key is put at most once, and not where another operation deletes it.
    pub ops: Vec<Op>,
}

/// Something that must hold for a transaction to be applied. Each is one etcd `Compare`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The key does not exist (`create_revision == 0`).
    Absent(String),
    /// The key exists (`create_revision > 0`).
    Exists(String),
    /// The key was last put at `mod_revision` (`mod_revision == n`); 0 stands for a key that does not exist.
    At {
        /// The key.
        key: String,
        /// The revision its entry must have.
        mod_revision: Revision,
    },
    /// No key starts with the prefix (`create_revision == 0` over the range).
    PrefixEmpty(String),
    /// No existing key that starts with the prefix was put after `revision` (`mod_revision < n + 1` over the
    /// range). It does not notice deletions, as an etcd range comparison cannot: guard with
    /// [`Exists`](Self::Exists) or [`At`](Self::At) what must still be there.
    NoPutSince {
        /// The prefix.
        prefix: String,
        /// The latest revision that entries of the prefix may have.
        revision: Revision,
    },
}

/// One change of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Creates or overwrites a key. Putting an equal value is a change like any other.
    Put {
        /// The key.
        key: String,
        /// Its new value.
        value: Bytes,
    },
    /// Deletes a key if it exists.
    Delete {
        /// The key.
        key: String,
    },
    /// Deletes every key that starts with the prefix.
    DeletePrefix {
        /// The prefix.
        prefix: String,
    },
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The conditions held. The operations are durable and their entries carry this revision; when they
    /// changed nothing, it is the revision the store was at.
    Committed(Revision),
    /// A condition did not hold, and nothing was changed.
    Refused(Refusal),
}

/// Why a transaction was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The index in [`Txn::conditions`] of the first condition that did not hold.
    pub condition: usize,
    /// The key that broke it; for a prefix, the first such key.
    pub key: String,
    /// The key's revision; `None` when it does not exist.
    pub found: Option<Revision>,
    /// The revision of the store that the condition was evaluated at.
    pub revision: Revision,
}

impl Txn {
    /// A transaction without conditions and operations.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requires that the key does not exist.
    #[must_use]
    pub fn absent(self, key: impl Into<String>) -> Self {
        self.when(Condition::Absent(key.into()))
    }

    /// Requires that the key exists.
    #[must_use]
    pub fn exists(self, key: impl Into<String>) -> Self {
        self.when(Condition::Exists(key.into()))
    }

    /// Requires that the key was last put at `mod_revision` (compare-and-set).
    #[must_use]
    pub fn at(self, key: impl Into<String>, mod_revision: Revision) -> Self {
        self.when(Condition::At {
            key: key.into(),
            mod_revision,
        })
    }

    /// Requires that no key starts with the prefix.
    #[must_use]
    pub fn prefix_empty(self, prefix: impl Into<String>) -> Self {
        self.when(Condition::PrefixEmpty(prefix.into()))
    }

    /// Requires that no existing key of the prefix was put after `revision`.
    #[must_use]
    pub fn no_put_since(self, prefix: impl Into<String>, revision: Revision) -> Self {
        self.when(Condition::NoPutSince {
            prefix: prefix.into(),
            revision,
        })
    }

    /// Adds a condition.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Puts a key.
    #[must_use]
    pub fn put(self, key: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.then(Op::Put {
            key: key.into(),
            value: value.into(),
        })
    }

    /// Deletes a key.
    #[must_use]
    pub fn delete(self, key: impl Into<String>) -> Self {
        self.then(Op::Delete { key: key.into() })
    }

    /// Deletes every key that starts with the prefix.
    #[must_use]
    pub fn delete_prefix(self, prefix: impl Into<String>) -> Self {
        self.then(Op::DeletePrefix {
            prefix: prefix.into(),
        })
    }

    /// Adds an operation.
    #[must_use]
    pub fn then(mut self, op: Op) -> Self {
        self.ops.push(op);
        self
    }
}

impl Condition {
    /// The key or prefix it is about.
    pub fn target(&self) -> &str {
        match self {
            Self::Absent(target) | Self::Exists(target) | Self::PrefixEmpty(target) => target,
            Self::At { key: target, .. } | Self::NoPutSince { prefix: target, .. } => target,
        }
    }
}

impl Outcome {
    /// The revision, when it was committed.
    pub fn committed(&self) -> Option<Revision> {
        match self {
            Self::Committed(revision) => Some(*revision),
            Self::Refused(_) => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            condition,
            key,
            found,
            revision,
        } = self;
        write!(
            f,
            "condition {condition} does not hold at revision {revision}: key {key:?} "
        )?;
        match found {
            Some(found) => write!(f, "was put at revision {found}"),
            None => f.write_str("does not exist"),
        }
    }
}
