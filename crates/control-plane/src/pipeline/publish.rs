//! What proxies are to have, built anew and published: from the newest mesh and the newest supplied values. Not whom a
//! change concerns.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use evermesh_graph::Resolver;
use evermesh_graph::supplied::{NamedAddresses, Supplied};
use evermesh_graph::view::ProxyView;
use evermesh_model::{MeshId, MeshSnapshot};
use tracing::error;

use super::state::Published;
use super::{Pipeline, lock};
use crate::configuration::Configuration;
use crate::proxy::ProxyKey;

/// What a proxy is built anew for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its view may be another.
    Mesh,
    /// What its configuration is made of besides the view may be.
    Supply,
}

impl Pipeline {
    /// Builds anew what some proxies have.
    pub(super) async fn publish_all(&self, concerned: Vec<Arc<Published>>, cause: Cause) {
        for published in concerned {
            self.publish(&published, cause);
            // There may be thousands; the thread is also that of streams and requests.
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn publish(&self, published: &Published, cause: Cause) {
        let key = &published.key;
        let mut last = lock(&published.built);
        let inputs = match (cause, last.as_ref()) {
            // Unless it waits for more than that with a newer view.
            (Cause::Supply, Some(last)) if self.lock().following.is_needed(key, &last.view().needs()) => {
                let view = Arc::clone(last.view());
                let supplied = self.lock().following.need(key, view.needs());
                Some((view, supplied))
            }
            (_, last) => self.resolve_with_addresses(key, last),
        };
        // A resource that is gone leaves its proxies on what they have: they are stopped by whoever started them.
        let Some((view, supplied)) = inputs else { return };
        let built = self.build(key, || {
            Configuration::build(&view, supplied, &key.placement, last.as_ref(), &self.pool)
        });
        if let Some(built) = built.flatten() {
            self.built.fetch_add(1, Ordering::Relaxed);
            published.sender.send_replace(Some(Arc::clone(built.set())));
            *last = Some(built);
        }
    }

    /// The view of a proxy as it is now, if there is one, with what it needs. Which names it needs the addresses of is
    /// known when it is resolved, so where those are new it is resolved twice. While it is not known what a name resolves
    /// to, a proxy keeps what it has: what could be told without would send connections of one service to another.
    fn resolve_with_addresses(
        &self,
        key: &Arc<ProxyKey>,
        last: Option<&Configuration>,
    ) -> Option<(Arc<ProxyView>, Supplied)> {
        let known = last
            .map(|last| last.supplied().addresses.clone())
            .unwrap_or_default();
        let view = self.resolve(key, &known)?;
        let supplied = self.lock().following.need(key, view.needs());
        if view.egress.names.len() != supplied.addresses.len() {
            return None;
        }
        let view = if supplied.addresses == known {
            view
        } else {
            self.resolve(key, &supplied.addresses)?
        };
        Some((Arc::new(view), supplied))
    }

    /// The view of a proxy as it is now, if there is one; notes what it depends on.
    fn resolve(&self, key: &Arc<ProxyKey>, known: &NamedAddresses) -> Option<ProxyView> {
        self.resolved.fetch_add(1, Ordering::Relaxed);
        let memos = self.memos.read().unwrap_or_else(PoisonError::into_inner);
        let id = key.resource.mesh();
        let mesh = self.newest(id);
        let resolved = match (&mesh, memos.get(id)) {
            (Some(mesh), Some(memo)) => {
                let resolver = Resolver::with_memo(mesh, memo);
                let (kind, name) = (key.resource.kind(), key.resource.name());
                let resolve = || {
                    let resolved = resolver.resolve_with(kind, name, known);
                    (resolved, resolver.dependencies(kind, name))
                };
                self.build(key, resolve)
            }
            _ => Some((None, BTreeSet::new())),
        };
        let mut state = self.lock();
        match resolved {
            None => {
                state.failed.insert(Arc::clone(key));
                None
            }
            Some((resolved, dependencies)) => {
                state.failed.remove(key);
                state
                    .dependents
                    .entry(id.clone())
                    .or_default()
                    .set(key, dependencies);
                resolved.map(|resolved| resolved.view)
            }
        }
    }

    /// The mesh as it is now; a proxy keeps what it has when its mesh is gone.
    fn newest(&self, mesh: &MeshId) -> Option<Arc<MeshSnapshot>> {
        self.lock().meshes.mesh(mesh).cloned()
    }

    /// Runs a pure step; a panic in it is a fault of ours that must not stop the others.
    pub(super) fn build<T>(&self, key: &ProxyKey, step: impl FnOnce() -> T) -> Option<T> {
        catch_unwind(AssertUnwindSafe(step))
            .inspect_err(|_| {
                self.faults.fetch_add(1, Ordering::Relaxed);
                error!(resource = %key.resource, "cannot build a configuration; its proxies keep the last good one");
            })
            .ok()
    }
}
