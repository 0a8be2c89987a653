//! Whole meshes: what the rules accept is resolved and translated for every proxy in it.

use evermesh_graph::{lint, resolve};
use evermesh_model::{Kind, Manifest, MeshSnapshot, Snapshot};
use evermesh_translate::{Placement, Resources, translate};
use prost::Message;
use serde_json::Value;

use crate::{Form, Target, names_a_fault, seeds};

#[path = "../../translate/tests/mesh/invariants.rs"]
mod invariants;

pub(crate) const TARGET: Target = Target {
    name: "mesh",
    max_length: 32 * 1024,
    form: Form::JsonLines,
    run,
    derived,
};

const OWNER: &str = "123456789012";

/// One resource per line, as JSON.
fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let read = |line: &str| serde_json::from_str::<Value>(line).ok();
    let resources: Vec<Manifest> = text
        .lines()
        .filter_map(read)
        .filter_map(|value| manifest(&value))
        .collect();
    let mut snapshot = Snapshot::default();
    for resource in &resources {
        snapshot.put(&resource.id, resource.spec.clone());
    }
    for mesh in snapshot.meshes() {
        for diagnostic in lint(mesh) {
            names_a_fault(&diagnostic.to_string());
        }
        for (kind, name) in proxies(mesh) {
            check_proxy(mesh, kind, name, text.len());
        }
    }
}

/// `None` when the rules do not accept it. What they do accept is written down and read again as it was.
fn manifest(value: &Value) -> Option<Manifest> {
    match Manifest::from_value(value, OWNER) {
        Ok(manifest) => {
            let written = manifest.to_value(OWNER);
            let again = Manifest::from_value(&written, OWNER);
            let same = |again: &Manifest| again.id == manifest.id && again.spec == manifest.spec;
            assert!(again.as_ref().is_ok_and(same), "{written}: {again:?}");
            Some(manifest)
        }
        Err(violations) => {
            names_a_fault(&violations.to_string());
            None
        }
    }
}

fn proxies(mesh: &MeshSnapshot) -> impl Iterator<Item = (Kind, &str)> {
    let nodes = mesh
        .virtual_nodes
        .keys()
        .map(|name| (Kind::VirtualNode, name.as_str()));
    let gateways = mesh
        .virtual_gateways
        .keys()
        .map(|name| (Kind::VirtualGateway, name.as_str()));
    nodes.chain(gateways)
}

fn check_proxy(mesh: &MeshSnapshot, kind: Kind, name: &str, length: usize) {
    let resolved = resolve(mesh, kind, name).expect("it is in the mesh");
    let resources = translate(&resolved.view, &Placement::default());
    invariants::hold(&resources);
    let (size, bound) = (size(&resources), bound(length));
    assert!(
        size <= bound,
        "{size} bytes of resources come of {length}, more than {bound}"
    );
}

fn size(resources: &Resources) -> usize {
    let clusters = resources.clusters.iter().map(Message::encoded_len);
    let listeners = resources.listeners.iter().map(Message::encoded_len);
    let routes = resources.routes.iter().map(Message::encoded_len);
    clusters.chain(listeners).chain(routes).sum()
}

/// Services that share a router have its routes each, so the product of the two can be as large as half the input
/// each; nothing multiplies further.
fn bound(length: usize) -> usize {
    64 * 1024 + length * (64 + length / 8)
}

fn derived() -> Vec<Vec<u8>> {
    let lines = |mesh: &Vec<Manifest>| {
        let lines: Vec<String> = mesh
            .iter()
            .map(|manifest| manifest.to_value(OWNER).to_string())
            .collect();
        lines.join("\n").into_bytes()
    };
    seeds::meshes().iter().map(lines).collect()
}
