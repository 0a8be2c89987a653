//! What a proxy says it is: the node of its first request; and ARNs, which users write too.

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::google::protobuf::value::Kind as ValueKind;
use envoy_types::pb::google::protobuf::{Struct, Value};
use evermesh_control_plane::testing::identify;
use evermesh_model::Arn;
use evermesh_model::arn::parse_node_id;
use prost::Message;

use crate::{Form, Target, names_a_fault};

pub(crate) const TARGET: Target = Target {
    name: "ids",
    max_length: 4096, // of an id the xDS server takes 2048 bytes
    form: Form::Bytes,
    run,
    derived,
};

const ACCOUNT: &str = "123456789012";

/// A text is an id, anything else a node.
fn run(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        check_arn(text);
        check_node_id(text);
        check_node(&node(text, &[]));
    }
    if let Ok(node) = Node::decode(data) {
        check_node(&node);
    }
}

fn check_arn(text: &str) {
    match Arn::parse(text) {
        Err(error) => names_a_fault(&error.to_string()),
        Ok(arn) => assert_eq!(Arn::parse(&arn.to_string()).as_ref(), Ok(&arn), "{text}"),
    }
}

fn check_node_id(text: &str) {
    match parse_node_id(text, ACCOUNT) {
        Err(error) => names_a_fault(&error.to_string()),
        Ok(id) => {
            id.validate()
                .expect("only names that a resource can have are parsed");
            let again = parse_node_id(&id.to_string(), &id.mesh().owner);
            assert_eq!(again.as_ref(), Ok(&id), "{text}");
        }
    }
}

fn check_node(node: &Node) {
    match identify(node, ACCOUNT) {
        Ok(resource) => assert_eq!(parse_node_id(&node.id, ACCOUNT), Ok(resource)),
        Err(refusal) => {
            let message = refusal.to_string();
            names_a_fault(&message);
            assert!(
                message.contains("node id: ") || message.contains("node metadata "),
                "{message}"
            );
        }
    }
}

fn derived() -> Vec<Vec<u8>> {
    let ids = [
        "mesh/m/virtualNode/n",
        "mesh/m@210987654321/virtualGateway/g",
        "arn:aws:appmesh:us-west-2:123456789012:mesh/m/virtualNode/n",
        "arn:aws-cn:appmesh:cn-north-1:123456789012:mesh/m/virtualRouter/r/route/x",
    ];
    let metadata = [
        ("evermesh.bind_address", "127.0.0.7"),
        ("evermesh.app_address", "fe80::1"),
        ("aws.appmesh.task.interfaces", "{}"),
    ];
    let nodes = ids.iter().flat_map(|id| [node(id, &[]), node(id, &metadata)]);
    let nodes = nodes.map(|node| node.encode_to_vec());
    nodes.chain(ids.iter().map(|id| id.as_bytes().to_vec())).collect()
}

fn node(id: &str, metadata: &[(&str, &str)]) -> Node {
    let field = |(key, value): &(&str, &str)| {
        let kind = Some(ValueKind::StringValue((*value).to_owned()));
        ((*key).to_owned(), Value { kind })
    };
    Node {
        id: id.to_owned(),
        metadata: Some(Struct {
            fields: metadata.iter().map(field).collect(),
        }),
        ..Node::default()
    }
}
