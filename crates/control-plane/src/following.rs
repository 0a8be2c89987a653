//! Which supplied values which proxies need: a key is followed while one needs it, and only those who do learn of a
//! change. Never builds anything.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evermesh_graph::supplied::{Addresses, Instances, NamedAddresses, Secret, Supplied, SupplyKey};
use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;

use crate::index::Index;
use crate::proxy::ProxyKey;
use crate::supply::Supplies;

/// The keys that are followed, and who needs them.
pub(crate) struct Following {
    supplies: Supplies,
    changes: Arc<Changes>,
    /// Those that a proxy needs, and no others.
    followed: HashMap<SupplyKey, Followed>,
    needs: Index<SupplyKey>,
}

/// Keys whose values have changed.
#[derive(Default)]
pub(crate) struct Changes {
    keys: Mutex<BTreeSet<SupplyKey>>,
    some: Notify,
}

struct Followed {
    newest: Newest,
    /// Notes changes, as long as the key is followed.
    _task: AbortOnDropHandle<()>,
}

type Receiver<V> = watch::Receiver<Option<Arc<V>>>;

enum Newest {
    Endpoints(Receiver<Instances>),
    Secret(Receiver<Secret>),
    Addresses(Receiver<Addresses>),
}

impl Following {
    pub(crate) fn new(supplies: Supplies, changes: Arc<Changes>) -> Self {
        Self {
            supplies,
            changes,
            followed: HashMap::new(),
            needs: Index::default(),
        }
    }

    /// States what a proxy needs now, instead of what it needed before; the newest values thereof, as far as they are
    /// known.
    pub(crate) fn need(&mut self, proxy: &Arc<ProxyKey>, keys: BTreeSet<SupplyKey>) -> Supplied {
        let mut supplied = Supplied::default();
        for key in &keys {
            let (supplies, changes) = (&self.supplies, &self.changes);
            let followed = self
                .followed
                .entry(key.clone())
                .or_insert_with(|| Followed::start(key, supplies, changes));
            followed.add_to(key, &mut supplied);
        }
        if self.needs.set(proxy, keys) {
            self.stop_the_unused();
        }
        supplied
    }

    /// Whether this is what a proxy has stated to need.
    pub(crate) fn is_needed(&self, proxy: &ProxyKey, keys: &BTreeSet<SupplyKey>) -> bool {
        self.needs.has(proxy, keys)
    }

    /// What is known of the addresses that any proxy needs.
    pub(crate) fn addresses(&self) -> NamedAddresses {
        let mut supplied = Supplied::default();
        for (key, followed) in &self.followed {
            if let SupplyKey::Addresses(_) = key {
                followed.add_to(key, &mut supplied);
            }
        }
        supplied.addresses
    }

    /// The proxies that need one of these keys.
    pub(crate) fn users(&self, keys: &BTreeSet<SupplyKey>) -> HashSet<Arc<ProxyKey>> {
        self.needs.users(keys)
    }

    /// Forgets the needs of all other proxies.
    pub(crate) fn retain(&mut self, stays: impl FnMut(&ProxyKey) -> bool) {
        if self.needs.retain(stays) {
            self.stop_the_unused();
        }
    }

    fn stop_the_unused(&mut self) {
        self.followed.retain(|key, _| self.needs.is_used(key));
    }
}

impl Followed {
    fn start(key: &SupplyKey, supplies: &Supplies, changes: &Arc<Changes>) -> Self {
        let changes = Arc::clone(changes);
        let (newest, task) = match key {
            SupplyKey::Endpoints(service) => {
                let receiver = supplies.endpoints.follow(service);
                let task = tokio::spawn(changes.of(key.clone(), receiver.clone()));
                (Newest::Endpoints(receiver), task)
            }
            SupplyKey::Secret(name) => {
                let receiver = supplies.secrets.follow(name);
                let task = tokio::spawn(changes.of(key.clone(), receiver.clone()));
                (Newest::Secret(receiver), task)
            }
            SupplyKey::Addresses(name) => {
                let receiver = supplies.addresses.follow(name);
                let task = tokio::spawn(changes.of(key.clone(), receiver.clone()));
                (Newest::Addresses(receiver), task)
            }
        };
        Self {
            newest,
            _task: AbortOnDropHandle::new(task),
        }
    }

    fn add_to(&self, key: &SupplyKey, supplied: &mut Supplied) {
        match (key, &self.newest) {
            (SupplyKey::Endpoints(service), Newest::Endpoints(newest)) => {
                let known = newest.borrow().clone().map(|value| (service.clone(), value));
                supplied.endpoints.extend(known);
            }
            (SupplyKey::Secret(name), Newest::Secret(newest)) => {
                let known = newest.borrow().clone().map(|value| (name.clone(), value));
                supplied.secrets.extend(known);
            }
            (SupplyKey::Addresses(name), Newest::Addresses(newest)) => {
                let known = newest.borrow().clone().map(|value| (name.clone(), value));
                supplied.addresses.extend(known);
            }
            // `start` makes both of the same kind.
            _ => {}
        }
    }
}

impl Changes {
    /// The keys that have changed since the last time; waits until there is one. Nothing is lost when the wait is given
    /// up.
    pub(crate) async fn next(&self) -> BTreeSet<SupplyKey> {
        loop {
            let keys = mem::take(&mut *self.keys());
            if !keys.is_empty() {
                return keys;
            }
            self.some.notified().await;
        }
    }

    /// Notes the changes of a key.
    async fn of<V>(self: Arc<Self>, key: SupplyKey, mut newest: Receiver<V>) {
        while newest.changed().await.is_ok() {
            self.keys().insert(key.clone());
            self.some.notify_one();
        }
    }

    /// Sets of keys are whole between any two calls, so a poisoned one is too.
    fn keys(&self) -> MutexGuard<'_, BTreeSet<SupplyKey>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
