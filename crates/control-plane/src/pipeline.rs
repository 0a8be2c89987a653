//! From the store to the proxies: follows every change, and rebuilds what connected proxies are to have.
//!
//! ```text
//!  store ~watch~> Meshes -> graph -> translate -> watch<ResourceSet> per kind of proxy ~> xds-server
//!  supplies ~watch~> Following ──────┘
//! ```
//!
//! Only views of connected proxies are computed, and only those that a change concerns: an [`Index`](crate::index::Index) has what each of
//! them depends on, and a [`Memo`] of each mesh the virtual services as they were resolved. Where everything comes out
//! equal nothing else happens, so an unrelated stream sees nothing. A fault of ours while a view is built leaves the
//! proxy on its last good configuration and is counted; so is a stored record that cannot be understood, see
//! [`meshes`](crate::meshes).
//!
//! Locks, in the order in which they may be taken within each other:
//!
//! 1. one for each kind of proxy, held while its configuration is built. Whoever holds it takes the newest mesh, so what
//!    is published never goes back;
//! 2. one of the memos, shared by those who resolve, and held alone while a change is taken in: what is resolved and
//!    what it is noted to depend on are of the same moment;
//! 3. one of the rest of the state, held to look something up or to note something and never while something is built.

mod publish;
mod state;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::error::Error;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};
use std::time::{Duration, Instant};

use envoy_types::pb::envoy::config::core::v3::Node;
use evermesh_graph::supplied::SupplyKey;
use evermesh_graph::{Dependency, Memo, Resolver};
use evermesh_histogram::{Distribution, Histogram};
use evermesh_model::{Diagnostic, MeshId, MeshSnapshot};
use evermesh_service::{RESOURCE_PREFIX, RecordError};
use evermesh_store::{Batch, Entry, Event, ListOptions, Revision, Store, StoreError, Watch};
use evermesh_xds_server::{ConfigSource, Pool, Refusal, ResourceSet};
use tokio::sync::watch;
use tracing::{error, warn};

use crate::beginning::{self, Beginning};
use crate::burst::Bursts;
use crate::following::{Changes, Following};
use crate::meshes::Changed;
use crate::metrics::WORK_BOUNDS;
use crate::proxy::ProxyKey;
use crate::supply::Supplies;
use publish::Cause;
use state::{Published, State};

/// Pause before the store is asked again after it failed.
const STORE_RETRY: Duration = Duration::from_millis(500);

/// The newest meshes, and what is published of them.
pub(crate) struct Pipeline {
    /// Of every mesh of the state.
    memos: RwLock<HashMap<MeshId, Memo>>,
    state: Mutex<State>,
    /// Of supplied values.
    changes: Arc<Changes>,
    /// What proxies have in common.
    pool: Arc<Pool>,
    resolved: AtomicU64,
    built: AtomicU64,
    recompute: Histogram,
    default_account: String,
    faults: AtomicU64,
    /// Set when nobody follows the store any more.
    ended: AtomicBool,
}

/// What it does, for metrics.
pub(crate) struct Figures {
    /// Configurations that are published.
    pub(crate) configurations: usize,
    /// Resources that their pool knows.
    pub(crate) resources: usize,
    /// Views resolved since the start.
    pub(crate) resolved: u64,
    /// Configurations built since the start.
    pub(crate) built: u64,
    /// From taking in changes to having built all that they concern.
    pub(crate) recompute: Distribution,
}

impl Pipeline {
    /// A pipeline that stands at the store's present state, and the watch to go on with.
    ///
    /// # Errors
    /// When the store fails. A record that cannot be understood is no error, see [`meshes`](crate::meshes).
    pub(crate) async fn load(
        store: &dyn Store,
        default_account: String,
        supplies: Supplies,
    ) -> Result<(Self, Watch), StoreError> {
        let changes = Arc::<Changes>::default();
        let state = State::new(Following::new(supplies, Arc::clone(&changes)));
        let pipeline = Self {
            memos: RwLock::default(),
            state: Mutex::new(state),
            changes,
            pool: Arc::default(),
            resolved: AtomicU64::new(0),
            built: AtomicU64::new(0),
            recompute: Histogram::new(&WORK_BOUNDS),
            default_account,
            faults: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        };
        let watch = pipeline.read(store).await?;
        let mut state = pipeline.lock();
        state.beginning = Some(Beginning::of(&state.meshes));
        drop(state);
        Ok((pipeline, watch))
    }

