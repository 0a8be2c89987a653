//! Access logs of nodes and gateways.

use evermesh_shape_derive::Shape;

/// Logging of a node or gateway.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct Logging {
    /// Access log; absent: none.
    pub access_log: Option<AccessLog>,
}

/// Where access logs go.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the union's members")]
pub enum AccessLog {
    File(FileAccessLog),
}

/// Access log in a file of the proxy's file system.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct FileAccessLog {
    /// The file; `/dev/stdout` for the container's log.
    #[shape(min = 1, max = 255)]
    pub path: String,
    /// Format of a line; absent: Envoy's default.
    pub format: Option<LoggingFormat>,
}

/// Format of an access log's lines, in Envoy's command operators.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the union's members")]
pub enum LoggingFormat {
    #[shape(min = 1, max = 1000)]
    Text(String),
    Json(Vec<JsonFormatRef>),
}

/// A member of a JSON log line.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct JsonFormatRef {
    /// Member name.
    #[shape(min = 1, max = 100)]
    pub key: String,
    /// Member value with command operators.
    #[shape(min = 1, max = 100)]
    pub value: String,
}
