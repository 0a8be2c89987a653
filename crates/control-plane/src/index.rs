//! Which proxies depend on what, looked up both ways. Knows neither what they depend on nor why.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use crate::proxy::ProxyKey;

/// Proxies and their dependencies. Both maps say the same, and have no empty sets.
pub(crate) struct Index<D> {
    dependencies: HashMap<Arc<ProxyKey>, BTreeSet<D>>,
    users: HashMap<D, HashSet<Arc<ProxyKey>>>,
}

impl<D: Clone + Ord + Hash> Index<D> {
    /// States what a proxy depends on now, instead of what it depended on before. Returns whether that is another.
    pub(crate) fn set(&mut self, proxy: &Arc<ProxyKey>, dependencies: BTreeSet<D>) -> bool {
        if self
            .dependencies
            .get(proxy)
            .map_or(dependencies.is_empty(), |before| *before == dependencies)
        {
            return false;
        }
        let before = self.dependencies.remove(proxy).unwrap_or_default();
        for gone in before.difference(&dependencies) {
            self.leave(gone, proxy);
        }
        for new in dependencies.difference(&before) {
            self.users
                .entry(new.clone())
                .or_default()
                .insert(Arc::clone(proxy));
        }
        if !dependencies.is_empty() {
            self.dependencies.insert(Arc::clone(proxy), dependencies);
        }
        true
    }

    /// The proxies that depend on one of these.
    pub(crate) fn users<'d>(&self, of: impl IntoIterator<Item = &'d D>) -> HashSet<Arc<ProxyKey>>
    where
        D: 'd,
    {
        let users = of.into_iter().filter_map(|dependency| self.users.get(dependency));
        users.flatten().cloned().collect()
    }

    /// Whether these are a proxy's dependencies.
    pub(crate) fn has(&self, proxy: &ProxyKey, dependencies: &BTreeSet<D>) -> bool {
        match self.dependencies.get(proxy) {
            Some(stated) => stated == dependencies,
            None => dependencies.is_empty(),
        }
    }

    /// Whether a proxy depends on it.
    pub(crate) fn is_used(&self, dependency: &D) -> bool {
        self.users.contains_key(dependency)
    }

    /// Forgets all other proxies. Returns whether there was one.
    pub(crate) fn retain(&mut self, mut stays: impl FnMut(&ProxyKey) -> bool) -> bool {
        let proxies = self.dependencies.keys().filter(|proxy| !stays(proxy));
        let gone: Vec<_> = proxies.cloned().collect();
        for proxy in &gone {
            self.set(proxy, BTreeSet::new());
        }
        !gone.is_empty()
    }

    /// Whether it has no proxy.
    pub(crate) fn is_empty(&self) -> bool {
        self.dependencies.is_empty()
    }

    fn leave(&mut self, dependency: &D, proxy: &ProxyKey) {
        if let Some(users) = self.users.get_mut(dependency) {
            users.remove(proxy);
            if users.is_empty() {
                self.users.remove(dependency);
            }
        }
    }
}

impl<D> Default for Index<D> {
    fn default() -> Self {
        Self {
            dependencies: HashMap::new(),
            users: HashMap::new(),
        }
    }
}
