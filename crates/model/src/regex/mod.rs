//! Regular expressions with the meaning of RE2, which is what Envoy compiles.
//!
//! A pattern is accepted when RE2 would parse it, so that a bad one fails at the API and not at a proxy. RE2's
//! syntax differs from that of Rust's `regex` in both directions (`/users/{id}`, `[[]` and `\Q.\E` are fine,
//! `\u0041`, `a**` and `(?x)` are not), hence a reader of its own. It follows `re2/parse.cc` with the flags Envoy
//! uses (Perl extensions, UTF-8). The one thing it does not foresee is RE2's limit on the size of the compiled
//! program: of 255 characters, only those meet it that repeat more than fifty classes a thousand times.

mod class;
mod unicode;

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a regular expression that Envoy (RE2) accepts: {reason} at character {position}")]
pub struct RegexError {
    reason: &'static str,
    position: usize,
}

/// Whether Envoy would accept `pattern`.
///
/// # Errors
/// What in the pattern is wrong, and where.
pub fn check(pattern: &str) -> Result<(), RegexError> {
    let mut parser = Parser {
        pattern,
        at: 0,
        depth: 0,
    };
    parser.alternation()?;
    if parser.rest().is_empty() {
        Ok(())
    } else {
        Err(parser.error("a closing parenthesis that nothing opens"))
    }
}

/// RE2's `kMaxRepeat`: the largest count, and the largest product of nested counts.
const MOST_REPEATS: u32 = 1000;
/// RE2's `kMaxNestingDepth`.
const DEEPEST_NESTING: u32 = 1000;

/// Reads a pattern from the left. Nothing is built: all that outlives an item is the [`Repeats`] in it.
struct Parser<'p> {
    pattern: &'p str,
    at: usize,
    depth: u32,
}

/// The largest product of nested repetition counts in an expression; 1 without any.
type Repeats = u32;

/// What was read between two repetitions.
enum Item {
    /// Something that can be repeated.
    Operand(Repeats),
    /// The bar of an alternation, after which there is nothing to repeat yet.
    Bar,
    /// Flags or an empty quotation: what precedes them can still be repeated.
    Nothing,
}

impl<'p> Parser<'p> {
    /// Reads to the end of the pattern or to the parenthesis that closes the group.
    fn alternation(&mut self) -> Result<Repeats, RegexError> {
        let mut most = 1;
        let mut operand: Option<Repeats> = None;
        let mut after_repetition = false;
        while !matches!(self.peek(), None | Some(')')) {
            let start = self.at;
            if let Some(factor) = self.repetition()? {
                let refuse = |reason| Err(RegexError::new(reason, self.pattern, start));
                let Some(inner) = operand else {
                    return refuse("a repetition of nothing");
                };
                if after_repetition {
                    return refuse("a repetition of a repetition");
                }
                let product = inner.saturating_mul(factor);
                if product > MOST_REPEATS {
                    return refuse("more than 1000 repetitions");
                }
                operand = Some(product);
                after_repetition = true;
            } else {
                match self.item()? {
                    Item::Operand(repeats) => operand = Some(repeats),
                    Item::Bar => operand = None,
                    Item::Nothing => {}
                }
                after_repetition = false;
            }
            most = most.max(operand.unwrap_or(1));
        }
        Ok(most)
    }

    fn item(&mut self) -> Result<Item, RegexError> {
        if self.rest().starts_with("(?") {
            self.perl_group()
        } else if self.eat("(") {
            self.group()
        } else if self.eat("|") {
            Ok(Item::Bar)
        } else if self.eat(r"\Q") {
            Ok(self.quotation())
        } else if self.rest().starts_with('[') {
            self.class()?;
            Ok(Item::Operand(1))
        } else if self.rest().starts_with('\\') {
            self.escape_sequence()?;
            Ok(Item::Operand(1))
        } else {
            self.take();
            Ok(Item::Operand(1))
        }
    }

