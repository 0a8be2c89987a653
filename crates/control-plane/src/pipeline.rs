//! From the store to the proxies: follows every change, and rebuilds what connected proxies are to have.
//!
//! ```text
//!  store ~watch~> Snapshot -> graph -> translate -> watch<ResourceSet> per kind of proxy ~> xds-server
//! ```
//!
//! Only views of connected proxies are computed. A change is resolved again for the proxies of its mesh; where the
//! view comes out equal nothing else happens, so an unrelated stream sees nothing. A fault of ours while a view is
//! built leaves the proxy on its last good configuration and is counted.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::Node;
use evermesh_graph::view::ProxyView;
use evermesh_model::{Diagnostic, MeshId, Snapshot};
use evermesh_service::{LoadError, RESOURCE_PREFIX, decode_change, load_snapshot};
use evermesh_store::{Batch, Event, Revision, Store, StoreError, Watch};
use evermesh_translate::translate;
use evermesh_xds_server::{ConfigSource, Refusal, ResourceSet};
use futures::FutureExt;
use tokio::sync::watch;
use tracing::{error, warn};

use crate::proxy::ProxyKey;

/// Pause before the store is asked again after it failed.
const STORE_RETRY: Duration = Duration::from_millis(500);

/// Most revisions taken in one step, so that a burst of changes cannot postpone its own effect for ever.
const MOST_REVISIONS_AT_ONCE: usize = 256;

/// The newest snapshot, and what is published of it.
pub(crate) struct Pipeline {
    state: Mutex<State>,
    default_account: String,
    faults: AtomicU64,
}

struct State {
    snapshot: Snapshot,
    revision: Revision,
    published: HashMap<ProxyKey, Published>,
}

/// What proxies of one key have.
struct Published {
    view: Option<ProxyView>,
    sender: watch::Sender<Option<Arc<ResourceSet>>>,
}

impl Pipeline {
    /// A pipeline that stands at the store's present state, and the watch to go on with.
    pub(crate) async fn load(store: &dyn Store, default_account: String) -> Result<(Self, Watch), LoadError> {
        let (snapshot, revision) = load_snapshot(store).await?;
        let watch = store.watch(RESOURCE_PREFIX, revision + 1).await?;
        let state = State {
            snapshot,
            revision,
            published: HashMap::new(),
        };
        let pipeline = Self {
            state: Mutex::new(state),
            default_account,
            faults: AtomicU64::new(0),
        };
        Ok((pipeline, watch))
    }

    /// Follows the store until it closes.
    pub(crate) async fn follow(&self, store: &dyn Store, mut watch: Watch) {
        loop {
            match watch.next().await {
                Ok(batch) => self.apply(with_all_that_waits(batch, &mut watch)),
                Err(StoreError::Closed) => return,
                Err(failure) => {
                    warn!(error = %failure, "cannot follow the store, loading it anew");
                    watch = self.reload(store).await;
                }
            }
        }
    }

    /// The snapshot that configurations are built from.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.lock().snapshot.clone()
    }

    /// Revision of the store that configurations are built from.
    pub(crate) fn revision(&self) -> Revision {
        self.lock().revision
    }

    /// How many views could not be built because of a fault of ours.
    pub(crate) fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// Everything that is wrong in the meshes, as far as their users can mend it.
    pub(crate) fn diagnostics(&self) -> Vec<Diagnostic> {
        self.snapshot()
            .meshes()
            .flat_map(|mesh| evermesh_graph::lint(mesh))
            .collect()
    }

    async fn reload(&self, store: &dyn Store) -> Watch {
        loop {
            let loaded = Self::load(store, self.default_account.clone()).await;
            match loaded {
                Ok((fresh, watch)) => {
                    let fresh = fresh.state.into_inner().unwrap_or_else(PoisonError::into_inner);
                    let mut state = self.lock();
                    state.snapshot = fresh.snapshot;
                    state.revision = fresh.revision;
                    self.publish_where(&mut state, |_| true);
                    return watch;
                }
                Err(failure) => {
                    warn!(error = %failure, "cannot load the store, trying again");
                    tokio::time::sleep(STORE_RETRY).await;
                }
            }
        }
    }

    fn apply(&self, batches: Vec<Batch>) {
        let mut state = self.lock();
        let mut touched: Vec<MeshId> = Vec::new();
        for batch in batches {
            state.revision = batch.revision;
            for event in batch.events {
                let change = match &event {
                    Event::Put(entry) => decode_change(&entry.key, Some(&entry.value)),
                    Event::Delete { key } => decode_change(key, None),
                };
                match change {
                    Ok(change) => {
                        if !touched.contains(change.id.mesh()) {
                            touched.push(change.id.mesh().clone());
                        }
                        change.apply(&mut state.snapshot);
                    }
                    Err(failure) => {
                        self.faults.fetch_add(1, Ordering::Relaxed);
                        error!(key = event.key(), error = %failure, "a stored record is unreadable, skipping it");
                    }
                }
            }
        }
        self.publish_where(&mut state, |key| touched.contains(key.resource.mesh()));
    }

    /// Builds anew what proxies of some keys have, and forgets the keys that no proxy is left of.
    fn publish_where(&self, state: &mut State, concerned: impl Fn(&ProxyKey) -> bool) {
        state
            .published
            .retain(|_, published| published.sender.receiver_count() > 0);
        for (key, published) in state.published.iter_mut().filter(|(key, _)| concerned(key)) {
            self.publish(&state.snapshot, key, published);
        }
    }

    fn publish(&self, snapshot: &Snapshot, key: &ProxyKey, published: &mut Published) {
        let Some(view) = self.build(key, || resolve(snapshot, key)) else {
            return;
        };
        // A resource that is gone leaves its proxies on what they have: they are stopped by whoever started them.
        if view.is_none() || view == published.view {
            return;
        }
        let Some(set) = self.build(key, || view.as_ref().map(|view| resource_set(view, key))) else {
            return;
        };
        published.view = view;
        published.sender.send_replace(set.map(Arc::new));
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

    fn lock(&self) -> MutexGuard<'_, State> {
        // Steps that may panic are caught within, so a poisoned state is still a consistent one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConfigSource for Pipeline {
    fn subscribe(&self, node: &Node) -> Result<watch::Receiver<Option<Arc<ResourceSet>>>, Refusal> {
        let key = ProxyKey::of(node, &self.default_account)?;
        let mut state = self.lock();
        let State {
            snapshot, published, ..
        } = &mut *state;
        if let Some(published) = published.get(&key) {
            return Ok(published.sender.subscribe());
        }
        let (sender, receiver) = watch::channel(None);
        let mut fresh = Published { view: None, sender };
        self.publish(snapshot, &key, &mut fresh);
        published.insert(key, fresh);
        Ok(receiver)
    }
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

fn resolve(snapshot: &Snapshot, key: &ProxyKey) -> Option<ProxyView> {
    let mesh = snapshot.mesh(key.resource.mesh())?;
    evermesh_graph::resolve(mesh, key.resource.kind(), key.resource.name()).map(|resolved| resolved.view)
}

fn resource_set(view: &ProxyView, key: &ProxyKey) -> ResourceSet {
    let resources = translate(view, &key.placement);
    let mut set = ResourceSet::builder();
    for cluster in &resources.clusters {
        set = set.cluster(cluster);
    }
    for listener in &resources.listeners {
        set = set.listener(listener);
    }
    for routes in &resources.routes {
        set = set.route(routes);
    }
    set.build()
}
