//! The one thread that writes. It takes whatever transactions are queued, applies them in order within one
//! SQLite transaction, commits once, and only then answers them: writers share the fsync.

use std::{io, sync::Arc, thread};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot, watch};

use super::{SqliteOptions, apply::apply, compact, file::Lock, pool::Pool, read, write_error};
use crate::{Outcome, Result, Revision, StoreError, Txn};

/// The way to the writer thread. The thread ends when this is dropped or closed.
pub(super) struct Writer {
    queue: mpsc::Sender<Command>,
    committed: watch::Receiver<Revision>,
}

/// What the writer thread is asked for, and where the answer goes.
pub(super) enum Command {
    Commit(Job),
    Compact {
        keep_from: Revision,
        done: oneshot::Sender<Result<()>>,
    },
    Close {
        done: oneshot::Sender<()>,
    },
}

/// A transaction and who waits for it. Nobody is left when the call was cancelled; it is done nevertheless.
pub(super) struct Job {
    pub(super) txn: Txn,
    pub(super) done: oneshot::Sender<Result<Outcome>>,
}

impl Writer {
    /// Starts the thread. It owns the connection, the lock and the fate of the readers.
    pub(super) fn start(
        connection: Connection,
        lock: Lock,
        readers: Arc<Pool>,
        options: &SqliteOptions,
    ) -> Result<Self> {
        let batch = options.queue.max(1);
        let (queue, commands) = mpsc::channel(batch);
        let revision = read::state(&connection.unchecked_transaction().map_err(write_error)?)?.revision;
        let (announce, committed) = watch::channel(revision);
        let thread = Thread::new(connection, lock, readers, announce, options.keep_revisions);
        thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || thread.run(commands, batch))
            .map_err(|source: io::Error| StoreError::Open {
                path: "store-writer thread".into(),
                source: Arc::new(source),
            })?;
        Ok(Self { queue, committed })
    }

    /// Queues a transaction, waiting while the queue is full, and waits until it is durable or refused.
    pub(super) async fn commit(&self, txn: Txn) -> Result<Outcome> {
        let (done, outcome) = oneshot::channel();
        self.send(Command::Commit(Job { txn, done })).await?;
        outcome.await.map_err(|_| StoreError::OutcomeUnknown)?
    }

    /// Compacts after what is queued.
    pub(super) async fn compact(&self, keep_from: Revision) -> Result<()> {
        let (done, result) = oneshot::channel();
        self.send(Command::Compact { keep_from, done }).await?;
        result.await.map_err(|_| StoreError::OutcomeUnknown)?
    }

    /// Ends the thread after what is queued, and waits for that.
    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.send(Command::Close { done }).await.is_ok() {
            // An error means that the thread ended another way, which is all that is waited for.
            let _ = closed.await;
        }
    }

    /// The last committed revision, as it changes.
    pub(super) fn revisions(&self) -> watch::Receiver<Revision> {
        self.committed.clone()
    }

    async fn send(&self, command: Command) -> Result<()> {
        self.queue.send(command).await.map_err(|_| StoreError::Closed)
    }
}

/// What the writer thread owns. The lock is the last field because fields drop in order: the connection is
/// closed first.
pub(super) struct Thread {
    connection: Connection,
    readers: Arc<Pool>,
    announce: watch::Sender<Revision>,
    keep: Option<u64>,
    _lock: Lock,
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.readers.close();
    }
}

impl Thread {
    pub(super) fn new(
        connection: Connection,
        lock: Lock,
        readers: Arc<Pool>,
        announce: watch::Sender<Revision>,
        keep: Option<u64>,
    ) -> Self {
        Self {
            connection,
            readers,
            announce,
            keep,
            _lock: lock,
        }
    }

