//! Connections for reading: a fixed number, used on blocking threads, each read in a snapshot of its own.

use std::{
    panic,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, Transaction};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task,
};

use super::read_error;
use crate::{Result, StoreError};

/// As many permits as connections: who holds a permit finds an idle connection.
pub(super) struct Pool {
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    pub(super) fn new(connections: Vec<Connection>) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(connections.len())),
            idle: Mutex::new(connections),
        }
    }

    /// Runs a read on one snapshot of the committed state, when a connection is free.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut lease = Lease::take(Arc::clone(self)).await?;
        let task = task::spawn_blocking(move || {
            let snapshot = lease.connection().transaction().map_err(read_error)?;
            read(&snapshot)
        });
        match task.await {
            Ok(result) => result,
            Err(error) if error.is_panic() => panic::resume_unwind(error.into_panic()),
            // The runtime is shutting down.
            Err(_) => Err(StoreError::Closed),
        }
    }

    /// Closes the connections: the idle ones now, the others when their read is over.
    pub(super) fn close(&self) {
        self.permits.close();
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection on loan. It goes back before its permit does.
struct Lease {
    pool: Arc<Pool>,
    connection: Option<Connection>,
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    async fn take(pool: Arc<Pool>) -> Result<Self> {
        let permit = Arc::clone(&pool.permits)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        // None when the pool was closed between the two.
        let connection = pool.idle().pop().ok_or(StoreError::Closed)?;
        Ok(Self {
            pool,
            connection: Some(connection),
            _permit: permit,
        })
    }

    fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("only drop takes it")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut idle = self.pool.idle();
        // `close` marks the pool before it empties it, so this cannot put one back afterwards.
        if !self.pool.permits.is_closed() {
            idle.extend(self.connection.take());
        }
    }
}
