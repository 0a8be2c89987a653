//! Which requests a route takes.

use serde::{Deserialize, Serialize};

/// Which requests a route takes: all that is said must match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestMatch {
    /// The path.
    pub path: PathMatch,
}

/// Which paths a route takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PathMatch {
    /// This one.
    Exact(String),
    /// All that this regular expression (RE2) matches as a whole.
    Regex(String),
    /// All that begin so.
    Prefix(String),
}
