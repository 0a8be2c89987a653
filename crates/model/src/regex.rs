//! Regular expressions with the meaning of RE2, which is what Envoy compiles.
//!
//! A pattern is accepted when Envoy would accept it. The syntax tree of the `regex` family is nearly RE2's; what it
//! reads and RE2 does not is refused here, so that a bad pattern fails at the API and not at a proxy.

use regex_syntax::ast::{self, Ast};

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a regular expression that Envoy (RE2) accepts: {reason}")]
pub struct RegexError {
    reason: String,
}

/// Whether Envoy would accept `pattern`.
///
/// # Errors
/// What in the pattern is wrong, and where.
pub fn check(pattern: &str) -> Result<(), RegexError> {
    let ast = ast::parse::ParserBuilder::new()
        .nest_limit(50)
        .build()
        .parse(pattern)
        .map_err(|e| RegexError {
            reason: format!("{} at character {}", e.kind(), e.span().start.offset + 1),
        })?;
    ast::visit(&ast, Re2Only)?;
    regex_syntax::hir::translate::Translator::new()
        .translate(pattern, &ast)
        .map(drop)
        .map_err(|e| RegexError {
            reason: format!("{} at character {}", e.kind(), e.span().start.offset + 1),
        })
}

/// Refuses what `regex-syntax` reads beyond RE2 (<https://github.com/google/re2/wiki/Syntax>).
struct Re2Only;

impl ast::Visitor for Re2Only {
    type Output = ();
    type Err = RegexError;

    fn finish(self) -> Result<(), RegexError> {
        Ok(())
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), RegexError> {
        /// RE2's `kMaxRepeat`.
        const MOST_REPEATS: u32 = 1000;
        let refuse = |what: &str, span: &ast::Span| {
            Err(RegexError {
                reason: format!("{what} at character {}", span.start.offset + 1),
            })
        };
        match ast {
            Ast::Repetition(repetition) => match &repetition.op.kind {
                ast::RepetitionKind::Range(range) => {
                    let most = match range {
                        ast::RepetitionRange::Exactly(n) | ast::RepetitionRange::AtLeast(n) => *n,
                        ast::RepetitionRange::Bounded(_, n) => *n,
                    };
                    if most > MOST_REPEATS {
                        refuse("more than 1000 repetitions", &repetition.span)
                    } else {
                        Ok(())
                    }
                }
                _ => Ok(()),
            },
            Ast::Flags(set) => check_flags(&set.flags),
            Ast::Group(group) => match &group.kind {
                ast::GroupKind::NonCapturing(flags) => check_flags(flags),
                _ => Ok(()),
            },
            Ast::Assertion(assertion) => match assertion.kind {
                ast::AssertionKind::WordBoundaryStart
                | ast::AssertionKind::WordBoundaryEnd
                | ast::AssertionKind::WordBoundaryStartAngle
                | ast::AssertionKind::WordBoundaryEndAngle
                | ast::AssertionKind::WordBoundaryStartHalf
                | ast::AssertionKind::WordBoundaryEndHalf => refuse("unknown word boundary", &assertion.span),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn visit_class_set_binary_op_pre(&mut self, op: &ast::ClassSetBinaryOp) -> Result<(), RegexError> {
        Err(RegexError {
            reason: format!(
                "set operation in a class at character {}",
                op.span.start.offset + 1
            ),
        })
    }
}

fn check_flags(flags: &ast::Flags) -> Result<(), RegexError> {
    for item in &flags.items {
        let unknown = matches!(
            item.kind,
            ast::FlagsItemKind::Flag(ast::Flag::Unicode | ast::Flag::CRLF | ast::Flag::IgnoreWhitespace)
        );
        if unknown {
            return Err(RegexError {
                reason: format!("unknown flag at character {}", item.span.start.offset + 1),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn accepts_what_re2_accepts() {
        for pattern in [
            "redor.*",
            "^/v[0-9]+/(a|b)$",
            "(?i)abc",
            r"\d{1,1000}",
            r"\pL+",
            "[[:alpha:]]",
            "(?P<n>x)",
        ] {
            assert_eq!(check(pattern), Ok(()), "{pattern}");
        }
    }

    #[test]
    fn refuses_what_re2_refuses() {
        for pattern in [
            "(",
            "a**b)",
            r"(?=x)",
            r"\1",
            "a{1001}",
            "[a&&b]",
            "(?x)a",
            r"\b{start}",
            "*a",
            "[z-a]",
        ] {
            assert!(check(pattern).is_err(), "{pattern}");
        }
    }
}
