//! From the store to the proxies: follows every change, and rebuilds what connected proxies are to have.
//!
//! ```text
//!  store ~watch~> Meshes -> graph -> translate -> watch<ResourceSet> per kind of proxy ~> xds-server
//!  supplies ~watch~> Following ──────┘
//! ```
//!
//! Only views of connected proxies are computed. A change is resolved again for the proxies of its mesh, and a supplied
//! value that changed for the proxies that need it; where everything comes out equal nothing else happens, so an
//! unrelated stream sees nothing. A fault of ours while a view is
//! built leaves the proxy on its last good configuration and is counted; so is a stored record that cannot be
//! understood, see [`meshes`](crate::meshes).
//!
//! There are two kinds of locks: one of the whole state, which is held to look something up or to note something and
//! never while something is built, and one for each kind of proxy, which is held while that is built. Whoever holds
//! the latter takes the newest mesh, so what is published never goes back. The former may be taken within the latter,
//! not the other way round.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::Node;
use evermesh_graph::Resolver;
use evermesh_graph::supplied::{Supplied, SupplyKey};
use evermesh_graph::view::ProxyView;
use evermesh_model::{Diagnostic, MeshId, MeshSnapshot};
use evermesh_service::{RESOURCE_PREFIX, RecordError};
use evermesh_store::{Batch, Event, ListOptions, Revision, Store, StoreError, Watch};
use evermesh_translate::{Piece, Resource, ResourceKind, pieces, supplied_pieces};
use evermesh_xds_server::{ConfigSource, Refusal, ResourceSet, ResourceType};
use futures::FutureExt;
use tokio::sync::watch;
use tracing::{error, warn};

use crate::following::{Changes, Following};
use crate::meshes::Meshes;
use crate::proxy::ProxyKey;
use crate::supply::Supplies;

/// Pause before the store is asked again after it failed.
const STORE_RETRY: Duration = Duration::from_millis(500);

/// Most revisions taken in one step, so that a burst of changes cannot postpone its own effect for ever.
const MOST_REVISIONS_AT_ONCE: usize = 256;

/// The newest meshes, and what is published of them.
pub(crate) struct Pipeline {
    state: Mutex<State>,
    /// Of supplied values.
    changes: Arc<Changes>,
    default_account: String,
    faults: AtomicU64,
    /// Set when nobody follows the store any more.
    ended: AtomicBool,
}

struct State {
    meshes: Meshes,
    revision: Revision,
    published: HashMap<Arc<ProxyKey>, Arc<Published>>,
    following: Following,
}

/// What proxies of one key have.
struct Published {
    key: Arc<ProxyKey>,
    /// Held while a newer one is built.
    built: Mutex<Option<Built>>,
    sender: watch::Sender<Option<Arc<ResourceSet>>>,
}

