//! Regular expressions with the meaning of RE2, which is what Envoy compiles.
//!
//! A pattern is accepted when RE2 would parse it, so that a bad one fails at the API and not at a proxy. RE2's
//! syntax differs from that of Rust's `regex` in both directions (`/users/{id}`, `[[]` and `\Q.\E` are fine,
//! `\u0041`, `a**` and `(?x)` are not), hence a reader of its own. It follows `re2/parse.cc` with the flags Envoy
//! uses (Perl extensions, UTF-8), and counts the instructions that `re2/compile.cc` would make of it.

mod class;
mod size;
mod unicode;

use size::{Class, FRAME, MOST_INSTRUCTIONS};

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
        folds: false,
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
/// The reason for refusing what has more than [`MOST_INSTRUCTIONS`].
const TOO_LARGE: &str = "a program of more than 698996 instructions (repeat less, or simpler classes)";

/// Reads a pattern from the left. Nothing is built: all that outlives an item is the [`Cost`] of it.
struct Parser<'p> {
    pattern: &'p str,
    at: usize,
    depth: u32,
    /// Whether `(?i)` is in force.
    folds: bool,
}

/// What an expression adds to what RE2 limits.
#[derive(Clone, Copy)]
struct Cost {
    /// The largest product of nested repetition counts in it; 1 without any.
    repeats: u32,
    /// How many instructions RE2 compiles it to, at most.
    instructions: u32,
}

/// An empty alternative.
const EMPTY: Cost = Cost::of(1);
/// The choice between two alternatives, and what RE2 may add to what is left of them when it factors out how both begin.
const BRANCH: Cost = Cost::of(2);
/// `.`: one byte but a line feed, or several.
const ANY_CHARACTER: Cost = Cost::of(12);
/// What keeps where a group matched.
const CAPTURE: Cost = Cost::of(2);

impl Cost {
    const fn of(instructions: u32) -> Self {
        Self {
            repeats: 1,
            instructions,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            repeats: self.repeats.max(other.repeats),
            instructions: self.instructions.saturating_add(other.instructions),
        }
    }

    /// Of as many copies as `repetition` allows, or as it demands when it allows any number.
    fn repeated(self, repetition: Repetition) -> Self {
        let Repetition { min, max } = repetition;
        let copies = max.unwrap_or(min).max(1);
        // A way around each copy that is not demanded, or back; and one around the loop.
        let branches = max.map_or(if min == 0 { 2 } else { 1 }, |max| max - min);
        Self {
            repeats: self.repeats.saturating_mul(copies),
            instructions: self.instructions.saturating_mul(copies).saturating_add(branches),
        }
    }
}

/// How often an operand is to occur: from `min` to `max` times, without `max` any number of times.
#[derive(Clone, Copy)]
struct Repetition {
    min: u32,
    max: Option<u32>,
}

/// What was read between two repetitions.
enum Item {
    /// Something that can be repeated.
    Operand(Cost),
    /// What was quoted, of which only the last character can be repeated.
    Quotation(Sequence),
    /// The bar of an alternation, after which there is nothing to repeat yet.
    Bar,
    /// Flags: what precedes them can still be repeated.
    Flags,
}

/// What was read of an expression.
#[derive(Clone, Copy)]
struct Sequence {
    before: Cost,
    /// What a repetition that comes next would repeat.
    operand: Option<Cost>,
}

impl Sequence {
    const fn new() -> Self {
        Self {
            before: Cost::of(0),
            operand: None,
        }
    }

    fn push(&mut self, next: Cost) {
        if let Some(previous) = self.operand.replace(next) {
            self.before = self.before.and(previous);
        }
    }

    fn append(&mut self, other: Self) {
        if let Some(last) = other.operand {
            self.push(last);
            self.before = self.before.and(other.before);
        }
    }

    fn bar(&mut self) {
        self.before = self.cost().and(BRANCH);
        self.operand = None;
    }

    /// The cost of all of it. Nothing after a bar, or at all, is an instruction too.
    fn cost(&self) -> Cost {
        self.before.and(self.operand.unwrap_or(EMPTY))
    }
}

