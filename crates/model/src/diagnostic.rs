//! What is wrong with a mesh that was accepted: told to its user, never a reason to stop.

use std::fmt;

use serde::Serialize;

use crate::id::ResourceId;

/// How bad a [`Diagnostic`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Traffic does not do what the spec says.
    Error,
    /// Probably not what was meant.
    Warning,
}

/// A mistake in a mesh, found when it was resolved. Only the broken part is left out of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Diagnostic {
    /// The resource whose spec has it.
    pub resource: ResourceId,
    /// Dotted path in that resource, such as `spec.provider.virtualRouter.virtualRouterName`.
    pub path: String,
    /// How bad it is.
    pub severity: Severity,
    /// Stable name of the kind of mistake, such as `dangling-backend`; each has an entry in the documentation.
    pub code: &'static str,
    /// What is wrong and what follows from it, for the user.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(
            f,
            "{severity}[{}]: {} {}: {}",
            self.code, self.resource, self.path, self.message
        )
    }
}
