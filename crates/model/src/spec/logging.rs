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
    Text(TextFormat),
    Json(Vec<JsonFormatRef>),
}

/// A line as text with command operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFormat(pub String);

impl crate::shape::Shape for TextFormat {
    fn read(value: &serde_json::Value, reader: &mut crate::shape::Reader) -> Option<Self> {
        let text = reader.text(value)?;
        let length = text.chars().count();
        if (1..=1000).contains(&length) {
            return Some(Self(text.to_owned()));
        }
        reader.fail(format!("must be 1 to 1000 characters long, is {length}"));
        None
    }
}

impl serde::Serialize for TextFormat {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
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
