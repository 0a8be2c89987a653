//! Virtual nodes that do nothing but listen, and that nothing leads to. A matter of the mesh as a whole, so of no proxy's view.

use std::collections::BTreeSet;

use evermesh_model::spec::VirtualServiceProvider;
use evermesh_model::{Kind, MeshSnapshot, ResourceId};

use crate::report::{Place, Report, code};

/// Says of every node with listeners that no virtual service leads to, by itself or by routes of its router, that nothing
/// in the mesh calls it. A share of 0 leads to a node as well: it was meant. A node with backends has its place in the mesh
/// as their caller, and is usually called from outside: by a load balancer, as in most of App Mesh's own examples.
pub(crate) fn nodes(mesh: &MeshSnapshot, report: &mut Report) {
    let reached = reached(mesh);
    for (name, node) in &mesh.virtual_nodes {
        let only_listens = node.listeners.iter().flatten().next().is_some()
            && node.backends.iter().flatten().next().is_none();
        if only_listens && !reached.contains(name.as_str()) {
            let id = ResourceId::in_mesh(mesh.id.clone(), Kind::VirtualNode, name);
            let message =
                format!("no virtual service leads to virtual node {name}: nothing in the mesh calls it");
            report.warning(
                &Place::spec_of(&id).at("listeners"),
                code::UNREACHED_NODE,
                message,
            );
        }
    }
}

fn reached(mesh: &MeshSnapshot) -> BTreeSet<&str> {
    let mut nodes = BTreeSet::new();
    let mut routers = BTreeSet::new();
    for service in mesh.virtual_services.values() {
        match &service.provider {
            None => {}
            Some(VirtualServiceProvider::VirtualNode(node)) => {
                nodes.insert(node.virtual_node_name.as_str());
            }
            Some(VirtualServiceProvider::VirtualRouter(router)) => {
                routers.insert(router.virtual_router_name.as_str());
            }
        }
    }
    let routes = routers.into_iter().flat_map(|router| mesh.routes_of(router));
    nodes.extend(routes.flat_map(|(_, route)| route.virtual_nodes()));
    nodes
}
