//! Which virtual node or gateway a proxy is, and where: read from the node it presents itself with.

use std::net::IpAddr;

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::google::protobuf::value::Kind as ValueKind;
use evermesh_graph::is_proxy;
use evermesh_model::ResourceId;
use evermesh_model::arn::parse_node_id;
use evermesh_translate::Placement;
use evermesh_xds_server::Refusal;

/// Metadata of a proxy that is not on all addresses of a task of its own.
const BIND_ADDRESS: &str = "evermesh.bind_address";
const APPLICATION_ADDRESS: &str = "evermesh.app_address";

/// Everything that a proxy's configuration depends on besides the mesh. Proxies with equal keys share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ProxyKey {
    pub(crate) resource: ResourceId,
    pub(crate) placement: Placement,
}

impl ProxyKey {
    /// Reads the node's id and metadata. A mesh without a stated owner belongs to `default_account`.
    pub(crate) fn of(node: &Node, default_account: &str) -> Result<Self, Refusal> {
        let resource = parse_node_id(&node.id, default_account).map_err(|error| {
            Refusal::InvalidNode(format!("node id: {error}; APPMESH_RESOURCE_ARN sets it"))
        })?;
        if !is_proxy(&resource) {
            return Err(Refusal::InvalidNode(format!(
                "node id: {resource} is a {}; a proxy is of a virtualNode or a virtualGateway",
                resource.kind()
            )));
        }
        let placement = Placement {
            bind: address(node, BIND_ADDRESS)?,
            application: address(node, APPLICATION_ADDRESS)?,
        };
        Ok(Self { resource, placement })
    }
}

fn address(node: &Node, key: &str) -> Result<Option<IpAddr>, Refusal> {
    let field = node
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.fields.get(key));
    let Some(kind) = field.and_then(|value| value.kind.as_ref()) else {
        return Ok(None);
    };
    let refusal = || Refusal::InvalidNode(format!("node metadata {key} must be an IP address"));
    match kind {
        ValueKind::NullValue(_) => Ok(None),
        ValueKind::StringValue(text) => text.parse().map(Some).map_err(|_| refusal()),
        _ => Err(refusal()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use envoy_types::pb::google::protobuf::{Struct, Value};

    fn node(id: &str, metadata: &[(&str, &str)]) -> Node {
        let field = |(key, value): &(&str, &str)| {
            let value = Value {
                kind: Some(ValueKind::StringValue((*value).to_owned())),
            };
            ((*key).to_owned(), value)
        };
        Node {
            id: id.to_owned(),
            metadata: Some(Struct {
                fields: metadata.iter().map(field).collect(),
            }),
            ..Node::default()
        }
    }

    #[test]
    fn full_and_partial_arns_are_the_same_proxy() {
        let full = node("arn:aws:appmesh:us-west-2:123456789012:mesh/m/virtualNode/n", &[]);
        let partial = node("mesh/m/virtualNode/n", &[]);
        let of = |node| ProxyKey::of(node, "123456789012").unwrap();
        assert_eq!(of(&full), of(&partial));
    }

    #[test]
    fn placement_comes_from_metadata() {
        let node = node(
            "mesh/m/virtualGateway/g",
            &[(BIND_ADDRESS, "127.0.0.7"), (APPLICATION_ADDRESS, "::1")],
        );
        let placement = ProxyKey::of(&node, "123456789012").unwrap().placement;
        assert_eq!(placement.bind, "127.0.0.7".parse().ok());
        assert_eq!(placement.application, "::1".parse().ok());
    }

    #[test]
    fn refusals_say_what_to_set() {
        let refused = |node: Node| ProxyKey::of(&node, "123456789012").unwrap_err().to_string();
        assert!(refused(node("", &[])).contains("APPMESH_RESOURCE_ARN"));
        assert!(refused(node("mesh/m/virtualService/s", &[])).contains("is a virtualService"));
        assert!(
            refused(node("mesh/m/virtualNode/n", &[(BIND_ADDRESS, "here")]))
                .contains("must be an IP address")
        );
    }
}
