//! Names, ids and ARNs of resources.

use evermesh_model::arn::{is_account_id, parse_node_id};
use evermesh_model::id::is_reserved_service_name;
use evermesh_model::{Arn, Kind, MeshId, ResourceId};

const OWNER: &str = "123456789012";

#[test]
fn kinds_are_spelled_as_in_the_api() {
    let spelled: Vec<_> = Kind::ALL
        .iter()
        .map(|k| (k.as_str(), k.name_field(), k.parent().map(Kind::as_str)))
        .collect();
    assert_eq!(
        spelled,
        [
            ("mesh", "meshName", None),
            ("virtualNode", "virtualNodeName", Some("mesh")),
            ("virtualRouter", "virtualRouterName", Some("mesh")),
            ("route", "routeName", Some("virtualRouter")),
            ("virtualService", "virtualServiceName", Some("mesh")),
            ("virtualGateway", "virtualGatewayName", Some("mesh")),
            ("gatewayRoute", "gatewayRouteName", Some("virtualGateway")),
        ]
    );
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        assert_eq!(kind.to_string(), kind.as_str());
    }
    assert_eq!(Kind::parse("VirtualNode"), None);
}

#[test]
fn every_parent_can_be_created_before_its_children() {
    for (index, kind) in Kind::ALL.iter().enumerate() {
        assert!(
            kind.parent()
                .is_none_or(|parent| Kind::ALL[..index].contains(&parent)),
            "{kind}"
        );
    }
}

#[test]
fn a_resource_knows_where_it_is() {
    for (id, text, parent) in [
        (ResourceId::mesh_itself(mesh()), "mesh/m", None),
        (
            ResourceId::in_mesh(mesh(), Kind::VirtualNode, "n"),
            "mesh/m/virtualNode/n",
            Some("mesh/m"),
        ),
        (
            ResourceId::in_mesh(mesh(), Kind::VirtualService, "s.local"),
            "mesh/m/virtualService/s.local",
            Some("mesh/m"),
        ),
        (
            ResourceId::route(mesh(), "r", "x"),
            "mesh/m/virtualRouter/r/route/x",
            Some("mesh/m/virtualRouter/r"),
        ),
        (
            ResourceId::gateway_route(mesh(), "g", "x"),
            "mesh/m/virtualGateway/g/gatewayRoute/x",
            Some("mesh/m/virtualGateway/g"),
        ),
    ] {
        assert_eq!(id.to_string(), text);
        assert_eq!(id.parent().map(|p| p.to_string()).as_deref(), parent);
        assert_eq!(id.mesh(), &mesh());
        assert_eq!(text.rsplit('/').next(), Some(id.name()));
        assert_eq!(parse_node_id(text, OWNER), Ok(id.clone()));
        assert_eq!(id.validate(), Ok(()));
        if let Some(parent) = id.parent() {
            assert_eq!(parent.child(id.kind(), id.name()), Some(id));
        }
    }
}

#[test]
fn only_what_holds_a_kind_has_children_of_it() {
    let router = ResourceId::in_mesh(mesh(), Kind::VirtualRouter, "r");
    for kind in Kind::ALL {
        assert_eq!(router.child(kind, "x").is_some(), kind == Kind::Route, "{kind}");
        assert_eq!(ResourceId::route(mesh(), "r", "x").child(kind, "y"), None);
    }
}

#[test]
#[should_panic(expected = "a route is not directly in a mesh")]
fn a_route_needs_a_router() {
    ResourceId::in_mesh(mesh(), Kind::Route, "x");
}

#[test]
fn meshes_of_two_owners_are_two_meshes() {
    let other = ResourceId::mesh_itself(MeshId::new("210987654321", "m"));
    assert_ne!(other, ResourceId::mesh_itself(mesh()));
    assert_eq!(other.to_string(), "mesh/m");
}

