//! Collecting diagnostics: the codes there are, and where the resolution stands.

use std::collections::BTreeSet;

use evermesh_model::{Diagnostic, ResourceId, Severity};

/// The kinds of mistakes that can be told. The strings are stable: documentation and scripts know them.
pub(crate) mod code {
    /// A backend names a virtual service that does not exist.
    pub(crate) const DANGLING_BACKEND: &str = "dangling-backend";
    /// Something names a resource that does not exist, although the API does not let that happen.
    pub(crate) const DANGLING_REFERENCE: &str = "dangling-reference";
    /// A virtual service that is called has no provider.
    pub(crate) const NO_PROVIDER: &str = "service-without-provider";
    /// A route leads to a virtual node without listeners.
    pub(crate) const TARGET_WITHOUT_LISTENER: &str = "target-without-listener";
    /// A route names a port that its target does not listen on.
    pub(crate) const TARGET_PORT_UNKNOWN: &str = "target-port-unknown";
    /// A route leads to a virtual node with several listeners and does not say which.
    pub(crate) const TARGET_PORT_AMBIGUOUS: &str = "target-port-ambiguous";
    /// A route leads to a virtual node that cannot be found by anyone.
    pub(crate) const TARGET_WITHOUT_DISCOVERY: &str = "target-without-discovery";
    /// A route's protocol does not fit its router's listener or its target's.
    pub(crate) const PROTOCOL_MISMATCH: &str = "protocol-mismatch";
    /// A route names a port that its router or gateway does not listen on.
    pub(crate) const MATCH_PORT_UNKNOWN: &str = "match-port-unknown";
    /// A router has services but no listener.
    pub(crate) const ROUTER_WITHOUT_LISTENER: &str = "router-without-listener";
    /// Two services need the same port of a caller in ways that cannot be told apart, or a port is the proxy's own.
    pub(crate) const PORT_CONFLICT: &str = "port-conflict";
    /// Two services are called by the same host name.
    pub(crate) const HOST_CONFLICT: &str = "host-conflict";
    /// A virtual service that is called by HTTP has a `*` in its name, which is no host that can be asked for.
    pub(crate) const WILDCARD_HOST: &str = "wildcard-host";
    /// A route comes after one that takes everything.
    pub(crate) const ROUTE_SHADOWED: &str = "route-shadowed";
    /// A path has characters that no request can have.
    pub(crate) const UNSENDABLE_PATH: &str = "unsendable-path";
    /// The spec asks for something that this version does not do.
    pub(crate) const NOT_TRANSLATED: &str = "not-translated";
}

/// Collects diagnostics; the same one found on several ways is kept once.
#[derive(Default)]
pub(crate) struct Report {
    found: BTreeSet<Diagnostic>,
}

impl Report {
    pub(crate) fn error(&mut self, at: &Place, code: &'static str, message: impl Into<String>) {
        self.add(at, Severity::Error, code, message.into());
    }

    pub(crate) fn warning(&mut self, at: &Place, code: &'static str, message: impl Into<String>) {
        self.add(at, Severity::Warning, code, message.into());
    }

    /// Says of a member that is set that it has no effect yet, and what is done instead.
    pub(crate) fn not_translated<T>(&mut self, at: &Place, member: Option<&T>, instead: &str) {
        if member.is_some() {
            self.error(
                at,
                code::NOT_TRANSLATED,
                format!("this version does not do this yet: {instead}"),
            );
        }
    }

    fn add(&mut self, at: &Place, severity: Severity, code: &'static str, message: String) {
        let Place { resource, path } = at;
        self.found.insert(Diagnostic {
            resource: resource.clone(),
            path: path.clone(),
            severity,
            code,
            message,
        });
    }

    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.found.into_iter().collect()
    }
}

/// A member of a resource's spec.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    resource: ResourceId,
    path: String,
}

impl Place {
    /// The spec of a resource as a whole.
    pub(crate) fn spec_of(resource: ResourceId) -> Self {
        Self {
            resource,
            path: "spec".to_owned(),
        }
    }

    /// A member below this one.
    pub(crate) fn at(&self, step: &str) -> Self {
        Self {
            resource: self.resource.clone(),
            path: format!("{}.{step}", self.path),
        }
    }

    /// An item of a list below this one.
    pub(crate) fn item(&self, list: &str, index: usize) -> Self {
        self.at(&format!("{list}[{index}]"))
    }
}
