//! What routes and gateway routes match requests by.

use evermesh_shape_derive::Shape;

/// A request header to match; also gRPC metadata.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct HeaderMatch {
    /// Header name.
    #[shape(min = 1, max = 50)]
    pub name: String,
    /// Whether to match requests that do not match; absent: false.
    pub invert: Option<bool>,
    /// How the value must be; absent: the header must be present.
    pub r#match: Option<HeaderMatchMethod>,
}

/// How a header's value must be.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the union's members")]
pub enum HeaderMatchMethod {
    Exact(HeaderText),
    Prefix(HeaderText),
    Suffix(HeaderText),
    Regex(HeaderText),
    Range(MatchRange),
}

/// A header value or a part of one, 1 to 255 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderText(pub String);

impl crate::shape::Shape for HeaderText {
    fn read(value: &serde_json::Value, reader: &mut crate::shape::Reader) -> Option<Self> {
        let text = reader.text(value)?;
        let length = text.chars().count();
        if (1..=255).contains(&length) {
            return Some(Self(text.to_owned()));
        }
        reader.fail(format!("must be 1 to 255 characters long, is {length}"));
        None
    }
}

impl serde::Serialize for HeaderText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Integers from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Shape)]
pub struct MatchRange {
    /// First that matches.
    pub start: i64,
    /// First that no longer matches.
    pub end: i64,
}

/// A whole path to match.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct HttpPathMatch {
    /// The exact path.
    #[shape(min = 1, max = 255)]
    pub exact: Option<String>,
    /// A regular expression (RE2) that the whole path must match.
    #[shape(min = 1, max = 255)]
    pub regex: Option<String>,
}

/// A query parameter to match.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct HttpQueryParameter {
    /// Parameter name.
    #[shape(min = 1)]
    pub name: String,
    /// How the value must be; absent: the parameter must be present.
    pub r#match: Option<QueryParameterMatch>,
}

/// How a query parameter's value must be.
#[derive(Debug, Clone, PartialEq, Eq, Shape)]
pub struct QueryParameterMatch {
    /// The exact value.
    pub exact: Option<String>,
}

/// Methods a route can match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the API's values")]
pub enum HttpMethod {
    #[shape(name = "GET")]
    Get,
    #[shape(name = "HEAD")]
    Head,
    #[shape(name = "POST")]
    Post,
    #[shape(name = "PUT")]
    Put,
    #[shape(name = "DELETE")]
    Delete,
    #[shape(name = "CONNECT")]
    Connect,
    #[shape(name = "OPTIONS")]
    Options,
    #[shape(name = "TRACE")]
    Trace,
    #[shape(name = "PATCH")]
    Patch,
}

/// Schemes a route can match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Shape)]
#[allow(missing_docs, reason = "the API's values")]
pub enum HttpScheme {
    #[shape(name = "http")]
    Http,
    #[shape(name = "https")]
    Https,
}