#[test]
fn names_are_1_to_255_visible_characters() {
    for name in ["a", "a.b-c_d~(1)", "*", "@", &"n".repeat(255)] {
        assert_eq!(
            ResourceId::in_mesh(mesh(), Kind::VirtualNode, name).validate(),
            Ok(()),
            "{name}"
        );
    }
    let characters = "must be visible ASCII characters other than a slash, contains";
    for (name, expected) in [
        ("", "must be 1 to 255 characters long, is 0".to_owned()),
        (
            &"n".repeat(256),
            "must be 1 to 255 characters long, is 256".to_owned(),
        ),
        ("a/b", format!("{characters} '/'")),
        ("a b", format!("{characters} ' '")),
        ("a\nb", format!("{characters} '\\n'")),
        ("ä", format!("{characters} 'ä'")),
        (
            "arn:aws:appmesh:us-west-2:123456789012:mesh/m",
            format!("{characters} '/'"),
        ),
    ] {
        let found = ResourceId::in_mesh(mesh(), Kind::VirtualNode, name)
            .validate()
            .unwrap_err();
        assert_eq!(found.to_string(), format!("virtualNodeName: {expected}"));
    }
}

#[test]
fn every_bad_name_of_an_id_is_reported() {
    let id = ResourceId::route(MeshId::new(OWNER, ""), "a b", "c/d");
    assert_eq!(
        id.validate().unwrap_err().to_string(),
        "meshName: must be 1 to 255 characters long, is 0; \
         virtualRouterName: must be visible ASCII characters other than a slash, contains ' '; \
         routeName: must be visible ASCII characters other than a slash, contains '/'"
    );
}

#[test]
fn app_mesh_keeps_its_own_service_names() {
    for (name, reserved) in [
        ("aws.appmesh", true),
        ("aws.app-mesh.x", true),
        ("aws.appmeshed", true),
        ("aws.app", false),
        ("my.aws.appmesh", false),
    ] {
        assert_eq!(is_reserved_service_name(name), reserved, "{name}");
        let service = ResourceId::in_mesh(mesh(), Kind::VirtualService, name);
        assert_eq!(service.validate().is_err(), reserved, "{name}");
        assert_eq!(
            ResourceId::in_mesh(mesh(), Kind::VirtualNode, name).validate(),
            Ok(())
        );
    }
}

#[test]
fn an_arn_tells_the_owner_of_a_shared_mesh() {
    let text = "arn:aws:appmesh:us-west-2:123456789012:mesh/m@210987654321/virtualRouter/r/route/x";
    let arn = Arn::parse(text).unwrap();
    assert_eq!(
        (arn.partition.as_str(), arn.region.as_str(), arn.account.as_str()),
        ("aws", "us-west-2", OWNER)
    );
    assert_eq!(
        arn.resource,
        ResourceId::route(MeshId::new("210987654321", "m"), "r", "x")
    );
    assert_eq!(arn.to_string(), text);
    let own = "arn:aws:appmesh:us-west-2:123456789012:mesh/m@123456789012/virtualNode/n";
    assert_eq!(
        Arn::parse(own).unwrap().to_string(),
        own.replace("@123456789012", "")
    );
}

#[test]
fn a_bad_arn_is_quoted_with_the_reason() {
    let error = Arn::parse("arn:aws:appmesh:us-west-2:1234:mesh/m").unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"arn:aws:appmesh:us-west-2:1234:mesh/m\" is not the ARN of an App Mesh resource: \
         its account must be twelve digits"
    );
    assert!(
        parse_node_id(&"x".repeat(100_000), OWNER)
            .unwrap_err()
            .to_string()
            .len()
            < 400
    );
}

#[test]
fn account_ids_are_twelve_digits() {
    for (text, expected) in [
        (OWNER, true),
        ("", false),
        ("12345678901", false),
        ("12345678901a", false),
        ("１２３４", false),
    ] {
        assert_eq!(is_account_id(text), expected, "{text}");
    }
}

fn mesh() -> MeshId {
    MeshId::new(OWNER, "m")
}
