//! The layout of keys. Whoever builds one has checked the names that go into it.

use evermesh_model::arn::is_account_id;
use evermesh_model::{Kind, MeshId, ResourceId};

/// What the keys of all resources start with, and no others.
pub const RESOURCE_PREFIX: &str = "resource/";

const COUNT_PREFIX: &str = "count/";
const REFERENCE_PREFIX: &str = "reference/";
const TOKEN_PREFIX: &str = "token/";

/// What the keys of meshes start with, after [`RESOURCE_PREFIX`] or [`COUNT_PREFIX`].
const MESHES: &str = "mesh/";
/// What the keys of everything else start with there. It sorts after [`MESHES`].
const WITHIN: &str = "within/";

/// The keys whose numbers of puts give the number of resources in one place.
pub(crate) struct Counters {
    /// Put with every creation.
    pub(crate) created: String,
    /// Put with every deletion.
    pub(crate) deleted: String,
}

/// The key of a resource.
pub(crate) fn of(id: &ResourceId) -> String {
    let MeshId { owner, name: mesh } = id.mesh();
    match id.parent() {
        None => format!("{RESOURCE_PREFIX}{MESHES}{mesh}/{owner}"),
        Some(parent) => format!("{}{}", siblings(id.kind(), Some(&parent)), id.name()),
    }
}

/// What the keys of all resources of `kind` in `parent` start with; the rest of them is the name, for meshes the
/// name and the owner.
pub(crate) fn siblings(kind: Kind, parent: Option<&ResourceId>) -> String {
    format!("{RESOURCE_PREFIX}{}", place(kind, parent))
}

/// What the keys of everything in a resource start with; `None` when nothing can be in one of its kind.
pub(crate) fn children(id: &ResourceId) -> Option<String> {
    inside(id).map(|inside| format!("{RESOURCE_PREFIX}{inside}"))
}

/// The resource whose key this is.
pub(crate) fn parse(key: &str) -> Option<ResourceId> {
    let parts: Vec<&str> = key.strip_prefix(RESOURCE_PREFIX)?.split('/').collect();
    let (owner, mesh, rest) = match parts.as_slice() {
        ["mesh", mesh, owner] => (owner, mesh, None),
        ["within", owner, mesh, kind, rest @ ..] => (owner, mesh, Some((Kind::parse(kind)?, rest))),
        _ => return None,
    };
    let mesh = ResourceId::mesh_itself(MeshId::new(*owner, *mesh));
    let id = match rest {
        None => mesh,
        Some((kind, [name])) => mesh.child(kind, *name)?,
        Some((kind, [parent, name])) => mesh.child(kind.parent()?, *parent)?.child(kind, *name)?,
        Some(_) => return None,
    };
    let sound = is_account_id(&id.mesh().owner) && id.validate().is_ok();
    sound.then_some(id)
}

/// What the keys of all references to `target` start with.
pub(crate) fn references_to(target: &ResourceId) -> String {
    let MeshId { owner, name: mesh } = target.mesh();
    format!(
        "{REFERENCE_PREFIX}{owner}/{mesh}/{}/{}/",
        target.kind(),
        target.name()
    )
}

/// The key of the reference to `target` by the resource with this uid. Not by its name: four names of 255
/// characters would be too much for one key.
pub(crate) fn reference(target: &ResourceId, uid: &str) -> String {
    format!("{}{uid}", references_to(target))
}

/// The counters of the place that a resource is in.
pub(crate) fn counters(id: &ResourceId) -> Counters {
    let place = match id.parent() {
        None => format!("{MESHES}{}/", id.mesh().owner),
        Some(parent) => place(id.kind(), Some(&parent)),
    };
    Counters {
        created: format!("{COUNT_PREFIX}{place}created"),
        deleted: format!("{COUNT_PREFIX}{place}deleted"),
    }
}

/// What the counters of all places in a resource start with.
pub(crate) fn counters_inside(id: &ResourceId) -> Option<String> {
    inside(id).map(|inside| format!("{COUNT_PREFIX}{inside}"))
}

/// The key of a client token.
pub(crate) fn token(account: &str, token: &str) -> String {
    format!("{TOKEN_PREFIX}{account}/{token}")
}

/// Where the resources of `kind` in `parent` are.
fn place(kind: Kind, parent: Option<&ResourceId>) -> String {
    let inside = parent.and_then(inside);
    match (kind.parent(), inside) {
        (Some(Kind::Mesh), Some(inside)) => format!("{inside}{kind}/"),
        (Some(_), Some(inside)) => inside,
        _ => MESHES.to_owned(),
    }
}

