//! Text as URLs, forms and XML have it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What SigV4 leaves as it is: RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Percent-encodes everything but unreserved characters, as SigV4 does.
pub(crate) fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Decodes percent-encoded text once; `None` when a `%` is not followed by two hexadecimal digits or the result is
/// not UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
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
pub(crate) fn raw_pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// The value of a form's field; the first one when there are several. In a form, `+` is a space.
pub(crate) fn form_field(form: &str, name: &str) -> Option<String> {
    raw_pairs(form)
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| percent_decode(&value.replace('+', " ")))
}

/// Text that may stand between XML tags. Characters that XML cannot have at all become U+FFFD.
pub(crate) fn xml_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(c),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

/// The start of a text from outside, short and harmless enough for a message.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 64;
    let shown: String = text.chars().take(LONGEST).collect();
    let ellipsis = if shown.len() < text.len() { "..." } else { "" };
    format!("{}{ellipsis}", shown.escape_debug())
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
    fn form_fields_are_decoded() {
        let form = "Action=GetCallerIdentity&Note=a+b%26c&Empty&Action=Other";
        assert_eq!(form_field(form, "Action").unwrap(), "GetCallerIdentity");
        assert_eq!(form_field(form, "Note").unwrap(), "a b&c");
        assert_eq!(form_field(form, "Empty").unwrap(), "");
        assert_eq!(form_field(form, "action"), None);
    }

    #[test]
    fn xml_is_escaped() {
        assert_eq!(
            xml_escape("<a & \"b\"\u{0}>"),
            "&lt;a &amp; &quot;b&quot;\u{FFFD}&gt;"
        );
    }

    #[test]
    fn excerpts_are_short_and_escaped() {
        assert_eq!(excerpt("a\nb"), "a\\nb");
        assert_eq!(excerpt(&"x".repeat(65)), format!("{}...", "x".repeat(64)));
    }
}