/// A configuration, and what it is made of.
struct Built {
    view: ProxyView,
    supplied: Supplied,
    set: Arc<ResourceSet>,
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
        let state = State {
            meshes: Meshes::default(),
            revision: 0,
            published: HashMap::new(),
            following: Following::new(supplies, Arc::clone(&changes)),
        };
        let pipeline = Self {
            state: Mutex::new(state),
            changes,
            default_account,
            faults: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        };
        let watch = pipeline.read(store).await?;
        Ok((pipeline, watch))
    }

    /// Follows the store until it closes.
    pub(crate) async fn follow(&self, store: &dyn Store, mut watch: Watch) {
        let _ending = Ending(&self.ended);
        loop {
            let next = tokio::select! {
                batch = watch.next() => batch,
                keys = self.changes.next() => {
                    self.take_in_supplied(&keys).await;
                    continue;
                }
            };
            match next {
                Ok(batch) => self.apply(with_all_that_waits(batch, &mut watch)).await,
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

    /// Everything that is wrong in the meshes, as far as their users can mend it.
    pub(crate) fn diagnostics(&self) -> Vec<Diagnostic> {
        let meshes: Vec<_> = self.lock().meshes.all().cloned().collect();
        meshes
            .iter()
            .flat_map(|mesh| evermesh_graph::lint(mesh))
            .collect()
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
        let unreadable = self.lock().meshes.load(&listing.entries);
        unreadable.iter().for_each(|why| self.note_unreadable(why));
        self.publish_where(|_| true).await;
        self.lock().revision = listing.revision;
        Ok(watch)
    }

    async fn apply(&self, batches: Vec<Batch>) {
        let newest = batches.last().map(|batch| batch.revision);
        let changed = self.take_in(&batches);
        self.publish_where(|key| changed.contains(key.resource.mesh()))
            .await;
        let mut state = self.lock();
        state.revision = newest.unwrap_or(state.revision);
    }

    async fn take_in_supplied(&self, keys: &BTreeSet<SupplyKey>) {
        let users = self.lock().following.users(keys);
        self.publish_where(|key| users.contains(key)).await;
    }

    /// Returns the meshes that changed.
    fn take_in(&self, batches: &[Batch]) -> BTreeSet<MeshId> {
        let mut state = self.lock();
        let mut changed = BTreeSet::new();
        for event in batches.iter().flat_map(|batch| &batch.events) {
            let applied = match event {
                Event::Put(entry) => state.meshes.apply(&entry.key, Some(&entry.value)),
                Event::Delete { key } => state.meshes.apply(key, None),
            };
            match applied {
                Ok(mesh) => drop(changed.insert(mesh)),
                Err(why) => self.note_unreadable(&why),
            }
        }
        changed
    }

    /// Builds anew what proxies of some keys have. What those of one mesh have in common is resolved once. Meshes do not
    /// change meanwhile: only the task that calls this changes them.
    async fn publish_where(&self, concerned: impl Fn(&ProxyKey) -> bool) {
        let mut by_mesh: BTreeMap<MeshId, Vec<Arc<Published>>> = BTreeMap::new();
        {
            let mut state = self.lock();
            state.forget_the_left();
            let published = state
                .published
                .values()
                .filter(|published| concerned(&published.key));
            for published in published {
                let mesh = published.key.resource.mesh().clone();
                by_mesh.entry(mesh).or_default().push(Arc::clone(published));
            }
        }
        for (mesh, concerned) in by_mesh {
            let Some(mesh) = self.newest(&mesh) else { continue };
            let resolver = Resolver::new(&mesh);
            for published in concerned {
                self.publish(&published, &mut lock(&published.built), &resolver);
                // There may be thousands; the thread is also that of streams and requests.
                tokio::task::yield_now().await;
            }
        }
    }

    /// Builds what proxies of a new key have.
    fn publish_first(&self, published: &Published) {
        let mut last = lock(&published.built);
        if let Some(mesh) = self.newest(published.key.resource.mesh()) {
            self.publish(published, &mut last, &Resolver::new(&mesh));
        }
    }

    fn publish(&self, published: &Published, last: &mut Option<Built>, resolver: &Resolver<'_>) {
        let Published { key, sender, .. } = published;
        let resolved = self.build(key, || resolver.resolve(key.resource.kind(), key.resource.name()));
        // A resource that is gone leaves its proxies on what they have: they are stopped by whoever started them.
        let Some(view) = resolved.flatten().map(|resolved| resolved.view) else {
            return;
        };
        let supplied = self.lock().following.need(key, view.needs());
        if last
            .as_ref()
            .is_some_and(|last| last.view == view && last.supplied == supplied)
        {
            return;
        }
        if let Some(set) = self.build(key, || resource_set(&view, &supplied, last.as_ref(), key)) {
            let set = Arc::new(set);
            sender.send_replace(Some(Arc::clone(&set)));
            *last = Some(Built { view, supplied, set });
        }
    }

    /// The mesh as it is now; a proxy keeps what it has when its mesh is gone.
    fn newest(&self, mesh: &MeshId) -> Option<Arc<MeshSnapshot>> {
        self.lock().meshes.mesh(mesh).cloned()
    }

    /// Runs a pure step; a panic in it is a fault of ours that must not stop the others.
    fn build<T>(&self, key: &ProxyKey, step: impl FnOnce() -> T) -> Option<T> {
        catch_unwind(AssertUnwindSafe(step))
            .inspect_err(|_| {
                self.faults.fetch_add(1, Ordering::Relaxed);
                error!(resource = %key.resource, "cannot build a configuration; its proxies keep the last good one");
            })
            .ok()
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

impl State {
    /// Drops what no proxy is left of.
    fn forget_the_left(&mut self) {
        self.published.retain(|_, published| published.is_in_use());
        self.following.retain(|key| self.published.contains_key(key));
    }
}

impl Published {
    fn is_in_use(&self) -> bool {
        self.sender.receiver_count() > 0
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
            state.forget_the_left();
        }
        state.published.insert(key, Arc::clone(&fresh));
        drop(state);
        self.publish_first(&fresh);
        Ok(receiver)
    }
}

/// Steps that may panic are caught within, so a poisoned value is still a consistent one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A batch with those that have already come after it, so that a burst is worked off in one step.
fn with_all_that_waits(first: Batch, watch: &mut Watch) -> Vec<Batch> {
    let mut batches = vec![first];
    while batches.len() < MOST_REVISIONS_AT_ONCE {
        match watch.next().now_or_never() {
            Some(Ok(batch)) => batches.push(batch),
            // A failure is not lost: the next call meets it again.
            Some(Err(_)) | None => break,
        }
    }
    batches
}

/// The resources of a view. Those whose inputs are the same as in the last configuration are taken over from it.
fn resource_set(view: &ProxyView, supplied: &Supplied, last: Option<&Built>, key: &ProxyKey) -> ResourceSet {
    let known: HashMap<_, _> = last
        .into_iter()
        .flat_map(|last| named(&last.view, &last.supplied, key))
        .collect();
    let mut set = ResourceSet::builder();
    for ((kind, name), piece) in named(view, supplied, key) {
        let same = known
            .get(&(kind, name.clone()))
            .is_some_and(|known| *known == piece);
        let kept = last
            .filter(|_| same)
            .and_then(|last| last.set.get(resource_type(kind), &name));
        set = match kept {
            Some(kept) => set.shared(resource_type(kind), kept),
            None => match piece.build() {
                Resource::Cluster(cluster) => set.cluster(&cluster),
                Resource::Endpoint(endpoints) => set.endpoints(&endpoints),
                Resource::Listener(listener) => set.listener(&listener),
                Resource::Route(routes) => set.route(&routes),
            },
        };
    }
    set.build()
}

/// Everything that a proxy is to have, by type and name.
fn named<'v>(
    view: &'v ProxyView,
    supplied: &'v Supplied,
    key: &ProxyKey,
) -> impl Iterator<Item = ((ResourceKind, String), Piece<'v>)> {
    let pieces = pieces(view, &key.placement)
        .into_iter()
        .chain(supplied_pieces(view, supplied));
    pieces.map(|piece| ((piece.kind(), piece.name()), piece))
}

fn resource_type(kind: ResourceKind) -> ResourceType {
    match kind {
        ResourceKind::Cluster => ResourceType::Cluster,
        ResourceKind::Endpoint => ResourceType::Endpoint,
        ResourceKind::Listener => ResourceType::Listener,
        ResourceKind::Route => ResourceType::Route,
    }
}

#[cfg(test)]
mod tests;
