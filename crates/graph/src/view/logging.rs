//! Access logs.

use serde::{Deserialize, Serialize};

/// Where access logs go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessLog {
    /// File of the proxy's file system.
    pub path: String,
}