    /// Serves until the queue is closed and empty, in batches of at most `batch` commands.
    pub(super) fn run(mut self, mut commands: mpsc::Receiver<Command>, batch: usize) {
        let mut queued = Vec::with_capacity(batch);
        while commands.blocking_recv_many(&mut queued, batch) > 0 {
            let mut jobs = Vec::with_capacity(queued.len());
            let mut rest = queued.drain(..);
            while let Some(command) = rest.next() {
                match command {
                    Command::Commit(job) => jobs.push(job),
                    Command::Compact { keep_from, done } => {
                        self.commit(std::mem::take(&mut jobs));
                        let _ = done.send(compact::compact(&mut self.connection, keep_from));
                    }
                    Command::Close { done } => {
                        self.commit(jobs);
                        return self.close(done, commands, rest);
                    }
                }
            }
            drop(rest);
            self.commit(jobs);
        }
    }

    /// Lets go of the file, then refuses what was queued behind the call to close.
    fn close(
        self,
        done: oneshot::Sender<()>,
        mut commands: mpsc::Receiver<Command>,
        rest: impl Iterator<Item = Command>,
    ) {
        drop(self);
        commands.close();
        let later = std::iter::from_fn(|| commands.blocking_recv());
        for command in rest.chain(later) {
            match command {
                Command::Commit(job) => drop(job.done.send(Err(StoreError::Closed))),
                Command::Compact { done, .. } => drop(done.send(Err(StoreError::Closed))),
                Command::Close { done } => drop(done.send(())),
            }
        }
        let _ = done.send(());
    }

    /// Commits the transactions together, answers them, wakes the watches and keeps the history short.
    fn commit(&mut self, jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        let before = *self.announce.borrow();
        match commit_together(&mut self.connection, jobs.iter().map(|job| &job.txn)) {
            Ok((outcomes, revision)) => {
                for (job, outcome) in jobs.into_iter().zip(outcomes) {
                    let _ = job.done.send(outcome);
                }
                if revision != before {
                    self.announce.send_replace(revision);
                    self.compact_excess();
                }
            }
            Err(error) => {
                tracing::error!(%error, cause = ?std::error::Error::source(&error), transactions = jobs.len(), "commit failed");
                for job in jobs {
                    let _ = job.done.send(Err(error.clone()));
                }
            }
        }
    }

    fn compact_excess(&mut self) {
        let Some(keep) = self.keep else { return };
        if let Err(error) = compact::compact_excess(&mut self.connection, keep) {
            // Nothing is lost by it, and the next commit tries again.
            tracing::warn!(%error, cause = ?std::error::Error::source(&error), "cannot compact the history");
        }
    }
}

/// Applies the transactions in order and commits once. Returns what became of each and the new revision.
///
/// One that fails is undone and leaves the others alone. An error is the failure of all: the database is as
/// it was before.
pub(super) fn commit_together<'a>(
    connection: &mut Connection,
    txns: impl Iterator<Item = &'a Txn>,
) -> Result<(Vec<Result<Outcome>>, Revision)> {
    let mut shared = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(write_error)?;
    let mut revision = read::state(&shared)?.revision;
    let mut outcomes = Vec::new();
    for txn in txns {
        let outcome = apply_alone(&mut shared, revision, txn)?;
        if let Ok(Outcome::Committed(committed)) = &outcome {
            revision = *committed;
        }
        outcomes.push(outcome);
    }
    shared.commit().map_err(write_error)?;
    Ok((outcomes, revision))
}

/// Applies one transaction such that its failure, the inner error, undoes it and nothing else. The outer
/// error is one that this cannot be done for, so that nothing of the shared transaction may be committed.
fn apply_alone(shared: &mut Transaction<'_>, revision: Revision, txn: &Txn) -> Result<Result<Outcome>> {
    let mut savepoint = shared.savepoint().map_err(write_error)?;
    match apply(&savepoint, revision, txn) {
        Ok(outcome) => savepoint.commit().map(|()| Ok(outcome)).map_err(write_error),
        Err(error) => match savepoint.rollback() {
            Ok(()) => Ok(Err(write_error(error))),
            // As when SQLite ran out of disk or memory and has undone everything.
            Err(_) => Err(write_error(error)),
        },
    }
}