    /// What follows an opening parenthesis.
    fn group(&mut self) -> Result<Item, RegexError> {
        self.depth += 1;
        if self.depth > DEEPEST_NESTING {
            return Err(self.error("more than 1000 nested groups"));
        }
        let repeats = self.alternation()?;
        self.depth -= 1;
        if self.eat(")") {
            Ok(Item::Operand(repeats))
        } else {
            Err(self.error("a missing closing parenthesis"))
        }
    }

    /// `(?P<name>...)`, `(?<name>...)`, `(?flags)` or `(?flags:...)`.
    fn perl_group(&mut self) -> Result<Item, RegexError> {
        self.eat("(?");
        if self.eat("P<") || self.eat("<") {
            let name = self
                .until('>')
                .ok_or(self.error("a missing > after a group's name"))?;
            if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
                return Err(self.error("a bad group name"));
            }
            return self.group();
        }
        let mut negated = false;
        let mut bare_sign = false;
        loop {
            match self.take() {
                Some('i' | 'm' | 's' | 'U') => bare_sign = false,
                Some('-') if !negated => (negated, bare_sign) = (true, true),
                Some(')') if !bare_sign => return Ok(Item::Nothing),
                Some(':') if !bare_sign => return self.group(),
                _ => return Err(self.error("unknown flags")),
            }
        }
    }

    /// `\Q` makes all that follows literal, to `\E` or to the end.
    fn quotation(&mut self) -> Item {
        let start = self.at;
        while !self.rest().is_empty() && !self.rest().starts_with(r"\E") {
            self.take();
        }
        let empty = self.at == start;
        self.eat(r"\E");
        if empty { Item::Nothing } else { Item::Operand(1) }
    }

    /// A repetition operator, if one is next; a brace that is none is a literal. Gives the factor by which it
    /// counts towards [`MOST_REPEATS`].
    fn repetition(&mut self) -> Result<Option<Repeats>, RegexError> {
        let factor = if self.eat("*") || self.eat("+") || self.eat("?") {
            1
        } else if let Some((min, max, length)) = counted(self.rest()) {
            let most = max.unwrap_or(min);
            if min > most {
                return Err(self.error("a repetition whose bounds are swapped"));
            }
            if most > MOST_REPEATS {
                return Err(self.error("more than 1000 repetitions"));
            }
            self.at += length;
            most.max(1)
        } else {
            return Ok(None);
        };
        self.eat("?");
        Ok(Some(factor))
    }

    fn rest(&self) -> &'p str {
        &self.pattern[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// What is before the next `end`, which is passed; `None` when there is none.
    fn until(&mut self, end: char) -> Option<&'p str> {
        let (before, _) = self.rest().split_once(end)?;
        self.at += before.len() + end.len_utf8();
        Some(before)
    }

    fn error(&self, reason: &'static str) -> RegexError {
        RegexError::new(reason, self.pattern, self.at)
    }
}

impl RegexError {
    fn new(reason: &'static str, pattern: &str, at: usize) -> Self {
        let position = pattern[..at].chars().count() + 1;
        Self { reason, position }
    }
}

/// `{n}`, `{n,}` or `{n,m}` at the start of a text: the bounds, and its length in bytes.
fn counted(text: &str) -> Option<(u32, Option<u32>, usize)> {
    let (inside, _) = text.strip_prefix('{')?.split_once('}')?;
    let length = inside.len() + 2;
    match inside.split_once(',') {
        None => Some((number(inside)?, None, length)),
        Some((min, "")) => Some((number(min)?, None, length)),
        Some((min, max)) => Some((number(min)?, Some(number(max)?), length)),
    }
}

/// A decimal number without leading zeros, of at most nine digits: RE2 takes anything else for literal text.
fn number(text: &str) -> Option<u32> {
    let digits = (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    (digits && !leading_zero).then(|| text.parse().ok()).flatten()
}
