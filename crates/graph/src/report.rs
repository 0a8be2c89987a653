//! Collecting diagnostics: the codes there are, and where the resolution stands.

use std::collections::BTreeSet;
use std::fmt;

use evermesh_model::{Diagnostic, ResourceId, Severity};

/// The kinds of mistakes that can be told. The strings are stable: documentation and scripts know them.
pub(crate) mod code {
    /// A backend names a virtual service that does not exist.
    pub(crate) const DANGLING_BACKEND: &str = "dangling-backend";
    /// Two backends are the same virtual service, under different client policies.
    pub(crate) const DUPLICATE_BACKEND: &str = "duplicate-backend";
    /// Something names a resource that does not exist, although the API does not let that happen.
    pub(crate) const DANGLING_REFERENCE: &str = "dangling-reference";
    /// A virtual service that is called has no provider.
    pub(crate) const SERVICE_WITHOUT_PROVIDER: &str = "service-without-provider";
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
    /// A route comes after one that takes all it would.
    pub(crate) const ROUTE_SHADOWED: &str = "route-shadowed";
    /// No request can fulfil what a route asks for.
    pub(crate) const MATCH_IMPOSSIBLE: &str = "match-impossible";
    /// No target of a route that can be reached has a weight above 0.
    pub(crate) const WEIGHTS_SUM_TO_ZERO: &str = "weights-sum-to-zero";
    /// A client policy enforces TLS towards a listener that has none.
    pub(crate) const TLS_NOT_OFFERED: &str = "tls-not-offered";
    /// A listener asks its callers for a certificate, and a caller has none to show.
    pub(crate) const TLS_CLIENT_CERTIFICATE_MISSING: &str = "tls-client-certificate-missing";
    /// A backend's client policy is for ports that the backend does not have.
    pub(crate) const TLS_PORTS_UNUSED: &str = "tls-ports-unused";
    /// A virtual node listens and calls nobody, and no virtual service leads to it.
    pub(crate) const UNREACHED_NODE: &str = "unreached-node";
    /// A path has characters that no request can have.
    pub(crate) const UNSENDABLE_PATH: &str = "unsendable-path";
}

/// Collects diagnostics; the same one found on several ways is kept once.
#[derive(Default)]
pub(crate) struct Report {
    found: BTreeSet<Diagnostic>,
}

impl Report {
    pub(crate) fn error(&mut self, at: &Place<'_>, code: &'static str, message: impl Into<String>) {
        self.add(at, Severity::Error, code, message.into());
    }

    pub(crate) fn warning(&mut self, at: &Place<'_>, code: &'static str, message: impl Into<String>) {
        self.add(at, Severity::Warning, code, message.into());
    }

    /// Takes over what was found before.
    pub(crate) fn repeat(&mut self, found: &[Diagnostic]) {
        self.found.extend(found.iter().cloned());
    }

    fn add(&mut self, at: &Place<'_>, severity: Severity, code: &'static str, message: String) {
        self.found.insert(Diagnostic {
            resource: at.resource().clone(),
            path: at.to_string(),
            severity,
            code,
            message,
        });
    }

    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.found.into_iter().collect()
    }
}

/// A member of a resource's spec: the way to it, which is spelled out only when there is something to say of it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    /// The spec as a whole.
    Spec(&'a ResourceId),
    /// A member, or a dotted path of them.
    Member(&'a Place<'a>, &'a str),
    /// An item of a list.
    Item(&'a Place<'a>, &'a str, usize),
}

impl<'a> Place<'a> {
    /// The spec of a resource as a whole.
    pub(crate) fn spec_of(resource: &'a ResourceId) -> Self {
        Self::Spec(resource)
    }

    /// A member below this one.
    pub(crate) fn at(&'a self, step: &'a str) -> Self {
        Self::Member(self, step)
    }

    /// An item of a list below this one.
    pub(crate) fn item(&'a self, list: &'a str, index: usize) -> Self {
        Self::Item(self, list, index)
    }

    fn resource(&self) -> &'a ResourceId {
        match self {
            Self::Spec(resource) => resource,
            Self::Member(parent, _) | Self::Item(parent, ..) => parent.resource(),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spec(_) => f.write_str("spec"),
            Self::Member(parent, step) => write!(f, "{parent}.{step}"),
            Self::Item(parent, list, index) => write!(f, "{parent}.{list}[{index}]"),
        }
    }
}