    /// Follows the store until it closes.
    pub(crate) async fn follow(&self, store: &dyn Store, mut watch: Watch) {
        let _ending = Ending(&self.ended);
        let mut bursts = Bursts::default();
        loop {
            let next = self.take_in_supplied_until(watch.next()).await;
            match next {
                Ok(batch) => {
                    self.apply(&bursts.collect(batch, &mut watch).await).await;
                    bursts.done();
                }
                Err(StoreError::Closed) => return,
                Err(failure) => {
                    warn!(error = %failure, cause = ?failure.source(), "cannot follow the store, loading it anew");
                    match self.reload(store).await {
                        Some(fresh) => watch = fresh,
                        None => return,
                    }
                }
            }
        }
    }

    /// Takes in supplied values for as long as nothing else has happened. What is waited for goes on meanwhile: were it
    /// begun anew after each value, values that come without a pause would put it off for ever.
    async fn take_in_supplied_until<T>(&self, other: impl Future<Output = T>) -> T {
        let mut other = pin!(other);
        loop {
            tokio::select! {
                other = &mut other => return other,
                keys = self.changes.next() => self.take_in_supplied(&keys).await,
            }
        }
    }

    /// Whether changes still reach proxies. Only a fault of ours or the end of the store ends that.
    pub(crate) fn is_followed(&self) -> bool {
        !self.ended.load(Ordering::Relaxed)
    }

    /// Revision of the store that is published, to those whom it concerns.
    pub(crate) fn revision(&self) -> Revision {
        self.lock().revision
    }

    /// How often a view could not be built or a record not be understood: faults of ours.
    pub(crate) fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// What it does, for metrics.
    pub(crate) fn figures(&self) -> Figures {
        let mut state = self.lock();
        state.forget_departed();
        let configurations = state.published.len();
        drop(state);
        Figures {
            configurations,
            resources: self.pool.len(),
            resolved: self.resolved.load(Ordering::Relaxed),
            built: self.built.load(Ordering::Relaxed),
            recompute: self.recompute.read(),
        }
    }

    /// Everything that is wrong in the meshes, as far as their users can mend it.
    pub(crate) fn diagnostics(&self) -> Vec<Diagnostic> {
        let known = self.lock().following.addresses();
        self.meshes()
            .iter()
            .flat_map(|mesh| Resolver::new(mesh).lint(&known))
            .collect()
    }

    /// The newest meshes.
    pub(crate) fn meshes(&self) -> Vec<Arc<MeshSnapshot>> {
        self.lock().meshes.all().cloned().collect()
    }

    /// Reads the store until that succeeds; `None` when it is closed.
    async fn reload(&self, store: &dyn Store) -> Option<Watch> {
        loop {
            // Before the first time too: a store that can be listed but not followed is not to be read without pause.
            tokio::time::sleep(STORE_RETRY).await;
            match self.read(store).await {
                Ok(watch) => return Some(watch),
                Err(StoreError::Closed) => return None,
                Err(failure) => {
                    warn!(error = %failure, cause = ?failure.source(), "cannot load the store, trying again");
                }
            }
        }
    }

    /// Takes in all that is stored. The watch goes on right after it.
    async fn read(&self, store: &dyn Store) -> Result<Watch, StoreError> {
        let listing = store.list(RESOURCE_PREFIX, ListOptions::default()).await?;
        let watch = store.watch(RESOURCE_PREFIX, listing.revision + 1).await?;
        self.load_meshes(&listing.entries);
        let everyone = self.lock().of_meshes(|_| true);
        self.publish_all(everyone, Cause::Mesh).await;
        self.lock().revision = listing.revision;
        Ok(watch)
    }

    fn load_meshes(&self, entries: &[Entry]) {
        let mut memos = write(&self.memos);
        let mut state = self.lock();
        let unreadable = state.meshes.load(entries);
        unreadable.iter().for_each(|why| self.note_unreadable(why));
        *memos = state
            .meshes
            .all()
            .map(|mesh| (mesh.id.clone(), Memo::new(mesh)))
            .collect();
    }

    async fn apply(&self, batches: &[Batch]) {
        let begun = Instant::now();
        let newest = batches.last().map(|batch| batch.revision);
        let concerned = self.take_in(batches);
        self.publish_all(concerned, Cause::Mesh).await;
        self.recompute.add(begun.elapsed());
        let mut state = self.lock();
        state.revision = newest.unwrap_or(state.revision);
    }

