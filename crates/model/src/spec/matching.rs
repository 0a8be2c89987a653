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
    #[shape(min = 1, max = 255)]
    Exact(String),
    #[shape(min = 1, max = 255)]
    Prefix(String),
    #[shape(min = 1, max = 255)]
    Suffix(String),
    #[shape(min = 1, max = 255)]
    Regex(String),
    Range(MatchRange),
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
