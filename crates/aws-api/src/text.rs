//! Text as forms, XML and messages have it.

use evermesh_sigv4::uri::{percent_decode, raw_pairs};

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