    async fn take_in_supplied(&self, keys: &BTreeSet<SupplyKey>) {
        let begun = Instant::now();
        let users = {
            let mut state = self.lock();
            let users = state.following.users(keys);
            state.of_keys(&users)
        };
        let in_views = keys.iter().any(|key| matches!(key, SupplyKey::Addresses(_)));
        let cause = if in_views { Cause::Mesh } else { Cause::Supply };
        self.publish_all(users, cause).await;
        self.recompute.add(begun.elapsed());
    }

    /// Returns whom the changes concern.
    fn take_in(&self, batches: &[Batch]) -> Vec<Arc<Published>> {
        let mut memos = write(&self.memos);
        let mut state = self.lock();
        state.beginning.take_if(|beginning| beginning.is_over());
        let (mut meshes, mut resources) = (BTreeSet::new(), HashMap::<MeshId, BTreeSet<Dependency>>::new());
        for event in batches.iter().flat_map(|batch| &batch.events) {
            let changed = match event {
                Event::Put(entry) => state.meshes.apply(&entry.key, Some(&entry.value)),
                Event::Delete { key } => state.meshes.apply(key, None),
            };
            match changed {
                Ok(Changed::Nothing) => {}
                Ok(Changed::Mesh(mesh)) => drop(meshes.insert(mesh)),
                Ok(Changed::Resource(id)) => {
                    let mesh = resources.entry(id.mesh().clone()).or_default();
                    mesh.insert(Dependency::of(&id));
                }
                Err(why) => self.note_unreadable(&why),
            }
        }
        for mesh in &meshes {
            let fresh = state.meshes.mesh(mesh).map(|newest| Memo::new(newest));
            memos.remove(mesh);
            memos.extend(fresh.map(|memo| (mesh.clone(), memo)));
        }
        let mut concerned = HashSet::new();
        for (mesh, changed) in resources {
            if let (Some(newest), Some(memo)) = (state.meshes.mesh(&mesh), memos.get_mut(&mesh)) {
                let changed = memo.update(newest, changed);
                let dependents = state.dependents.get(&mesh);
                concerned.extend(dependents.into_iter().flat_map(|index| index.users(&changed)));
                let failed = state.failed.iter().filter(|key| *key.resource.mesh() == mesh);
                concerned.extend(failed.cloned());
            }
        }
        let mut published = state.of_keys(&concerned);
        if !meshes.is_empty() {
            published.extend(state.of_meshes(|mesh| meshes.contains(mesh)));
        }
        published
    }

    fn note_unreadable(&self, why: &RecordError) {
        self.faults.fetch_add(1, Ordering::Relaxed);
        error!(error = %why, cause = ?why.source(), "a stored record cannot be understood; its mesh stands still");
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Tells that following ended, however it did.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl ConfigSource for Pipeline {
    fn subscribe(&self, node: &Node) -> Result<watch::Receiver<Option<Arc<ResourceSet>>>, Refusal> {
        let key = Arc::new(ProxyKey::of(node, &self.default_account)?);
        let mut state = self.lock();
        if let Some(published) = state.published.get(&key)
            && published.is_in_use()
        {
            return Ok(published.sender.subscribe());
        }
        let (sender, receiver) = watch::channel(None);
        let fresh = Arc::new(Published {
            key: Arc::clone(&key),
            built: Mutex::default(),
            sender,
        });
        // Proxies that come and go under ever new names must not fill the memory while nothing else happens.
        if state.published.len() == state.published.capacity() {
            state.forget_departed();
        }
        state.published.insert(key, Arc::clone(&fresh));
        drop(state);
        self.publish(&fresh, Cause::Mesh);
        Ok(receiver)
    }

    fn earlier(&self, node: &Node) -> Option<Arc<ResourceSet>> {
        let key = ProxyKey::of(node, &self.default_account).ok()?;
        let state = self.lock();
        let now = state.meshes.mesh(key.resource.mesh());
        let before = state.beginning.as_ref()?.before(key.resource.mesh(), now)?;
        let (before, known) = (Arc::clone(before), state.following.addresses());
        drop(state);
        self.build(&key, || {
            beginning::configuration(&before, &key, &known, &self.pool)
        })?
    }
}

/// Steps that may panic are caught within, so a poisoned value is still a consistent one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
