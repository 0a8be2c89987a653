//! What can go wrong, whose fault it is, and whether trying again can help.

use std::{error::Error, io, path::PathBuf, sync::Arc};

use crate::Revision;

/// The result of every operation of a store.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// The underlying error of a back end; shared, because one failed commit fails many transactions.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Why a store could not do as it was asked.
///
/// A condition that does not hold is not an error but an [`Outcome`](crate::Outcome).
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// A key of no characters.
    #[error("a key must not be empty")]
    EmptyKey,
    /// A key or prefix over [`Limits::key_bytes`](crate::Limits::key_bytes).
    #[error("the key starting with {start:?} has {bytes} bytes; the limit is {limit}")]
    KeyTooLong {
        /// The first characters of the key.
        start: String,
        /// Its length in bytes.
        bytes: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// A value over [`Limits::value_bytes`](crate::Limits::value_bytes).
    #[error("the value of key {key:?} has {bytes} bytes; the limit is {limit}")]
    ValueTooLarge {
        /// The key of the value.
        key: String,
        /// The value's length in bytes.
        bytes: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// A transaction over one of the other [`Limits`](crate::Limits).
    #[error("the transaction has {size} {what}; the limit is {limit}")]
    TxnTooLarge {
        /// What there is too much of: `conditions`, `operations` or `bytes`.
        what: &'static str,
        /// How much of it there is.
        size: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// A key that a transaction puts twice, or puts and deletes.
    #[error(
        "the transaction puts key {key:?} and also puts or deletes it elsewhere; keep one of the operations"
    )]
    OverlappingOps {
        /// The key.
        key: String,
    },
    /// A revision below the compaction.
    #[error("history before revision {compacted} is compacted, {requested} was asked for; list again")]
    Compacted {
        /// The revision that was asked for.
        requested: Revision,
        /// The oldest that is left.
        compacted: Revision,
    },
    /// A revision that does not exist yet.
    #[error("revision {requested} does not exist yet; the store is at {current}")]
    FutureRevision {
        /// The revision that was asked for.
        requested: Revision,
        /// The revision of the store.
        current: Revision,
    },
    /// Another process, or another part of this one, has the store open.
    #[error("{} is in use{}; stop that server or choose another data directory", .path.display(), holder(.pid))]
    Locked {
        /// The database file.
        path: PathBuf,
        /// The process that holds it, as far as it is known.
        pid: Option<u32>,
    },
    /// A file that is no database, or another program's.
    #[error("{} is not an Evermesh store ({found}); it was left untouched, choose another data directory", .path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
    /// A database written by a newer version of this program.
    #[error(
        "{} has schema version {found}, this program knows versions up to {supported}; use a newer Evermesh",
        .path.display()
    )]
    NewerSchema {
        /// The database file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest version that this program knows.
        supported: u32,
    },
    /// A database whose content contradicts itself.
    #[error("{} is damaged ({detail}); restore it from a backup", .path.display())]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// The first contradiction found.
        detail: String,
    },
    /// The data directory or a file in it cannot be created or opened.
    #[error("cannot open {}", .path.display())]
    Open {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system says.
        source: Arc<io::Error>,
    },
    /// The back end failed to read.
    #[error("cannot read the store")]
    Read {
        /// What the back end says.
        source: Cause,
    },
    /// The back end failed to write. The change is not in the store; but after a crash that follows before
    /// the next successful commit it may be, so read back before counting on its absence.
    #[error("cannot write to the store; the change was rolled back")]
    Write {
        /// What the back end says.
        source: Cause,
    },
    /// The store is closed; nothing was done.
    #[error("the store is closed")]
    Closed,
    /// The writer ended while it held the transaction, which may or may not be committed.
    #[error("the store's writer stopped; whether the transaction was committed is unknown")]
    OutcomeUnknown,
}

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The code that called the store.
    Caller,
    /// Whoever runs the server: its files, its disk, a second server.
    Operator,
    /// The store itself, or the life cycle of the process.
    Store,
}

/// Whether the same call can succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not as it is.
    Never,
    /// After reading the current state again.
    AfterRead,
    /// Later, unchanged, once what the message names is put right.
    Later,
}

impl StoreError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::EmptyKey
            | Self::KeyTooLong { .. }
            | Self::ValueTooLarge { .. }
            | Self::TxnTooLarge { .. }
            | Self::OverlappingOps { .. }
            | Self::Compacted { .. }
            | Self::FutureRevision { .. } => Fault::Caller,
            Self::Locked { .. }
            | Self::NotAStore { .. }
            | Self::NewerSchema { .. }
            | Self::Corrupt { .. }
            | Self::Open { .. }
            | Self::Read { .. }
            | Self::Write { .. } => Fault::Operator,
            Self::Closed | Self::OutcomeUnknown => Fault::Store,
        }
    }

    /// Whether a retry can help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Locked { .. } | Self::Open { .. } | Self::Read { .. } | Self::FutureRevision { .. } => {
                Retry::Later
            }
            Self::Compacted { .. } | Self::Write { .. } | Self::OutcomeUnknown => Retry::AfterRead,
            Self::EmptyKey
            | Self::KeyTooLong { .. }
            | Self::ValueTooLarge { .. }
            | Self::TxnTooLarge { .. }
            | Self::OverlappingOps { .. }
            | Self::NotAStore { .. }
            | Self::NewerSchema { .. }
            | Self::Corrupt { .. }
            | Self::Closed => Retry::Never,
        }
    }
}

fn holder(pid: &Option<u32>) -> String {
    pid.map(|pid| format!(" by process {pid}")).unwrap_or_default()
}