/// Where everything in a resource is.
fn inside(id: &ResourceId) -> Option<String> {
    let MeshId { owner, name: mesh } = id.mesh();
    let child = match id.kind() {
        Kind::Mesh => return Some(format!("{WITHIN}{owner}/{mesh}/")),
        Kind::VirtualRouter => Kind::Route,
        Kind::VirtualGateway => Kind::GatewayRoute,
        Kind::VirtualNode | Kind::VirtualService | Kind::Route | Kind::GatewayRoute => return None,
    };
    Some(format!("{WITHIN}{owner}/{mesh}/{child}/{}/", id.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mesh() -> ResourceId {
        ResourceId::mesh_itself(MeshId::new("123456789012", "m"))
    }

    fn child(kind: Kind, name: &str) -> ResourceId {
        mesh().child(kind, name).unwrap()
    }

    #[test]
    fn keys_have_the_documented_layout_and_lead_back() {
        let router = child(Kind::VirtualRouter, "r");
        let gateway = child(Kind::VirtualGateway, "g");
        for (id, key) in [
            (mesh(), "resource/mesh/m/123456789012"),
            (
                child(Kind::VirtualNode, "n"),
                "resource/within/123456789012/m/virtualNode/n",
            ),
            (
                child(Kind::VirtualService, "svc.local:80%2F"),
                "resource/within/123456789012/m/virtualService/svc.local:80%2F",
            ),
            (router.clone(), "resource/within/123456789012/m/virtualRouter/r"),
            (
                router.child(Kind::Route, "x").unwrap(),
                "resource/within/123456789012/m/route/r/x",
            ),
            (gateway.clone(), "resource/within/123456789012/m/virtualGateway/g"),
            (
                gateway.child(Kind::GatewayRoute, "x").unwrap(),
                "resource/within/123456789012/m/gatewayRoute/g/x",
            ),
        ] {
            assert_eq!(of(&id), key);
            assert_eq!(parse(key).as_ref(), Some(&id));
            let siblings = siblings(id.kind(), id.parent().as_ref());
            assert!(
                key.strip_prefix(&siblings).unwrap().starts_with(id.name()),
                "{key} in {siblings}"
            );
            if let Some(children) = id.parent().map(|parent| children(&parent).unwrap()) {
                assert!(key.starts_with(&children), "{key} in {children}");
            }
        }
    }

    #[test]
    fn what_is_no_key_of_a_resource_is_none() {
        for key in [
            "",
            "resource/",
            "count/mesh/123456789012/created",
            "resource/mesh/m",
            "resource/mesh/m/12345",
            "resource/mesh//123456789012",
            "resource/within/123456789012/m",
            "resource/within/123456789012/m/pod/x",
            "resource/within/123456789012/m/mesh/x",
            "resource/within/123456789012/m/route/x",
            "resource/within/123456789012/m/virtualNode/x/y",
            "resource/within/123456789012/m/route/r/x/y",
            "resource/within/123456789012/m/virtualNode/\u{e4}",
        ] {
            assert_eq!(parse(key), None, "{key}");
        }
    }

    #[test]
    fn counters_of_a_parent_cover_those_of_its_children_only() {
        let router = child(Kind::VirtualRouter, "r");
        let route = router.child(Kind::Route, "x").unwrap();
        assert_eq!(counters(&mesh()).created, "count/mesh/123456789012/created");
        assert_eq!(
            counters(&router).deleted,
            "count/within/123456789012/m/virtualRouter/deleted"
        );
        assert_eq!(
            counters(&route).created,
            "count/within/123456789012/m/route/r/created"
        );
        let inside = counters_inside(&router).unwrap();
        assert!(counters(&route).created.starts_with(&inside));
        assert!(!counters(&router).created.starts_with(&inside));
    }

    #[test]
    fn the_longest_names_fit_into_a_key() {
        let long = "x".repeat(255);
        let mesh = ResourceId::mesh_itself(MeshId::new("123456789012", &long));
        let gateway = mesh.child(Kind::VirtualGateway, &long).unwrap();
        let route = gateway.child(Kind::GatewayRoute, &long).unwrap();
        let limit = evermesh_store::Limits::default().key_bytes;
        let uid = uuid::Uuid::nil().to_string();
        for key in [of(&route), counters(&route).created, reference(&gateway, &uid)] {
            assert!(key.len() <= limit, "{} bytes: {key}", key.len());
        }
    }
}
