//! The connected proxies, shared by all streams of a server. Never touches a stream.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use crate::delivery::Delivery;
use crate::memory::Memory;
use crate::resource::Version;
use crate::session::Session;
use crate::set::{Collection, ResourceSet};
use crate::status::{ProxyStatus, SyncState};

/// The connected proxies, in the order in which they came, and what those hold that left.
#[derive(Debug)]
pub(crate) struct Registry {
    next: AtomicU64,
    proxies: Mutex<BTreeMap<u64, Arc<Listed>>>,
    /// The number of entries of every node id.
    of_node: Mutex<HashMap<Arc<str>, usize>>,
    left: Mutex<Memory>,
}

impl Registry {
    /// An empty one that remembers the lists of clusters of so many proxies that left.
    pub(crate) fn new(remembered: usize) -> Self {
        Self {
            next: AtomicU64::default(),
            proxies: Mutex::default(),
            of_node: Mutex::default(),
            left: Mutex::new(Memory::new(remembered)),
        }
    }

    /// Lists a proxy that is to have the newest of `sets`, until the entry is dropped. `None` when `limit` proxies of its
    /// node id are listed.
    pub(crate) fn enter(
        self: &Arc<Self>,
        status: ProxyStatus,
        sets: watch::Receiver<Option<Arc<ResourceSet>>>,
        limit: usize,
    ) -> Option<Entry> {
        let mut of_node = lock(&self.of_node);
        let node_id: Arc<str> = status.node_id.as_str().into();
        let count = of_node.entry(Arc::clone(&node_id)).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        drop(of_node);
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let known = Known {
            status,
            set: None,
            clusters: Vec::new(),
        };
        let listed = Arc::new(Listed {
            node_id,
            sets,
            known: Mutex::new(known),
        });
        lock(&self.proxies).insert(id, Arc::clone(&listed));
        Some(Entry {
            registry: Arc::clone(self),
            id,
            listed,
        })
    }

    pub(crate) fn proxies(&self) -> Vec<ProxyStatus> {
        let entries: Vec<_> = lock(&self.proxies).values().cloned().collect();
        entries.iter().map(|listed| listed.status()).collect()
    }

    /// The list of clusters of this version, if a proxy of that node holds it.
    fn recall(&self, node_id: &Arc<str>, version: Version) -> Option<Arc<Collection>> {
        let left = lock(&self.left).recall(node_id, version);
        left.or_else(|| {
            // A connection may be dead for a while before that is noticed, and its proxy be back by then. Who is the only
            // one of its node need not look through thousands, as all do that come back from a restart.
            if lock(&self.of_node).get(node_id).is_none_or(|count| *count < 2) {
                return None;
            }
            let proxies = lock(&self.proxies);
            let mut of_node = proxies.values().filter(|listed| listed.node_id == *node_id);
            of_node.find_map(|listed| listed.recall(version))
        })
    }
}

/// A listed proxy.
#[derive(Debug)]
struct Listed {
    node_id: Arc<str>,
    sets: watch::Receiver<Option<Arc<ResourceSet>>>,
    known: Mutex<Known>,
}

/// What the stream of a proxy last said of it.
#[derive(Debug)]
struct Known {
    status: ProxyStatus,
    /// The newest set that the stream has seen.
    set: Option<Arc<ResourceSet>>,
    /// The lists of clusters that the proxy may hold.
    clusters: Vec<Arc<Collection>>,
}

impl Listed {
    /// Nobody is told that a proxy is in sync while its stream has not yet seen the newest set.
    fn status(&self) -> ProxyStatus {
        let known = lock(&self.known);
        let mut status = known.status.clone();
        let newest = self.sets.borrow();
        let is_news = newest.as_ref().map(Arc::as_ptr) != known.set.as_ref().map(Arc::as_ptr);
        if is_news && status.state == SyncState::InSync {
            status.state = SyncState::Updating;
        }
        status
    }

    fn recall(&self, version: Version) -> Option<Arc<Collection>> {
        let known = lock(&self.known);
        let mut clusters = known.clusters.iter();
        clusters.find(|list| list.version() == version).cloned()
    }
}

/// A proxy in the list.
#[derive(Debug)]
pub(crate) struct Entry {
    registry: Arc<Registry>,
    id: u64,
    listed: Arc<Listed>,
}

impl Entry {
    pub(crate) fn update<D: Delivery>(&self, session: &Session<D>) {
        let mut known = lock(&self.listed.known);
        known.status.state = session.state();
        known.status.types = session.types();
        known.set = session.target();
        known.clusters.clear();
        known.clusters.extend_from_slice(session.clusters());
    }

    /// The list of clusters of this version, if a proxy of the same node holds it or did when it left.
    pub(crate) fn recall(&self, version: Version) -> Option<Arc<Collection>> {
        self.registry.recall(&self.listed.node_id, version)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let node_id = &self.listed.node_id;
        let clusters = std::mem::take(&mut lock(&self.listed.known).clusters);
        for list in clusters {
            lock(&self.registry.left).keep(node_id, list, Instant::now());
        }
        lock(&self.registry.proxies).remove(&self.id);
        let mut of_node = lock(&self.registry.of_node);
        if let Some(count) = of_node.get_mut(node_id) {
            *count -= 1;
            if *count == 0 {
                of_node.remove(node_id);
            }
        }
    }
}

/// No holder of these locks runs code that could panic half way, so a poisoned value is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
