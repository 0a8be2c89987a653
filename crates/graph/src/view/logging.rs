//! Access logs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where access logs go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessLog {
    /// File of the proxy's file system.
    pub path: String,
    /// What is written of a request or connection; `None`: Envoy's default, a line of text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub format: Option<LogFormat>,
}

/// What is written of a request or connection, in Envoy's command operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LogFormat {
    /// A text as it stands: a line only if it ends with a line break.
    Text(String),
    /// The members of an object, which is a line.
    Json(BTreeMap<String, String>),
}
