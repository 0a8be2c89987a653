//! Patterns that RE2 accepts and refuses. Every verdict here is RE2's own.

use evermesh_model::regex::check;

#[test]
fn accepts_what_re2_accepts() {
    for pattern in [
        "",
        "redor.*",
        "^/v[0-9]+/(a|b)$",
        "(?i)abc",
        "(?i:a)b",
        "(?im-sU:a)",
        "(?i)(?s)(?U)a",
        "(?)",
        r"\d{1,1000}",
        r"\pL+",
        r"\PN",
        r"\p{Greek}",
        r"\p{^Lu}",
        r"\p{Any}",
        "[[:alpha:]]",
        "[[:^word:]]",
        "(?P<n>x)",
        "(?<name_1>x)",
        "()",
        "()*",
        "(|a)*",
        "a||b",
        "^*",
        "a??",
        "a{2}?",
        "(a{0}){1000}",
        "/users/{id}",
        "{",
        "}",
        "]",
        "a{,3}",
        "a{01}",
        "a{99999999999}",
        "[a&&b]",
        "[[]",
        "[]a]",
        "[^]a]",
        "[a-]",
        "[-a]",
        "[a-z-9]",
        "[:alpha:]",
        r"[\d\pL\x41-\x{5a}\]]",
        r"\Qa.b(\E+",
        r"\Qa",
        r"a\Q\E*",
        r"\C",
        r"\A\b\B\z",
        r"\12",
        r"\07",
        r"\x41",
        r"\x{10FFFF}",
        r"\x{00000041}",
        r"\-\_\/\.",
        r"\a\f\n\r\t\v",
        "a(?i)*",
        "é+",
    ] {
        assert_eq!(check(pattern), Ok(()), "{pattern}");
    }
}

#[test]
fn refuses_what_re2_refuses() {
    for (pattern, reason) in [
        ("(", "a missing closing parenthesis at character 2"),
        ("(a|(b)", "a missing closing parenthesis at character 7"),
        ("é)", "a closing parenthesis that nothing opens at character 2"),
        ("*a", "a repetition of nothing at character 1"),
        ("|*", "a repetition of nothing at character 2"),
        ("(?i)*", "a repetition of nothing at character 5"),
        ("(+)", "a repetition of nothing at character 2"),
        ("a**", "a repetition of a repetition at character 3"),
        ("a{2}{3}", "a repetition of a repetition at character 5"),
        ("a???", "a repetition of a repetition at character 4"),
        ("a{1001}", "more than 1000 repetitions at character 2"),
        (
            "((a{20}b){10}c|d){6}",
            "more than 1000 repetitions at character 18",
        ),
        ("a{2,1}", "a repetition whose bounds are swapped at character 2"),
        ("(?=x)", "unknown flags at character 4"),
        ("(?x)a", "unknown flags at character 4"),
        ("(?i-)", "unknown flags at character 6"),
        ("(?", "unknown flags at character 3"),
        ("(?P=n)", "unknown flags at character 4"),
        ("(?<=a)", "a missing > after a group's name at character 4"),
        ("(?P<>a)", "a bad group name at character 6"),
        ("(?P<a b>c)", "a bad group name at character 9"),
        (r"\1", "an unknown escape at character 1"),
        (r"a\Z", "an unknown escape at character 2"),
        (r"\u0041", "an unknown escape at character 1"),
        (r"\8", "an unknown escape at character 1"),
        (r"\E", "an unknown escape at character 1"),
        (r"\é", "an unknown escape at character 1"),
        ("a\\", "an unknown escape at character 2"),
        (r"\x4", "an unknown escape at character 1"),
        (r"\x{}", "an unknown escape at character 1"),
        (r"\x{110000}", "an unknown escape at character 1"),
        (r"[\b]", "an unknown escape at character 2"),
        (r"[a-\d]", "an unknown escape at character 4"),
        (r"\b{start}*+", "a repetition of a repetition at character 11"),
        ("[z-a]", "a range whose ends are swapped at character 5"),
        ("[a--]", "a range whose ends are swapped at character 5"),
        ("[]", "a missing closing bracket at character 3"),
        ("[^a", "a missing closing bracket at character 4"),
        ("[[:foo:]]", "an unknown character class at character 2"),
        (
            r"\p{any}",
            "an unknown Unicode class before this one, at character 8",
        ),
        (
            r"\p{Alphabetic}",
            "an unknown Unicode class before this one, at character 15",
        ),
        (r"\p{L", "a missing closing brace at character 4"),
        (
            r"\p^L",
            "an unknown Unicode class before this one, at character 4",
        ),
    ] {
        let error = check(pattern).unwrap_err().to_string();
        let prefix = "is not a regular expression that Envoy (RE2) accepts: ";
        assert_eq!(error.strip_prefix(prefix), Some(reason), "{pattern}");
    }
}

#[test]
fn nesting_is_limited() {
    let nested = |depth: usize| "(".repeat(depth) + &")".repeat(depth);
    assert_eq!(check(&nested(1000)), Ok(()));
    assert!(check(&nested(1001)).is_err());
    assert!(check(&"(".repeat(100_000)).is_err());
    assert!(check(&"(?:".repeat(100_000)).is_err());
}
