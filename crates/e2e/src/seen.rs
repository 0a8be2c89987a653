//! What an application saw of a request, as it tells its client.

use std::collections::BTreeMap;

use http::Request;
use serde::{Deserialize, Serialize};

/// What an application saw of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The name of the application's task.
    pub app: String,
    /// The port of the application.
    pub port: u16,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: String,
    /// The method.
    pub method: String,
    /// `:scheme` of HTTP/2; nothing in HTTP/1.1.
    pub scheme: String,
    /// `:authority` or `Host`.
    pub host: String,
    /// The path with the query.
    pub path: String,
    /// All headers, by name in lower case; several of a name are joined by commas.
    pub headers: BTreeMap<String, String>,
}

impl Seen {
    pub(crate) fn of<B>(request: &Request<B>, app: &str, port: u16) -> Self {
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in request.headers() {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let joined = headers.entry(name.as_str().to_owned());
            joined
                .and_modify(|all| *all = format!("{all},{value}"))
                .or_insert(value);
        }
        let uri = request.uri();
        let authority = uri.authority().map(ToString::to_string);
        Self {
            app: app.to_owned(),
            port,
            version: format!("{:?}", request.version()),
            method: request.method().to_string(),
            scheme: uri.scheme_str().unwrap_or_default().to_owned(),
            host: authority
                .or_else(|| headers.get("host").cloned())
                .unwrap_or_default(),
            path: uri.path_and_query().map_or_else(String::new, ToString::to_string),
            headers,
        }
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers can be written as JSON")
    }
}
