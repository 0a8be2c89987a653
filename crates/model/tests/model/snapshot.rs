//! Snapshots: what is put is seen, what is removed is gone, and a clone is not touched.

use evermesh_model::{Kind, MeshId, MeshSnapshot, ResourceId, Snapshot, Spec};
use serde_json::json;

use crate::support::specs;

#[test]
fn what_is_put_is_seen_and_what_is_removed_is_gone() {
    let mut snapshot = Snapshot::default();
    let empty = filled(&mut snapshot, &[]);
    assert_eq!(seen(&empty), [""; 6]);
    let full = filled(&mut snapshot, &all());
    assert_eq!(seen(&full), ["n", "s", "r", "r/x r/y", "g", "g/x"]);
    assert_eq!(seen(&empty), [""; 6], "an earlier view must not change");
    for id in all() {
        snapshot.remove(&id);
        snapshot.remove(&id);
    }
    assert_eq!(**snapshot.mesh(&mesh()).unwrap(), empty);
}

#[test]
fn a_spec_is_replaced() {
    let mut snapshot = Snapshot::default();
    let node = ResourceId::in_mesh(mesh(), Kind::VirtualNode, "n");
    filled(&mut snapshot, std::slice::from_ref(&node));
    let before = snapshot.clone();
    let spec = Spec::read(Kind::VirtualNode, &specs(Kind::VirtualNode)[1]).unwrap();
    snapshot.put(&node, spec.clone());
    let found = snapshot.mesh(&mesh()).unwrap().virtual_nodes["n"].clone();
    assert_eq!(Spec::VirtualNode((*found).clone()), spec);
    assert_ne!(snapshot, before);
}

#[test]
fn a_changed_mesh_spec_keeps_what_is_in_the_mesh() {
    let mut snapshot = Snapshot::default();
    let before = filled(&mut snapshot, &all());
    let spec = json!({ "egressFilter": { "type": "ALLOW_ALL" } });
    snapshot.put(
        &ResourceId::mesh_itself(mesh()),
        Spec::read(Kind::Mesh, &spec).unwrap(),
    );
    let after = snapshot.mesh(&mesh()).unwrap();
    assert_eq!(seen(after), seen(&before));
    assert_eq!(serde_json::to_value(&*after.spec).unwrap(), spec);
}

#[test]
fn meshes_are_apart() {
    let mut snapshot = Snapshot::default();
    filled(&mut snapshot, &all());
    for other in [MeshId::new("210987654321", "m"), MeshId::new("123456789012", "a")] {
        snapshot.put(&ResourceId::mesh_itself(other.clone()), read(Kind::Mesh));
        assert_eq!(seen(snapshot.mesh(&other).unwrap()), [""; 6]);
    }
    let order: Vec<_> = snapshot
        .meshes()
        .map(|m| (m.id.owner.as_str(), m.id.name.as_str()))
        .collect();
    assert_eq!(
        order,
        [
            ("123456789012", "a"),
            ("123456789012", "m"),
            ("210987654321", "m")
        ]
    );
    snapshot.remove(&ResourceId::mesh_itself(mesh()));
    assert!(snapshot.mesh(&mesh()).is_none());
    assert_eq!(snapshot.meshes().count(), 2);
}

#[test]
fn what_is_in_no_mesh_is_not_seen() {
    let mut snapshot = Snapshot::default();
    let node = ResourceId::in_mesh(mesh(), Kind::VirtualNode, "n");
    snapshot.put(&node, read(Kind::VirtualNode));
    snapshot.remove(&node);
    assert_eq!(snapshot, Snapshot::default());
}

#[test]
#[should_panic(expected = "spec of another kind for mesh/m/virtualNode/n")]
fn a_spec_is_of_its_ids_kind() {
    Snapshot::default().put(
        &ResourceId::in_mesh(mesh(), Kind::VirtualNode, "n"),
        read(Kind::Mesh),
    );
}

fn mesh() -> MeshId {
    MeshId::new("123456789012", "m")
}

fn all() -> Vec<ResourceId> {
    vec![
        ResourceId::in_mesh(mesh(), Kind::VirtualNode, "n"),
        ResourceId::in_mesh(mesh(), Kind::VirtualService, "s"),
        ResourceId::in_mesh(mesh(), Kind::VirtualRouter, "r"),
        ResourceId::route(mesh(), "r", "y"),
        ResourceId::route(mesh(), "r", "x"),
        ResourceId::in_mesh(mesh(), Kind::VirtualGateway, "g"),
        ResourceId::gateway_route(mesh(), "g", "x"),
    ]
}

/// The mesh, once it and the resources are put.
fn filled(snapshot: &mut Snapshot, ids: &[ResourceId]) -> MeshSnapshot {
    snapshot.put(&ResourceId::mesh_itself(mesh()), read(Kind::Mesh));
    for id in ids {
        snapshot.put(id, read(id.kind()));
    }
    (**snapshot.mesh(&mesh()).unwrap()).clone()
}

fn read(kind: Kind) -> Spec {
    Spec::read(kind, &specs(kind)[0]).unwrap()
}

/// Names of all that is in a mesh, one text per kind.
fn seen(mesh: &MeshSnapshot) -> [String; 6] {
    let names = |names: Vec<&String>| {
        names
            .iter()
            .map(|name| name.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let routes = mesh
        .routes
        .keys()
        .flat_map(|r| mesh.routes_of(r).map(move |(name, _)| format!("{r}/{name}")));
    let gateway_routes = mesh.gateway_routes.keys().flat_map(|g| {
        mesh.gateway_routes_of(g)
            .map(move |(name, _)| format!("{g}/{name}"))
    });
    [
        names(mesh.virtual_nodes.keys().collect()),
        names(mesh.virtual_services.keys().collect()),
        names(mesh.virtual_routers.keys().collect()),
        routes.collect::<Vec<_>>().join(" "),
        names(mesh.virtual_gateways.keys().collect()),
        gateway_routes.collect::<Vec<_>>().join(" "),
    ]
}
