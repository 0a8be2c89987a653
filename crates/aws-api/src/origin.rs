//! Requests that a web page makes, against pages of strangers.
//!
//! Without credentials a listener on loopback trusts whoever can connect, and a browser of this machine can, for any
//! page: by a name that its author lets resolve to this machine (DNS rebinding). Browsers say which page asks in `Origin`
//! with every request but plain reads (Fetch, section 3.2); the AWS CLI and SDKs never send it.

use std::net::IpAddr;

use http::{HeaderMap, StatusCode, Uri, header};

use crate::error::ApiError;

/// Refuses what a page asks for that was not itself served by this machine under a loopback name.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    if origin.to_str().is_ok_and(is_loopback) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        "ForbiddenException",
        "requests of web pages elsewhere are not accepted where callers need no credentials",
    ))
}

fn is_loopback(origin: &str) -> bool {
    let Ok(origin) = origin.parse::<Uri>() else {
        return false;
    };
    let host = origin.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(origin: &str) -> bool {
        check(&HeaderMap::from_iter([(header::ORIGIN, origin.parse().unwrap())])).is_ok()
    }

    #[test]
    fn programs_and_pages_of_this_machine_may_ask() {
        assert!(check(&HeaderMap::new()).is_ok());
        for origin in [
            "http://127.0.0.1:7070",
            "http://localhost:7070",
            "http://[::1]:7070",
            "https://localhost",
        ] {
            assert!(accepts(origin), "{origin}");
        }
    }

    #[test]
    fn pages_of_others_may_not() {
        for origin in [
            "null",
            "http://example.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "x",
        ] {
            assert!(!accepts(origin), "{origin}");
        }
    }
}
