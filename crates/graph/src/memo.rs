//! Virtual services as they were resolved, kept from one change of their mesh to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use evermesh_model::MeshSnapshot;

use crate::dependency::{self, Dependency};
use crate::service::Service;

/// The virtual services of one mesh, each resolved when it is first called. It must learn of every change of the mesh.
#[derive(Debug, Default)]
pub struct Memo {
    services: BTreeMap<String, OnceLock<Memoized>>,
}

#[derive(Debug)]
struct Memoized {
    service: Service,
    depends_on: BTreeSet<Dependency>,
}

impl Memo {
    /// Nothing of the mesh is resolved yet.
    pub fn new(mesh: &MeshSnapshot) -> Self {
        let names = mesh.virtual_services.keys();
        Self {
            services: names.map(|name| (name.clone(), OnceLock::new())).collect(),
        }
    }

    /// Forgets what a change made untrue. Returns what views depend on that it concerns: `changed` itself, and services
    /// that depend on it.
    ///
    /// `mesh` is the mesh after the change, and `changed` are the resources in it that were created, updated or deleted.
    /// When the mesh itself was, begin anew.
    pub fn update(&mut self, mesh: &MeshSnapshot, mut changed: BTreeSet<Dependency>) -> BTreeSet<Dependency> {
        let mut concerned = BTreeSet::new();
        for (name, service) in &mut self.services {
            let depends_on = service.get().map(|memoized| &memoized.depends_on);
            if depends_on.is_some_and(|on| !on.is_disjoint(&changed)) {
                service.take();
                concerned.insert(Dependency::virtual_service(name));
            }
        }
        for name in changed.iter().filter_map(Dependency::as_virtual_service) {
            self.services.remove(name);
            if mesh.virtual_services.contains_key(name) {
                self.services.insert(name.to_owned(), OnceLock::new());
            }
        }
        changed.append(&mut concerned);
        changed
    }

    /// A virtual service of the mesh, which must be as the memo knows it.
    pub(crate) fn service(&self, mesh: &MeshSnapshot, name: &str) -> Option<&Service> {
        let spec = mesh.virtual_services.get(name)?;
        let resolve = || Memoized {
            service: Service::resolve(mesh, name, spec),
            depends_on: dependency::of_service(mesh, spec),
        };
        Some(&self.services.get(name)?.get_or_init(resolve).service)
    }
}
