//! Percent-encoding and query strings, spelled the one way that signatures are made of.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What SigV4 leaves as it is: RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Percent-encodes everything but unreserved characters.
pub fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Decodes percent-encoded text once; `None` when a `%` is not followed by two hexadecimal digits or the result is
/// not UTF-8.
pub fn percent_decode(text: &str) -> Option<String> {
    let escapes_are_whole = text.split('%').skip(1).all(|after| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if !escapes_are_whole {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

/// The pairs of a query string, still encoded.
pub fn raw_pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_decoding_is_strict_and_happens_once() {
        assert_eq!(percent_decode("a%2Fb"), Some("a/b".to_owned()));
        assert_eq!(percent_decode("a%252Fb"), Some("a%2Fb".to_owned()));
        assert_eq!(percent_decode("%C3%A9"), Some("é".to_owned()));
        for broken in ["%", "%2", "%zz", "a%2", "%FF", "%+1"] {
            assert_eq!(percent_decode(broken), None, "{broken}");
        }
    }

    #[test]
    fn whatever_is_encoded_is_decoded_again() {
        for text in ["", "mesh/a b", "~-_.", "ü+%2F", "\u{0}\n"] {
            assert_eq!(percent_decode(&percent_encode(text)).as_deref(), Some(text));
        }
    }
}
