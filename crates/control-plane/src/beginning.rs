//! The meshes as they were when the control plane started, which is what proxies were left with by the one before it:
//! so it tells what they hold. Never kept for longer than they need to come back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use evermesh_graph::Resolver;
use evermesh_graph::supplied::{NamedAddresses, Supplied};
use evermesh_model::{MeshId, MeshSnapshot};
use evermesh_xds_server::{Pool, ResourceSet};

use crate::configuration::Configuration;
use crate::meshes::Meshes;
use crate::proxy::ProxyKey;

/// Envoy tries again at least every half minute.
const KEPT: Duration = Duration::from_secs(300);

/// See the module. Costs nothing for as long as meshes are what they were, and the specs that changed afterwards.
#[derive(Debug)]
pub(crate) struct Beginning {
    meshes: HashMap<MeshId, Arc<MeshSnapshot>>,
    until: Instant,
}

impl Beginning {
    /// At this moment.
    pub(crate) fn of(meshes: &Meshes) -> Self {
        Self {
            meshes: meshes
                .all()
                .map(|mesh| (mesh.id.clone(), Arc::clone(mesh)))
                .collect(),
            until: Instant::now() + KEPT,
        }
    }

    /// Whether every proxy is back that comes back.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() > self.until
    }

    /// The mesh as it was, if that is not as it is `now`.
    pub(crate) fn before(
        &self,
        mesh: &MeshId,
        now: Option<&Arc<MeshSnapshot>>,
    ) -> Option<&Arc<MeshSnapshot>> {
        let before = self.meshes.get(mesh)?;
        let is_unchanged = now.is_some_and(|now| Arc::ptr_eq(now, before));
        (!is_unchanged).then_some(before)
    }
}

/// The configuration of a proxy in a mesh, without what is supplied. `known` are the addresses of names.
pub(crate) fn configuration(
    mesh: &MeshSnapshot,
    key: &ProxyKey,
    known: &NamedAddresses,
    pool: &Arc<Pool>,
) -> Option<Arc<ResourceSet>> {
    let (kind, name) = (key.resource.kind(), key.resource.name());
    let resolved = Resolver::new(mesh).resolve_with(kind, name, known)?;
    let view = Arc::new(resolved.view);
    let built = Configuration::build(&view, Supplied::default(), &key.placement, None, pool)?;
    Some(Arc::clone(built.set()))
}
