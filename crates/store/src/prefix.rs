//! Prefixes as key ranges. The only place that knows how the end of a prefix is found.

/// The first key after all keys that start with `prefix`; `None` when there is none.
///
/// UTF-8 sorts by bytes as it does by code points, so the end is the prefix with its last character
/// replaced by the next one (etcd does the same on the last byte, which need not be UTF-8).
pub(crate) fn end(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        if let Some(next) = next_char(last) {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

/// The next Unicode scalar value, over the gap of the surrogates; `None` after the last.
fn next_char(character: char) -> Option<char> {
    (u32::from(character) + 1..=u32::from(char::MAX)).find_map(char::from_u32)
}

#[cfg(test)]
mod tests {
    use super::end;

    #[test]
    fn the_end_is_the_prefix_with_its_last_character_incremented() {
        for (prefix, expected) in [
            ("", None),
            ("a", Some("b")),
            ("mesh/", Some("mesh0")),
            ("\u{7f}", Some("\u{80}")),
            ("\u{d7ff}", Some("\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}\u{10ffff}", None),
        ] {
            assert_eq!(end(prefix).as_deref(), expected, "{prefix:?}");
        }
    }
}
