//! Patterns about as large as RE2 lets them be. Every verdict here is RE2's own (release 2025-11-05, 8 MiB), and that of
//! Envoy 1.36.2.

use evermesh_model::regex::check;

/// What is left of RE2's memory for the instructions of a pattern: 698,996 less those of every program.
const ROOM: usize = 698_992;

#[test]
fn one_instruction_more_than_fits_is_refused() {
    for (operand, instructions) in [
        (r"a", 1),
        (r"é", 2),
        (r"日", 3),
        (r"😀", 4),
        (r".", 12),
        (r"\C", 1),
        (r"()", 3),
        (r"(a)", 3),
        (r"[a-z]", 1),
        (r"[a-z0-9_-]", 7),
        (r"[^/]", 12),
        (r"[^a-zA-Z]", 14),
        (r"\d", 1),
        (r"\W", 18),
        (r"[[:^print:]]", 12),
        (r"[à-ÿ]", 2),
        (r"[一-龥]", 12),
        (r"[^é]", 26),
        (r"[^一-龥]", 30),
        (r"[\x{7f}-\x{10ffff}]", 10),
        (r"[\x{80}-\x{10fffe}]", 23),
        (r"[\x{d7ff}-\x{e000}]", 10),
        (r"[\x{3ffff}-\x{40000}]", 9),
        (r"[à-ÿ一-龥😀-🙏]", 22),
        (r"a+b", 3),
        (r"a?b", 3),
        (r"\Qa.é\E", 4),
        (r"\P{Zs}", 52),
    ] {
        let pattern = filling(operand, instructions);
        assert_eq!(check(&pattern), Ok(()), "{operand}");
        let error = check(&(pattern.clone() + "z")).expect_err(operand).to_string();
        assert!(
            error.contains("more than 698996 instructions"),
            "{operand}: {error}"
        );
    }
}

#[test]
fn large_patterns_are_accepted() {
    for pattern in [
        "/static/[a-zA-Z0-9._-]{0,200}/[a-zA-Z0-9._-]{0,200}",
        "(?:[^/]{1,100}/){1,10}",
        ".{0,1000}",
        r"^[\p{L}\p{N}_-]{1,255}$",
        r"\pL{446}",
        r"(?i)(?:[а-яё]{1,50} ){1,20}",
        r"(\PN\PL){250,}",
        &(r"\Q".to_owned() + &"日本語".repeat(78) + r"\E{990}"),
    ] {
        assert_eq!(check(pattern), Ok(()), "{pattern}");
    }
}

#[test]
fn too_large_patterns_are_refused_where_they_become_so() {
    let dots = ".".repeat(116);
    for (pattern, position) in [
        (r"\pL{447}", 4),
        (r"a|\pL{1000}|b", 6),
        (r"(?:(?:\pL{10}){10}){10}", 20),
        (&format!("(?:{dots}){{1000}}"), 121),
        (&format!("(?:{dots}){{500}}(?:abc){{1000}}"), 133),
    ] {
        let error = check(pattern).expect_err(pattern).to_string();
        let expected = format!(
            "is not a regular expression that Envoy (RE2) accepts: a program of more than 698996 instructions (repeat less, or simpler classes) at character {position}"
        );
        assert_eq!(error, expected, "{pattern}");
    }
}

/// A pattern of `operand` and, for the rest, of literals that leaves no room.
fn filling(operand: &str, instructions: usize) -> String {
    let thousands = ROOM / (1000 * instructions);
    let rest = ROOM % (1000 * instructions);
    let (others, literals) = (rest / instructions, rest % instructions);
    let mut pattern = format!("(?:{}){{1000}}", operand.repeat(thousands));
    if others > 0 {
        pattern += &format!("(?:{operand}){{{others}}}");
    }
    pattern + &"z".repeat(literals)
}
