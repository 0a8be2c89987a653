//! A spec in one line, for tables.

use evermesh_model::Spec;
use evermesh_model::spec::{
    GatewayRouteSpec, GatewayRouteTarget, HttpPathMatch, MeshSpec, PortMapping, RouteAction, RouteSpec,
    ServiceDiscovery, VirtualNodeSpec, VirtualServiceProvider, VirtualServiceSpec,
};
use serde::Serialize;
use serde_json::Value;

/// What a resource is about. Not all of it: `get -o yaml` has that.
pub(crate) fn summary(spec: &Spec) -> String {
    match spec {
        Spec::Mesh(mesh) => egress(mesh),
        Spec::VirtualNode(node) => virtual_node(node),
        Spec::VirtualRouter(router) => {
            let listeners = router.listeners.iter().flatten();
            ports(listeners.map(|listener| &listener.port_mapping))
        }
        Spec::VirtualGateway(gateway) => {
            ports(gateway.listeners.iter().map(|listener| &listener.port_mapping))
        }
        Spec::VirtualService(service) => provider(service),
        Spec::Route(spec) => route(spec),
        Spec::GatewayRoute(spec) => gateway_route(spec),
    }
}

fn egress(mesh: &MeshSpec) -> String {
    let filter = mesh.egress_filter.as_ref();
    format!(
        "egress {}",
        filter.map_or_else(|| "DROP_ALL".to_owned(), |filter| name(&filter.r#type))
    )
}

fn virtual_node(node: &VirtualNodeSpec) -> String {
    let mut parts = Vec::new();
    let listeners = node.listeners.iter().flatten();
    let ports = ports(listeners.map(|listener| &listener.port_mapping));
    parts.extend(Some(ports).filter(|ports| !ports.is_empty()));
    match &node.service_discovery {
        Some(ServiceDiscovery::Dns(dns)) => parts.push(format!("dns {}", dns.hostname)),
        Some(ServiceDiscovery::AwsCloudMap(map)) => {
            parts.push(format!("cloud map {}.{}", map.service_name, map.namespace_name));
        }
        None => {}
    }
    match node.backends.as_ref().map_or(0, Vec::len) {
        0 => {}
        1 => parts.push("1 backend".to_owned()),
        several => parts.push(format!("{several} backends")),
    }
    parts.join(", ")
}

fn ports<'p>(mappings: impl Iterator<Item = &'p PortMapping>) -> String {
    let shown: Vec<String> = mappings
        .map(|mapping| format!("{}:{}", name(&mapping.protocol), mapping.port))
        .collect();
    shown.join(", ")
}

fn provider(service: &VirtualServiceSpec) -> String {
    match &service.provider {
        None => "no provider".to_owned(),
        Some(VirtualServiceProvider::VirtualNode(node)) => format!("virtualNode {}", node.virtual_node_name),
        Some(VirtualServiceProvider::VirtualRouter(router)) => {
            format!("virtualRouter {}", router.virtual_router_name)
        }
    }
}

fn route(spec: &RouteSpec) -> String {
    let http = |protocol: &str, route: &evermesh_model::spec::HttpRoute| {
        let matching = path(route.r#match.prefix.as_deref(), route.r#match.path.as_ref());
        with_target(protocol, &matching, &targets(&route.action))
    };
    if let Some(route) = &spec.http_route {
        http("http", route)
    } else if let Some(route) = &spec.http2_route {
        http("http2", route)
    } else if let Some(route) = &spec.grpc_route {
        let service = route.r#match.service_name.as_deref().unwrap_or("*");
        let method = route.r#match.method_name.as_deref().unwrap_or("*");
        with_target("grpc", &format!("{service}/{method}"), &targets(&route.action))
    } else if let Some(route) = &spec.tcp_route {
        with_target("tcp", "", &targets(&route.action))
    } else {
        String::new()
    }
}

fn gateway_route(spec: &GatewayRouteSpec) -> String {
    let http = |protocol: &str, route: &evermesh_model::spec::HttpGatewayRoute| {
        let matching = path(route.r#match.prefix.as_deref(), route.r#match.path.as_ref());
        with_target(protocol, &matching, service(&route.action.target))
    };
    if let Some(route) = &spec.http_route {
        http("http", route)
    } else if let Some(route) = &spec.http2_route {
        http("http2", route)
    } else if let Some(route) = &spec.grpc_route {
        let matching = route.r#match.service_name.as_deref().unwrap_or("*");
        with_target("grpc", matching, service(&route.action.target))
    } else {
        String::new()
    }
}

fn with_target(protocol: &str, matching: &str, target: &str) -> String {
    let joint = if matching.is_empty() { "" } else { " " };
    format!("{protocol}{joint}{matching} -> {target}")
}

fn path(prefix: Option<&str>, path: Option<&HttpPathMatch>) -> String {
    match (prefix, path) {
        (Some(prefix), _) => format!("{prefix}*"),
        (
            None,
            Some(HttpPathMatch {
                exact: Some(exact), ..
            }),
        ) => exact.clone(),
        (
            None,
            Some(HttpPathMatch {
                regex: Some(regex), ..
            }),
        ) => format!("~{regex}"),
        (None, _) => String::new(),
    }
}

fn targets(action: &RouteAction) -> String {
    let shown = action.weighted_targets.iter().map(|target| {
        let port = target.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}={}", target.virtual_node, target.weight)
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn service(target: &GatewayRouteTarget) -> &str {
    &target.virtual_service.virtual_service_name
}

/// An enumeration's value as the API spells it.
fn name(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evermesh_model::Kind;
    use serde_json::json;

    #[test]
    fn each_kind_says_what_matters() {
        let target = json!({"weightedTargets": [{"virtualNode": "a", "weight": 3}, {"virtualNode": "b", "weight": 1, "port": 81}]});
        for (kind, spec, expected) in [
            (Kind::Mesh, json!({}), "egress DROP_ALL"),
            (
                Kind::Mesh,
                json!({"egressFilter": {"type": "ALLOW_ALL"}}),
                "egress ALLOW_ALL",
            ),
            (Kind::VirtualNode, json!({}), ""),
            (
                Kind::VirtualNode,
                json!({
                    "listeners": [{"portMapping": {"port": 80, "protocol": "http2"}}],
                    "serviceDiscovery": {"dns": {"hostname": "n.local"}},
                    "backends": [{"virtualService": {"virtualServiceName": "s"}}]
                }),
                "http2:80, dns n.local, 1 backend",
            ),
            (Kind::VirtualService, json!({}), "no provider"),
            (
                Kind::Route,
                json!({"httpRoute": {"match": {"prefix": "/"}, "action": target}}),
                "http /* -> a=3 b:81=1",
            ),
            (
                Kind::Route,
                json!({"http2Route": {"match": {"path": {"exact": "/x"}}, "action": target}}),
                "http2 /x -> a=3 b:81=1",
            ),
            (
                Kind::Route,
                json!({"grpcRoute": {"match": {"serviceName": "s"}, "action": target}}),
                "grpc s/* -> a=3 b:81=1",
            ),
            (
                Kind::Route,
                json!({"tcpRoute": {"action": target}}),
                "tcp -> a=3 b:81=1",
            ),
            (
                Kind::GatewayRoute,
                json!({"httpRoute": {"match": {"path": {"regex": "/a.*"}}, "action": {"target":
                    {"virtualService": {"virtualServiceName": "s"}}}}}),
                "http ~/a.* -> s",
            ),
        ] {
            let spec = Spec::read(kind, &spec).unwrap();
            assert_eq!(summary(&spec), expected);
        }
    }
}
