//! What a resource needs to exist before it: what contains it, and what its spec names.

use evermesh_model::spec::{GatewayRouteTarget, RouteAction, VirtualServiceProvider};
use evermesh_model::{Kind, Manifest, ResourceId, Spec};

/// A member of a document that names another resource of the same mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Which member, such as `spec.provider.virtualNode.virtualNodeName`.
    pub(crate) path: String,
    pub(crate) target: ResourceId,
}

/// Everything the API asks for when a resource is created. Backends are not among it: they may name what does not
/// exist (yet).
pub(crate) fn references(manifest: &Manifest) -> Vec<Reference> {
    let named = match &manifest.spec {
        Spec::VirtualService(service) => service.provider.as_ref().map(provider).into_iter().collect(),
        Spec::Route(route) => [
            ("httpRoute", route.http_route.as_ref().map(|route| &route.action)),
            (
                "http2Route",
                route.http2_route.as_ref().map(|route| &route.action),
            ),
            ("grpcRoute", route.grpc_route.as_ref().map(|route| &route.action)),
            ("tcpRoute", route.tcp_route.as_ref().map(|route| &route.action)),
        ]
        .into_iter()
        .filter_map(|(step, action)| Some((step, action?)))
        .flat_map(|(step, action)| nodes(step, action))
        .collect(),
        Spec::GatewayRoute(route) => [
            (
                "httpRoute",
                route.http_route.as_ref().map(|route| &route.action.target),
            ),
            (
                "http2Route",
                route.http2_route.as_ref().map(|route| &route.action.target),
            ),
            (
                "grpcRoute",
                route.grpc_route.as_ref().map(|route| &route.action.target),
            ),
        ]
        .into_iter()
        .filter_map(|(step, target)| Some(service(step, target?)))
        .collect(),
        Spec::Mesh(_) | Spec::VirtualNode(_) | Spec::VirtualRouter(_) | Spec::VirtualGateway(_) => Vec::new(),
    };
    let parent = manifest.id.parent().map(|target| Reference {
        path: target.kind().name_field().to_owned(),
        target,
    });
    let mesh = manifest.id.mesh();
    let in_spec = named.into_iter().map(|(path, kind, name)| Reference {
        path: format!("spec.{path}"),
        target: ResourceId::in_mesh(mesh.clone(), kind, name),
    });
    parent.into_iter().chain(in_spec).collect()
}

type Named<'s> = (String, Kind, &'s str);

fn provider(provider: &VirtualServiceProvider) -> Named<'_> {
    let (kind, name) = match provider {
        VirtualServiceProvider::VirtualNode(node) => (Kind::VirtualNode, &node.virtual_node_name),
        VirtualServiceProvider::VirtualRouter(router) => (Kind::VirtualRouter, &router.virtual_router_name),
    };
    (format!("provider.{kind}.{}", kind.name_field()), kind, name)
}

fn nodes<'s>(step: &str, action: &'s RouteAction) -> Vec<Named<'s>> {
    let targets = action.weighted_targets.iter().enumerate();
    targets
        .map(|(index, target)| {
            let path = format!("{step}.action.weightedTargets[{index}].virtualNode");
            (path, Kind::VirtualNode, target.virtual_node.as_str())
        })
        .collect()
}

fn service<'s>(step: &str, target: &'s GatewayRouteTarget) -> Named<'s> {
    let path = format!("{step}.action.target.virtualService.virtualServiceName");
    (
        path,
        Kind::VirtualService,
        &target.virtual_service.virtual_service_name,
    )
}
