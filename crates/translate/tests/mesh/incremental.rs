//! That whoever resolves again only what a change concerns has what resolving everything from scratch gives, whatever
//! is created, updated and deleted, in whatever order.

use std::collections::{BTreeMap, BTreeSet};

use evermesh_graph::{Dependency, Memo, Resolved, Resolver, resolve};
use evermesh_model::{Kind, Manifest, MeshSnapshot, ResourceId, Snapshot};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::random;

/// A resource that is created or updated, or one that is deleted if it is there.
#[derive(Debug, Clone)]
enum Edit {
    Put(Box<Manifest>),
    Delete(ResourceId),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_a_change_does_not_concern_need_not_be_resolved_again((mesh, edits) in edited_mesh()) {
        let mut snapshot = put_all(&mesh);
        let mut followed = Followed::new(newest(&snapshot));
        for step in edits.chunks(2) {
            step.iter().for_each(|edit| apply(edit, &mut snapshot));
            let mesh = newest(&snapshot);
            followed.learn(mesh, step.iter().map(Edit::concerns).collect());
            for (kind, name) in everyone() {
                prop_assert_eq!(
                    &followed.resolved[&(kind, name.clone())].0,
                    &resolve(mesh, kind, &name),
                    "{} {} after {:?}", kind, name, step
                );
            }
        }
    }
}

/// Every proxy that there might be, as somebody has it who resolves only what is concerned.
struct Followed {
    memo: Memo,
    resolved: BTreeMap<(Kind, String), (Option<Resolved>, BTreeSet<Dependency>)>,
}

impl Followed {
    fn new(mesh: &MeshSnapshot) -> Self {
        let memo = Memo::new(mesh);
        let resolver = Resolver::with_memo(mesh, &memo);
        let resolved = everyone().map(|proxy| {
            let outcome = look(&resolver, &proxy);
            (proxy, outcome)
        });
        let resolved = resolved.collect();
        Self { memo, resolved }
    }

    fn learn(&mut self, mesh: &MeshSnapshot, changed: BTreeSet<Dependency>) {
        let concerned = self.memo.update(mesh, changed);
        let resolver = Resolver::with_memo(mesh, &self.memo);
        for (proxy, outcome) in &mut self.resolved {
            if !outcome.1.is_disjoint(&concerned) {
                *outcome = look(&resolver, proxy);
            }
        }
    }
}

fn look(resolver: &Resolver<'_>, (kind, name): &(Kind, String)) -> (Option<Resolved>, BTreeSet<Dependency>) {
    (resolver.resolve(*kind, name), resolver.dependencies(*kind, name))
}

fn everyone() -> impl Iterator<Item = (Kind, String)> {
    let nodes = random::NODES.map(|name| (Kind::VirtualNode, name.to_owned()));
    let gateways = random::GATEWAYS.map(|name| (Kind::VirtualGateway, name.to_owned()));
    nodes.into_iter().chain(gateways)
}

/// A mesh, and what becomes of it: resources of another one come and go.
fn edited_mesh() -> impl Strategy<Value = (random::Mesh, Vec<Edit>)> {
    let picks = prop::collection::vec((any::<bool>(), any::<Index>()), 1..40);
    (random::mesh(), random::mesh(), picks).prop_map(|(mesh, other, picks)| {
        let all: Vec<_> = mesh
            .iter()
            .chain(&other)
            .filter(|one| one.id.kind() != Kind::Mesh)
            .cloned()
            .collect();
        let picks = if all.is_empty() { Vec::new() } else { picks };
        let edit = |(put, index): (bool, Index)| {
            let chosen = index.get(&all);
            match put {
                true => Edit::Put(Box::new(chosen.clone())),
                false => Edit::Delete(chosen.id.clone()),
            }
        };
        (mesh, picks.into_iter().map(edit).collect())
    })
}

impl Edit {
    fn concerns(&self) -> Dependency {
        match self {
            Self::Put(manifest) => Dependency::of(&manifest.id),
            Self::Delete(id) => Dependency::of(id),
        }
    }
}

fn apply(edit: &Edit, snapshot: &mut Snapshot) {
    match edit {
        Edit::Put(manifest) => snapshot.put(&manifest.id, manifest.spec.clone()),
        Edit::Delete(id) => snapshot.remove(id),
    }
}

fn put_all(mesh: &[Manifest]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for manifest in mesh {
        snapshot.put(&manifest.id, manifest.spec.clone());
    }
    snapshot
}

fn newest(snapshot: &Snapshot) -> &MeshSnapshot {
    snapshot.meshes().next().expect("a random mesh has its mesh")
}
