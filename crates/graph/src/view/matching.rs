//! Which requests a route takes.

use std::ops::Not;

use serde::{Deserialize, Serialize};

/// Which requests a route takes: all that is said must match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestMatch {
    /// The path, without its query.
    pub path: PathMatch,
    /// The method.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub method: Option<String>,
    /// The scheme.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scheme: Option<String>,
    /// The host that is asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host: Option<HostMatch>,
    /// Headers; also the metadata of gRPC calls, which are headers.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub headers: Vec<HeaderMatch>,
    /// Parameters of the path's query.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub query_parameters: Vec<QueryParameterMatch>,
}

impl RequestMatch {
    /// All requests of a path, however they are made.
    pub fn path(path: PathMatch) -> Self {
        Self {
            path,
            method: None,
            scheme: None,
            host: None,
            headers: Vec::new(),
            query_parameters: Vec::new(),
        }
    }
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

/// Which hosts a route takes; in lower case, compared in whatever case and with any port or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HostMatch {
    /// This one.
    Exact(String),
    /// All that end so.
    Suffix(String),
}

impl HostMatch {
    /// Whether a request for this host, with a port or without, is taken.
    pub fn takes(&self, authority: &str) -> bool {
        let authority = authority.to_ascii_lowercase();
        let without_port = authority
            .rsplit_once(':')
            .filter(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
            .map(|(host, _)| host);
        let matches = |host: &str| match self {
            Self::Exact(exact) => host == exact,
            Self::Suffix(end) => host.ends_with(end.as_str()),
        };
        matches(&authority) || without_port.is_some_and(matches)
    }
}

/// A header that a request must have, or must not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderMatch {
    /// Name, in lower case.
    pub name: String,
    /// Takes the requests whose value is another one. A request without the header has no other value: only
    /// [`HeaderValueMatch::Present`] inverted takes it.
    #[serde(skip_serializing_if = "<&bool>::not", default)]
    pub invert: bool,
    /// What the value must be.
    pub value: HeaderValueMatch,
}

/// What a header's value must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HeaderValueMatch {
    /// Any.
    Present,
    /// This one.
    Exact(String),
    /// One that begins so.
    Prefix(String),
    /// One that ends so.
    Suffix(String),
    /// One that this regular expression (RE2) matches as a whole.
    Regex(String),
    /// An integer from the start to before the end.
    Range {
        /// First that matches.
        start: i64,
        /// First that no longer matches.
        end: i64,
    },
}

/// A query parameter that a request must have; of several with its name the first counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QueryParameterMatch {
    /// Name.
    pub name: String,
    /// The value, as it stands in the path; `None`: any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::HostMatch;

    #[test]
    fn hosts_are_taken_in_any_case_and_with_any_port() {
        let exact = HostMatch::Exact("www.example".to_owned());
        let suffix = HostMatch::Suffix(".example".to_owned());
        let with_port = HostMatch::Exact("www.example:80".to_owned());
        for (host, authority, taken) in [
            (&exact, "www.example", true),
            (&exact, "WWW.example:8080", true),
            (&exact, "www.example:", false),
            (&exact, "www.example:http", false),
            (&exact, "a.www.example", false),
            (&suffix, "a.b.Example:1", true),
            (&suffix, "example", false),
            (&suffix, "a.example.org", false),
            (&with_port, "www.example:80", true),
            (&with_port, "www.example", false),
        ] {
            assert_eq!(host.takes(authority), taken, "{host:?} {authority}");
        }
    }
}
