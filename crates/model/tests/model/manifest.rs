//! Resources in files: names, kinds, tags, and what is wrong with a document.

use evermesh_model::{Kind, Manifest, MeshId, ResourceId, Tag};
use serde_json::{Value, json};

use crate::support::specs;

const OWNER: &str = "123456789012";

#[test]
fn the_names_tell_the_kind() {
    for kind in Kind::ALL {
        for spec in specs(kind) {
            let document = document(kind, spec);
            let manifest = Manifest::from_value(&document, OWNER).unwrap();
            assert_eq!(manifest.id, id(kind));
            assert_eq!(manifest.spec.kind(), kind);
            assert_eq!(manifest.tags, None);
            assert_eq!(manifest.to_value(OWNER), document);
        }
    }
}

#[test]
fn a_mesh_needs_no_spec() {
    for document in [
        json!({ "meshName": "m" }),
        json!({ "meshName": "m", "spec": null }),
    ] {
        let manifest = Manifest::from_value(&document, OWNER).unwrap();
        assert_eq!(manifest.id, id(Kind::Mesh));
        assert_eq!(manifest.to_value(OWNER), json!({ "meshName": "m", "spec": {} }));
    }
}

#[test]
fn the_owner_is_written_where_it_is_not_the_default() {
    let document = json!({
        "meshName": "m", "meshOwner": "210987654321", "virtualServiceName": "s.local", "spec": {},
        "tags": [{ "key": "b", "value": "2" }, { "key": "a", "value": "" }],
    });
    let manifest = Manifest::from_value(&document, OWNER).unwrap();
    assert_eq!(manifest.id.mesh(), &MeshId::new("210987654321", "m"));
    let tag = |key: &str, value: &str| Tag {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    assert_eq!(manifest.tags, Some(vec![tag("b", "2"), tag("a", "")]));
    assert_eq!(manifest.to_value(OWNER), document);
    let own = manifest.to_value("210987654321");
    assert_eq!(own.get("meshOwner"), None);
}

#[test]
fn members_are_written_in_the_order_a_person_would_write_them() {
    let shuffled = json!({ "tags": [{ "key": "a" }], "spec": specs(Kind::Route)[0], "clientToken": "t", "routeName": "x",
        "virtualRouterName": "r", "meshOwner": "210987654321", "meshName": "m" });
    let written = Manifest::from_value(&shuffled, OWNER).unwrap().to_value(OWNER);
    let names: Vec<_> = written.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "meshName",
            "meshOwner",
            "virtualRouterName",
            "routeName",
            "spec",
            "tags"
        ]
    );
}

#[test]
fn everything_wrong_with_a_document_is_told() {
    for (document, expected) in [
        (
            json!([]),
            ["must be an object with meshName and further names"].as_slice(),
        ),
        (json!({}), &["meshName: is required"]),
        (
            json!({ "meshName": null, "spec": {} }),
            &["meshName: is required"],
        ),
        (
            json!({ "meshName": 7 }),
            &["meshName: must be a string", "meshName: is required"],
        ),
        (
            json!({ "meshName": "m", "virtualNodeName": "n" }),
            &["spec: is required"],
        ),
        (
            json!({ "meshName": "m", "routeName": "x", "spec": {} }),
            &["virtualRouterName: is required for a route"],
        ),
        (
            json!({ "meshName": "m", "gatewayRouteName": "x", "spec": {} }),
            &["virtualGatewayName: is required for a gateway route"],
        ),
        (
            json!({ "meshName": "m", "virtualNodeName": "n", "virtualServiceName": "s", "spec": {} }),
            &["virtualNodeName, virtualServiceName do not name one resource together"],
        ),
        (
            json!({ "meshName": "m", "virtualGatewayName": "g", "routeName": "x", "spec": {} }),
            &["routeName, virtualGatewayName do not name one resource together"],
        ),
        (
            json!({
                "meshName": "a b", "meshOwner": "me", "virtualServiceName": "aws.appmesh", "kind": "VirtualService",
                "spec": { "provider": {} }, "tags": { "a": "b" },
            }),
            &[
                "meshOwner: must be an account id of twelve digits",
                "tags: must be a list of objects with key and value",
                "kind: unknown field",
                "meshName: must be visible ASCII characters other than a slash, contains ' '",
                "virtualServiceName: names that begin with aws.app-mesh or aws.appmesh are reserved",
                "spec.provider: exactly one of virtualNode, virtualRouter must be set, none is",
            ],
        ),
        (
            json!({ "meshName": "m", "virtualGatewayName": "g", "spec": { "listeners": [] } }),
            &["spec.listeners: must have at least one listener"],
        ),
    ] {
        let found = Manifest::from_value(&document, OWNER).unwrap_err();
        let lines: Vec<_> = found.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected, "{document}");
    }
}

fn id(kind: Kind) -> ResourceId {
    let mesh = MeshId::new(OWNER, "m");
    match kind {
        Kind::Mesh => ResourceId::mesh_itself(mesh),
        Kind::Route => ResourceId::route(mesh, "parent", "x"),
        Kind::GatewayRoute => ResourceId::gateway_route(mesh, "parent", "x"),
        _ => ResourceId::in_mesh(mesh, kind, "x"),
    }
}

fn document(kind: Kind, spec: &Value) -> Value {
    let mut document = json!({ "meshName": "m", "spec": spec });
    if kind != Kind::Mesh {
        document[kind.name_field()] = json!("x");
    }
    if let Some(parent) = kind.parent().filter(|parent| *parent != Kind::Mesh) {
        document[parent.name_field()] = json!("parent");
    }
    document
}
