//! Documents as the meshes they would be, without a control plane.

use std::collections::BTreeSet;

use evermesh_client::Document;
use evermesh_model::spec::MeshSpec;
use evermesh_model::{MeshId, ResourceId, Snapshot, Spec};

/// The meshes that documents make, and those of them that no document is of: they are taken to have an empty spec,
/// as `aws appmesh create-mesh --mesh-name` gives them.
pub(crate) fn snapshot(documents: &[Document]) -> (Snapshot, BTreeSet<MeshId>) {
    let mut snapshot = Snapshot::default();
    let mut resources: Vec<_> = documents.iter().map(|document| &document.manifest).collect();
    // What is in a mesh is seen only after the mesh.
    resources.sort_by_key(|manifest| manifest.id.kind());
    let mut assumed = BTreeSet::new();
    for manifest in resources {
        let mesh = manifest.id.mesh();
        if manifest.id.parent().is_some() && snapshot.mesh(mesh).is_none() {
            let itself = ResourceId::mesh_itself(mesh.clone());
            snapshot.put(&itself, Spec::Mesh(MeshSpec::default()));
            assumed.insert(mesh.clone());
        }
        snapshot.put(&manifest.id, manifest.spec.clone());
    }
    (snapshot, assumed)
}
