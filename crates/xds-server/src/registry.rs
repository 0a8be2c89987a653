//! The connected proxies and the counters, shared by all streams of a server. Never touches a stream.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::session::Session;
use crate::status::{ProxyStatus, Stats};

/// The connected proxies, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    next: AtomicU64,
    proxies: Mutex<BTreeMap<u64, Arc<Mutex<ProxyStatus>>>>,
}

impl Registry {
    /// Lists a proxy until the entry is dropped.
    pub(crate) fn enter(self: &Arc<Self>, status: ProxyStatus) -> Entry {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let status = Arc::new(Mutex::new(status));
        lock(&self.proxies).insert(id, Arc::clone(&status));
        Entry {
            registry: Arc::clone(self),
            id,
            status,
        }
    }

    pub(crate) fn proxies(&self) -> Vec<ProxyStatus> {
        let entries: Vec<_> = lock(&self.proxies).values().cloned().collect();
        entries.iter().map(|status| lock(status).clone()).collect()
    }
}

/// A proxy in the list.
#[derive(Debug)]
pub(crate) struct Entry {
    registry: Arc<Registry>,
    id: u64,
    status: Arc<Mutex<ProxyStatus>>,
}

impl Entry {
    pub(crate) fn update(&self, session: &Session) {
        let mut status = lock(&self.status);
        status.state = session.state();
        status.types = session.types();
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.registry.proxies).remove(&self.id);
    }
}

/// See [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) streams: Counter,
    pub(crate) refusals: Counter,
    pub(crate) pushes: Counter,
    pub(crate) acks: Counter,
    pub(crate) nacks: Counter,
    pub(crate) stale_requests: Counter,
    pub(crate) unknown_types: Counter,
}

impl Counters {
    pub(crate) fn read(&self, open_streams: u64) -> Stats {
        Stats {
            open_streams,
            streams: self.streams.read(),
            refusals: self.refusals.read(),
            pushes: self.pushes.read(),
            acks: self.acks.read(),
            nacks: self.nacks.read(),
            stale_requests: self.stale_requests.read(),
            unknown_types: self.unknown_types.read(),
        }
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// No holder of these locks runs code that could panic half way, so a poisoned value is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
