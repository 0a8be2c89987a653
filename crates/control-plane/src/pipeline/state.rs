//! What the pipeline knows, under its lock: the newest meshes, and which proxies are connected. Never builds anything.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use evermesh_graph::Dependency;
use evermesh_model::MeshId;
use evermesh_store::Revision;
use evermesh_xds_server::ResourceSet;
use tokio::sync::watch;

use crate::beginning::Beginning;
use crate::configuration::Configuration;
use crate::following::Following;
use crate::index::Index;
use crate::meshes::Meshes;
use crate::proxy::ProxyKey;

/// The newest meshes and what connected proxies have of them.
pub(super) struct State {
    pub(super) meshes: Meshes,
    /// As long as proxies come back that have what was made of it.
    pub(super) beginning: Option<Beginning>,
    pub(super) revision: Revision,
    pub(super) published: HashMap<Arc<ProxyKey>, Arc<Published>>,
    pub(super) following: Following,
    pub(super) dependents: HashMap<MeshId, Index<Dependency>>,
    /// Whose views could not be built, so that it is not known what they depend on.
    pub(super) failed: HashSet<Arc<ProxyKey>>,
}

/// What proxies of one key have.
pub(super) struct Published {
    pub(super) key: Arc<ProxyKey>,
    /// Held while a newer one is built.
    pub(super) built: Mutex<Option<Configuration>>,
    pub(super) sender: watch::Sender<Option<Arc<ResourceSet>>>,
}

impl State {
    /// Before anything is known.
    pub(super) fn new(following: Following) -> Self {
        Self {
            meshes: Meshes::default(),
            beginning: None,
            revision: 0,
            published: HashMap::new(),
            following,
            dependents: HashMap::new(),
            failed: HashSet::new(),
        }
    }

    /// What connected proxies of some keys have.
    pub(super) fn of_keys(&mut self, keys: &HashSet<Arc<ProxyKey>>) -> Vec<Arc<Published>> {
        self.forget_departed();
        keys.iter()
            .filter_map(|key| self.published.get(key))
            .cloned()
            .collect()
    }

    /// What connected proxies of some meshes have.
    pub(super) fn of_meshes(&mut self, concerned: impl Fn(&MeshId) -> bool) -> Vec<Arc<Published>> {
        self.forget_departed();
        let published = self.published.values();
        let concerned = published.filter(|published| concerned(published.key.resource.mesh()));
        concerned.cloned().collect()
    }

    /// Drops what no proxy is left of.
    pub(super) fn forget_departed(&mut self) {
        let before = self.published.len();
        self.published.retain(|_, published| published.is_in_use());
        if self.published.len() == before {
            return;
        }
        let stays = |key: &ProxyKey| self.published.contains_key(key);
        self.following.retain(stays);
        self.failed.retain(|key| stays(key));
        self.dependents.retain(|_, index| {
            index.retain(stays);
            !index.is_empty()
        });
    }
}

impl Published {
    pub(super) fn is_in_use(&self) -> bool {
        self.sender.receiver_count() > 0
    }
}
