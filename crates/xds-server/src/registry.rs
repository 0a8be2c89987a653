//! The connected proxies, shared by all streams of a server. Never touches a stream.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::delivery::Delivery;
use crate::session::Session;
use crate::status::ProxyStatus;

/// The connected proxies, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    next: AtomicU64,
    proxies: Mutex<BTreeMap<u64, Arc<Mutex<ProxyStatus>>>>,
    /// The number of entries of every node id.
    of_node: Mutex<HashMap<String, usize>>,
}

impl Registry {
    /// Lists a proxy until the entry is dropped. `None` when `limit` proxies of its node id are listed.
    pub(crate) fn enter(self: &Arc<Self>, status: ProxyStatus, limit: usize) -> Option<Entry> {
        let mut of_node = lock(&self.of_node);
        let count = of_node.entry(status.node_id.clone()).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        drop(of_node);
        let node_id = status.node_id.clone();
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let status = Arc::new(Mutex::new(status));
        lock(&self.proxies).insert(id, Arc::clone(&status));
        Some(Entry {
            registry: Arc::clone(self),
            id,
            node_id,
            status,
        })
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
    node_id: String,
    status: Arc<Mutex<ProxyStatus>>,
}

impl Entry {
    pub(crate) fn update<D: Delivery>(&self, session: &Session<D>) {
        let mut status = lock(&self.status);
        status.state = session.state();
        status.types = session.types();
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
