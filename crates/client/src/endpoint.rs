//! Where a control plane answers.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, Scheme};

/// Where a control plane answers: `http://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    authority: Authority,
}

/// Why a text is no [`Endpoint`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the endpoint {text:?} {reason}")]
pub struct EndpointError {
    text: String,
    reason: &'static str,
}

impl Endpoint {
    /// Host and port.
    pub(crate) fn host(&self) -> &str {
        self.authority.as_str()
    }

    /// The address of a resource at this endpoint; `path` begins with a slash and is encoded already.
    pub(crate) fn uri(&self, path: &str) -> Uri {
        Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
            .expect("the path is percent-encoded, and the authority was parsed")
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason| EndpointError {
            text: text.to_owned(),
            reason,
        };
        let uri: Uri = text
            .parse()
            .map_err(|_| fail("is no URL; it has the form http://host:port"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(fail("needs TLS, which these commands do not speak; use http://")),
            _ => return Err(fail("must begin with http://")),
        }
        if uri.path() != "/" || uri.query().is_some() {
            return Err(fail("must not have a path; it has the form http://host:port"));
        }
        let authority = uri.into_parts().authority.ok_or_else(|| fail("has no host"))?;
        if authority.as_str().contains('@') {
            return Err(fail("must not have a user name"));
        }
        Ok(Self { authority })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_host_and_port() {
        for (text, shown) in [
            ("http://127.0.0.1:7070", "http://127.0.0.1:7070"),
            ("http://[::1]:7070/", "http://[::1]:7070"),
            ("http://mesh.example", "http://mesh.example"),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), shown);
            assert_eq!(endpoint.uri("/a?b=c").to_string(), format!("{shown}/a?b=c"));
        }
    }

    #[test]
    fn others_are_refused_with_what_would_be_right() {
        for (text, part) in [
            ("https://mesh.example", "use http://"),
            ("127.0.0.1:7070", "must begin with http://"),
            ("mesh.example", "must begin with http://"),
            ("http://mesh.example/api", "must not have a path"),
            ("http://me@mesh.example", "user name"),
            ("http://", "is no URL"),
            ("", "is no URL"),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
