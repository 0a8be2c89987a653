//! What a spec refers to and cannot do without. Backends are not here: they may name what does not exist (yet).

use std::collections::BTreeSet;

use crate::spec::{
    GatewayRouteSpec, GatewayRouteTarget, RouteAction, RouteSpec, VirtualServiceProvider, VirtualServiceSpec,
};
use crate::{Kind, MeshId, ResourceId, Spec};

/// A place in a spec that names another resource of the same mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where, such as `spec.provider.virtualNode.virtualNodeName`.
    pub path: String,
    /// What it names; perhaps by a name that no resource can have.
    pub target: ResourceId,
}

/// Every reference of a spec in `mesh`.
pub fn references(mesh: &MeshId, spec: &Spec) -> Vec<Reference> {
    match spec {
        Spec::VirtualService(service) => provider(mesh, service).into_iter().collect(),
        Spec::Route(route) => weighted_targets(mesh, route),
        Spec::GatewayRoute(route) => services(mesh, route),
        Spec::Mesh(_) | Spec::VirtualNode(_) | Spec::VirtualRouter(_) | Spec::VirtualGateway(_) => Vec::new(),
    }
}

/// The resources a spec refers to, each once.
pub fn targets(mesh: &MeshId, spec: &Spec) -> BTreeSet<ResourceId> {
    references(mesh, spec).into_iter().map(|r| r.target).collect()
}

fn provider(mesh: &MeshId, service: &VirtualServiceSpec) -> Option<Reference> {
    let (kind, name) = match service.provider.as_ref()? {
        VirtualServiceProvider::VirtualNode(p) => (Kind::VirtualNode, &p.virtual_node_name),
        VirtualServiceProvider::VirtualRouter(p) => (Kind::VirtualRouter, &p.virtual_router_name),
    };
    Some(Reference {
        path: format!("spec.provider.{kind}.{}", kind.name_field()),
        target: ResourceId::in_mesh(mesh.clone(), kind, name),
    })
}

fn weighted_targets(mesh: &MeshId, route: &RouteSpec) -> Vec<Reference> {
    let mut found = Vec::new();
    for (step, action) in actions(route) {
        for (index, target) in action.weighted_targets.iter().enumerate() {
            found.push(Reference {
                path: format!("spec.{step}.action.weightedTargets[{index}].virtualNode"),
                target: ResourceId::in_mesh(mesh.clone(), Kind::VirtualNode, &target.virtual_node),
            });
        }
    }
    found
}

fn services(mesh: &MeshId, route: &GatewayRouteSpec) -> Vec<Reference> {
    gateway_targets(route)
        .map(|(step, target)| Reference {
            path: format!("spec.{step}.action.target.virtualService.virtualServiceName"),
            target: ResourceId::in_mesh(
                mesh.clone(),
                Kind::VirtualService,
                &target.virtual_service.virtual_service_name,
            ),
        })
        .collect()
}

impl RouteSpec {
    /// Every virtual node that the route names, whatever its protocol.
    pub fn virtual_nodes(&self) -> impl Iterator<Item = &str> {
        let targets = actions(self).flat_map(|(_, action)| &action.weighted_targets);
        targets.map(|target| target.virtual_node.as_str())
    }
}

impl GatewayRouteSpec {
    /// Every virtual service that the route names, whatever its protocol.
    pub fn virtual_services(&self) -> impl Iterator<Item = &str> {
        gateway_targets(self).map(|(_, target)| target.virtual_service.virtual_service_name.as_str())
    }
}

/// What a route does, by the member that says it.
fn actions(route: &RouteSpec) -> impl Iterator<Item = (&'static str, &RouteAction)> {
    let actions = [
        ("httpRoute", route.http_route.as_ref().map(|r| &r.action)),
        ("http2Route", route.http2_route.as_ref().map(|r| &r.action)),
        ("grpcRoute", route.grpc_route.as_ref().map(|r| &r.action)),
        ("tcpRoute", route.tcp_route.as_ref().map(|r| &r.action)),
    ];
    let set = actions.into_iter();
    set.filter_map(|(step, action)| Some((step, action?)))
}

/// Where a gateway route leads, by the member that says it.
fn gateway_targets(route: &GatewayRouteSpec) -> impl Iterator<Item = (&'static str, &GatewayRouteTarget)> {
    let targets = [
        ("httpRoute", route.http_route.as_ref().map(|r| &r.action.target)),
        ("http2Route", route.http2_route.as_ref().map(|r| &r.action.target)),
        ("grpcRoute", route.grpc_route.as_ref().map(|r| &r.action.target)),
    ];
    let set = targets.into_iter();
    set.filter_map(|(step, target)| Some((step, target?)))
}
