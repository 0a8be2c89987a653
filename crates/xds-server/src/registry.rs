//! The connected proxies, shared by all streams of a server. Never touches a stream.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::delivery::Delivery;
use crate::session::Session;
use crate::set::ResourceSet;
use crate::status::{ProxyStatus, SyncState};

/// The connected proxies, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    next: AtomicU64,
    proxies: Mutex<BTreeMap<u64, Arc<Listed>>>,
    /// The number of entries of every node id.
    of_node: Mutex<HashMap<String, usize>>,
}

impl Registry {
    /// Lists a proxy that is to have the newest of `sets`, until the entry is dropped. `None` when `limit` proxies of its
    /// node id are listed.
    pub(crate) fn enter(
        self: &Arc<Self>,
        status: ProxyStatus,
        sets: watch::Receiver<Option<Arc<ResourceSet>>>,
        limit: usize,
    ) -> Option<Entry> {
        let mut of_node = lock(&self.of_node);
        let count = of_node.entry(status.node_id.clone()).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        drop(of_node);
        let node_id = status.node_id.clone();
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let listed = Arc::new(Listed {
            sets,
            known: Mutex::new((status, None)),
        });
        lock(&self.proxies).insert(id, Arc::clone(&listed));
        Some(Entry {
            registry: Arc::clone(self),
            id,
            node_id,
            listed,
        })
    }

    pub(crate) fn proxies(&self) -> Vec<ProxyStatus> {
        let entries: Vec<_> = lock(&self.proxies).values().cloned().collect();
        entries.iter().map(|listed| listed.status()).collect()
    }
}

/// What is known of a listed proxy.
#[derive(Debug)]
struct Listed {
    sets: watch::Receiver<Option<Arc<ResourceSet>>>,
    /// As its stream last said, and the set that it was said of.
    known: Mutex<(ProxyStatus, Option<Arc<ResourceSet>>)>,
}

impl Listed {
    /// Nobody is told that a proxy is in sync while its stream has not yet seen the newest set.
    fn status(&self) -> ProxyStatus {
        let (mut status, seen) = lock(&self.known).clone();
        let newest = self.sets.borrow();
        let is_news = newest.as_ref().map(Arc::as_ptr) != seen.as_ref().map(Arc::as_ptr);
        if is_news && status.state == SyncState::InSync {
            status.state = SyncState::Updating;
        }
        status
    }
}

/// A proxy in the list.
#[derive(Debug)]
pub(crate) struct Entry {
    registry: Arc<Registry>,
    id: u64,
    node_id: String,
    listed: Arc<Listed>,
}

impl Entry {
    pub(crate) fn update<D: Delivery>(&self, session: &Session<D>) {
        let mut known = lock(&self.listed.known);
        let (status, seen) = &mut *known;
        status.state = session.state();
        status.types = session.types();
        *seen = session.target();
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.registry.proxies).remove(&self.id);
        let mut of_node = lock(&self.registry.of_node);
        if let Some(count) = of_node.get_mut(&self.node_id) {
            *count -= 1;
            if *count == 0 {
                of_node.remove(&self.node_id);
            }
        }
    }
}

/// No holder of these locks runs code that could panic half way, so a poisoned value is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
