//! What names a resource: its mesh, its kind and its own name.

use std::fmt;

use crate::shape::Violations;

/// The seven kinds of App Mesh resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the API's kinds")]
pub enum Kind {
    Mesh,
    VirtualNode,
    VirtualRouter,
    Route,
    VirtualService,
    VirtualGateway,
    GatewayRoute,
}

impl Kind {
    /// All kinds, in an order in which they can be created: what is referred to comes first.
    pub const ALL: [Self; 7] = [
        Self::Mesh,
        Self::VirtualNode,
        Self::VirtualRouter,
        Self::Route,
        Self::VirtualService,
        Self::VirtualGateway,
        Self::GatewayRoute,
    ];

    /// The kind as API members and ARNs spell it, such as `virtualNode`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mesh => "mesh",
            Self::VirtualNode => "virtualNode",
            Self::VirtualRouter => "virtualRouter",
            Self::Route => "route",
            Self::VirtualService => "virtualService",
            Self::VirtualGateway => "virtualGateway",
            Self::GatewayRoute => "gatewayRoute",
        }
    }

    /// The kind spelled as [`Kind::as_str`] does.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Several of the kind, as paths and answers of the API spell them, such as `virtualNodes`.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Mesh => "meshes",
            Self::VirtualNode => "virtualNodes",
            Self::VirtualRouter => "virtualRouters",
            Self::Route => "routes",
            Self::VirtualService => "virtualServices",
            Self::VirtualGateway => "virtualGateways",
            Self::GatewayRoute => "gatewayRoutes",
        }
    }

    /// The member that holds the resource's name, such as `virtualNodeName`.
    pub fn name_field(self) -> &'static str {
        match self {
            Self::Mesh => "meshName",
            Self::VirtualNode => "virtualNodeName",
            Self::VirtualRouter => "virtualRouterName",
            Self::Route => "routeName",
            Self::VirtualService => "virtualServiceName",
            Self::VirtualGateway => "virtualGatewayName",
            Self::GatewayRoute => "gatewayRouteName",
        }
    }

    /// The kind that contains this one; none for a mesh.
    pub fn parent(self) -> Option<Self> {
        match self {
            Self::Mesh => None,
            Self::Route => Some(Self::VirtualRouter),
            Self::GatewayRoute => Some(Self::VirtualGateway),
            _ => Some(Self::Mesh),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A mesh: its name is unique among the meshes of the account that owns it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeshId {
    /// Account that owns the mesh, twelve digits.
    pub owner: String,
    /// Name of the mesh.
    pub name: String,
}

impl MeshId {
    /// The mesh `name` of account `owner`.
    pub fn new(owner: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            owner: owner.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for MeshId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A resource of any kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId {
    mesh: MeshId,
    kind: Kind,
    /// Router of a route, gateway of a gateway route.
    parent: Option<String>,
    name: String,
}

impl ResourceId {
    /// The mesh itself.
    pub fn mesh_itself(mesh: MeshId) -> Self {
        let name = mesh.name.clone();
        Self {
            mesh,
            kind: Kind::Mesh,
            parent: None,
            name,
        }
    }

    /// A resource directly in a mesh: a virtual node, router, service or gateway.
    ///
    /// # Panics
    /// When `kind` is a mesh, a route or a gateway route: those have constructors of their own.
    pub fn in_mesh(mesh: MeshId, kind: Kind, name: impl Into<String>) -> Self {
        assert_eq!(
            kind.parent(),
            Some(Kind::Mesh),
            "a {kind} is not directly in a mesh"
        );
        Self {
            mesh,
            kind,
            parent: None,
            name: name.into(),
        }
    }

    /// A route of a virtual router.
    pub fn route(mesh: MeshId, router: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            mesh,
            kind: Kind::Route,
            parent: Some(router.into()),
            name: name.into(),
        }
    }

    /// A gateway route of a virtual gateway.
    pub fn gateway_route(mesh: MeshId, gateway: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            mesh,
            kind: Kind::GatewayRoute,
            parent: Some(gateway.into()),
            name: name.into(),
        }
    }

    /// A resource of `kind` called `name` in the resource `self`, or `None` when `self` cannot hold that kind.
    pub fn child(&self, kind: Kind, name: impl Into<String>) -> Option<Self> {
        if kind.parent() != Some(self.kind) {
            return None;
        }
        let parent = (self.kind != Kind::Mesh).then(|| self.name.clone());
        Some(Self {
            mesh: self.mesh.clone(),
            kind,
            parent,
            name: name.into(),
        })
    }

    /// The mesh the resource is in, or is.
    pub fn mesh(&self) -> &MeshId {
        &self.mesh
    }

    /// The resource's kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The resource's own name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Name of a route's router or a gateway route's gateway.
    pub fn parent_name(&self) -> Option<&str> {
        self.parent.as_deref()
    }

    /// The resource that contains this one; none for a mesh.
    pub fn parent(&self) -> Option<Self> {
        let kind = self.kind.parent()?;
        Some(match &self.parent {
            None => Self::mesh_itself(self.mesh.clone()),
            Some(name) => Self::in_mesh(self.mesh.clone(), kind, name.clone()),
        })
    }

    /// Whether every name of the resource is acceptable.
    ///
    /// # Errors
    /// A violation per name, its path the API member that holds it.
    pub fn validate(&self) -> Result<(), Violations> {
        let mut violations = Violations::default();
        check_name(&mut violations, Kind::Mesh, &self.mesh.name);
        if let (Some(kind), Some(name)) = (self.kind.parent(), &self.parent) {
            check_name(&mut violations, kind, name);
        }
        if self.kind != Kind::Mesh {
            check_name(&mut violations, self.kind, &self.name);
        }
        violations.into_result()
    }
}

/// The resource part of an ARN without the mesh owner, such as `mesh/m/virtualRouter/r/route/x`.
impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mesh/{}", self.mesh.name)?;
        if let (Some(kind), Some(name)) = (self.kind.parent(), &self.parent) {
            write!(f, "/{kind}/{name}")?;
        }
        if self.kind == Kind::Mesh {
            Ok(())
        } else {
            write!(f, "/{}/{}", self.kind, self.name)
        }
    }
}

/// Names are 1 to 255 characters. They become parts of ARNs, paths and Envoy's names, so a slash, a space or a
/// control character would make those ambiguous. Service names that begin like App Mesh's own are reserved.
fn check_name(violations: &mut Violations, kind: Kind, name: &str) {
    let length = name.chars().count();
    if !(1..=255).contains(&length) {
        violations.push(
            kind.name_field(),
            format!("must be 1 to 255 characters long, is {length}"),
        );
    }
    if let Some(bad) = name.chars().find(|c| *c == '/' || !c.is_ascii_graphic()) {
        violations.push(
            kind.name_field(),
            format!("must be visible ASCII characters other than a slash, contains {bad:?}"),
        );
    }
    if kind == Kind::VirtualService && is_reserved_service_name(name) {
        violations.push(
            kind.name_field(),
            "names that begin with aws.app-mesh or aws.appmesh are reserved",
        );
    }
}

/// Whether App Mesh keeps this service name to itself, for virtual services and gRPC services alike.
pub fn is_reserved_service_name(name: &str) -> bool {
    name.starts_with("aws.app-mesh") || name.starts_with("aws.appmesh")
}
