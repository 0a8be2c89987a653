//! Manifests of a mesh, one line each: the names from arguments, the spec in YAML as a user writes it.

use std::fmt;

/// Manifests of resources of one mesh, for [`World::apply`](crate::World::apply). One of the same name as an earlier
/// one takes its place.
#[derive(Debug, Clone)]
pub struct Manifests {
    mesh: String,
    owner: Option<String>,
    /// Names, in YAML, and specs.
    documents: Vec<(String, String)>,
}

impl Manifests {
    /// A mesh, with this spec (`{}` for none).
    pub fn mesh(name: &str, spec: &str) -> Self {
        Self::within(name).resource(&[], spec)
    }

    /// Resources of a mesh that there is.
    pub fn within(mesh: &str) -> Self {
        Self {
            mesh: mesh.to_owned(),
            owner: None,
            documents: Vec::new(),
        }
    }

    /// What follows is in the mesh of this owner, not in the caller's own.
    #[must_use]
    pub fn of_owner(mut self, account: &str) -> Self {
        self.owner = Some(account.to_owned());
        self
    }

    /// A virtual node.
    #[must_use]
    pub fn node(self, name: &str, spec: &str) -> Self {
        self.resource(&[("virtualNodeName", name)], spec)
    }

    /// A virtual service, provided as `virtualRouter: { virtualRouterName: ... }` or by a node in the same way.
    #[must_use]
    pub fn service(self, name: &str, provider: &str) -> Self {
        let spec = format!("{{ provider: {{ {provider} }} }}");
        self.resource(&[("virtualServiceName", name)], &spec)
    }

    /// A virtual service that a node provides.
    #[must_use]
    pub fn service_of_node(self, name: &str, node: &str) -> Self {
        self.service(name, &format!("virtualNode: {{ virtualNodeName: {node} }}"))
    }

    /// A virtual service that a router provides.
    #[must_use]
    pub fn service_of_router(self, name: &str, router: &str) -> Self {
        self.service(name, &format!("virtualRouter: {{ virtualRouterName: {router} }}"))
    }

    /// A virtual router.
    #[must_use]
    pub fn router(self, name: &str, spec: &str) -> Self {
        self.resource(&[("virtualRouterName", name)], spec)
    }

    /// A route of a router.
    #[must_use]
    pub fn route(self, router: &str, name: &str, spec: &str) -> Self {
        self.resource(&[("virtualRouterName", router), ("routeName", name)], spec)
    }

    /// A virtual gateway.
    #[must_use]
    pub fn gateway(self, name: &str, spec: &str) -> Self {
        self.resource(&[("virtualGatewayName", name)], spec)
    }

    /// A gateway route.
    #[must_use]
    pub fn gateway_route(self, gateway: &str, name: &str, spec: &str) -> Self {
        self.resource(
            &[("virtualGatewayName", gateway), ("gatewayRouteName", name)],
            spec,
        )
    }

    fn resource(mut self, names: &[(&str, &str)], spec: &str) -> Self {
        let names = names.iter().map(|(member, name)| format!("{member}: {name}\n"));
        let owner = self
            .owner
            .as_ref()
            .map_or_else(String::new, |owner| format!("meshOwner: '{owner}'\n"));
        let names = format!("meshName: {}\n{owner}{}", self.mesh, names.collect::<String>());
        match self.documents.iter_mut().find(|(earlier, _)| *earlier == names) {
            Some((_, earlier)) => spec.clone_into(earlier),
            None => self.documents.push((names, spec.to_owned())),
        }
        self
    }
}

impl fmt::Display for Manifests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (names, spec) in &self.documents {
            writeln!(f, "---\n{names}spec: {spec}")?;
        }
        Ok(())
    }
}