impl<'p> Parser<'p> {
    /// Reads to the end of the pattern or to the parenthesis that closes the group.
    fn alternation(&mut self) -> Result<Cost, RegexError> {
        let pattern = self.pattern;
        let mut read = Sequence::new();
        let mut after_repetition = false;
        while !matches!(self.peek(), None | Some(')')) {
            let start = self.at;
            let refused = |reason| RegexError::new(reason, pattern, start);
            if let Some(repetition) = self.repetition()? {
                let operand = read.operand.ok_or_else(|| refused("a repetition of nothing"))?;
                if after_repetition {
                    return Err(refused("a repetition of a repetition"));
                }
                let repeated = operand.repeated(repetition);
                if repeated.repeats > MOST_REPEATS {
                    return Err(refused("more than 1000 repetitions"));
                }
                read.operand = Some(repeated);
                after_repetition = true;
            } else {
                match self.item()? {
                    Item::Operand(next) => read.push(next),
                    Item::Quotation(quoted) => read.append(quoted),
                    Item::Bar => read.bar(),
                    Item::Flags => {}
                }
                after_repetition = false;
            }
            if read.cost().instructions > MOST_INSTRUCTIONS - FRAME {
                return Err(refused(TOO_LARGE));
            }
        }
        Ok(read.cost())
    }

    fn item(&mut self) -> Result<Item, RegexError> {
        if self.rest().starts_with("(?") {
            self.perl_group()
        } else if self.eat("(") {
            Ok(Item::Operand(self.group()?.and(CAPTURE)))
        } else if self.eat("|") {
            Ok(Item::Bar)
        } else if self.eat(r"\Q") {
            Ok(self.quotation())
        } else if self.rest().starts_with('[') {
            Ok(Item::Operand(Cost::of(self.class()?)))
        } else if self.rest().starts_with('\\') {
            Ok(Item::Operand(Cost::of(self.escape_sequence()?)))
        } else if self.eat(".") {
            Ok(Item::Operand(ANY_CHARACTER))
        } else {
            Ok(Item::Operand(self.literal()))
        }
    }

    /// A character that stands for itself, or for where a text begins or ends: both take the same.
    fn literal(&mut self) -> Cost {
        let Some(c) = self.take() else { return EMPTY };
        let mut class = Class::new(self.folds);
        class.add((u32::from(c), u32::from(c)));
        Cost::of(class.instructions())
    }

    /// What follows the opening of a group.
    fn group(&mut self) -> Result<Cost, RegexError> {
        self.depth += 1;
        if self.depth > DEEPEST_NESTING {
            return Err(self.error("more than 1000 nested groups"));
        }
        let folds = self.folds;
        let cost = self.alternation()?;
        self.folds = folds;
        self.depth -= 1;
        if self.eat(")") {
            Ok(cost)
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
            return Ok(Item::Operand(self.group()?.and(CAPTURE)));
        }
        let outside = self.folds;
        let mut negated = false;
        let mut bare_sign = false;
        loop {
            match self.take() {
                Some(flag @ ('i' | 'm' | 's' | 'U')) => {
                    bare_sign = false;
                    if flag == 'i' {
                        self.folds = !negated;
                    }
                }
                Some('-') if !negated => (negated, bare_sign) = (true, true),
                Some(')') if !bare_sign => return Ok(Item::Flags),
                Some(':') if !bare_sign => {
                    let cost = self.group()?;
                    self.folds = outside;
                    return Ok(Item::Operand(cost));
                }
                _ => return Err(self.error("unknown flags")),
            }
        }
    }

    /// `\Q` makes all that follows literal, to `\E` or to the end. Only the last character can be repeated.
    fn quotation(&mut self) -> Item {
        let mut quoted = Sequence::new();
        while !self.rest().is_empty() && !self.rest().starts_with(r"\E") {
            quoted.push(self.literal());
        }
        self.eat(r"\E");
        Item::Quotation(quoted)
    }

    /// A repetition operator, if one is next; a brace that is none is a literal.
    fn repetition(&mut self) -> Result<Option<Repetition>, RegexError> {
        let (min, max) = if self.eat("*") {
            (0, None)
        } else if self.eat("+") {
            (1, None)
        } else if self.eat("?") {
            (0, Some(1))
        } else if let Some((min, max, length)) = counted(self.rest()) {
            if max.is_some_and(|max| min > max) {
                return Err(self.error("a repetition whose bounds are swapped"));
            }
            if max.unwrap_or(min) > MOST_REPEATS {
                return Err(self.error("more than 1000 repetitions"));
            }
            self.at += length;
            (min, max)
        } else {
            return Ok(None);
        };
        self.eat("?");
        Ok(Some(Repetition { min, max }))
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
        None => number(inside).map(|count| (count, Some(count), length)),
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
