//! The canonical request: the text that both sides hash.

use http::HeaderMap;
use http::request::Parts;
use sha2::{Digest, Sha256};

use crate::uri::{percent_decode, percent_encode, raw_pairs};

/// The canonical form of a request with these signed headers.
pub(crate) fn canonical_request(head: &Parts, body: &[u8], signed_headers: &[String]) -> String {
    format!(
        "{}\n{}\n{}\n{}\n{}\n{}",
        head.method,
        canonical_path(head.uri.path()),
        canonical_query(head.uri.query().unwrap_or_default()),
        canonical_headers(&head.headers, signed_headers),
        signed_headers.join(";"),
        hex::encode(Sha256::digest(body))
    )
}

/// Empty and dot steps removed, then encoded once more: all services but S3 sign the path as it is sent.
fn canonical_path(path: &str) -> String {
    let mut steps: Vec<&str> = Vec::new();
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                steps.pop();
            }
            step => steps.push(step),
        }
    }
    let encoded: Vec<String> = steps.into_iter().map(percent_encode).collect();
    let end = if path.ends_with('/') && !encoded.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", encoded.join("/"))
}

fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = raw_pairs(query)
        .filter(|(name, _)| *name != "X-Amz-Signature")
        .map(|(name, value)| (encoded_anew(name), encoded_anew(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

/// The one spelling of a text that may have been encoded in several ways.
fn encoded_anew(text: &str) -> String {
    percent_decode(text).map_or_else(|| percent_encode(text), |text| percent_encode(&text))
}

fn canonical_headers(headers: &HeaderMap, names: &[String]) -> String {
    names
        .iter()
        .map(|name| format!("{name}:{}\n", canonical_values(headers, name)))
        .collect()
}

fn canonical_values(headers: &HeaderMap, name: &str) -> String {
    let values: Vec<String> = headers
        .get_all(name)
        .iter()
        .map(|value| {
            String::from_utf8_lossy(value.as_bytes())
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    values.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalized_and_encoded_again() {
        assert_eq!(canonical_path("/"), "/");
        assert_eq!(canonical_path("/a//b/./c/../d/"), "/a/b/d/");
        assert_eq!(canonical_path("/meshes/a%2Fb"), "/meshes/a%252Fb");
        assert_eq!(canonical_path("/../.."), "/");
    }

    #[test]
    fn queries_are_sorted_and_spelled_one_way() {
        assert_eq!(canonical_query("b=2&a=%7e&a=/&c"), "a=%2F&a=~&b=2&c=");
        assert_eq!(canonical_query("X-Amz-Signature=abc&a=1"), "a=1");
    }
}
