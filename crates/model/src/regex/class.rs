//! Escapes and character classes.

use super::size::Class;
use super::{Parser, RegexError, unicode};

/// The names in `[[:name:]]`, and what they stand for.
#[rustfmt::skip]
const POSIX_CLASSES: [(&str, &[(char, char)]); 14] = [
    ("alnum", &[('0', '9'), ('A', 'Z'), ('a', 'z')]),
    ("alpha", &[('A', 'Z'), ('a', 'z')]),
    ("ascii", &[('\0', '\x7f')]),
    ("blank", &[('\t', '\t'), (' ', ' ')]),
    ("cntrl", &[('\0', '\x1f'), ('\x7f', '\x7f')]),
    ("digit", DIGITS),
    ("graph", &[('!', '~')]),
    ("lower", &[('a', 'z')]),
    ("print", &[(' ', '~')]),
    ("punct", &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
    ("space", &[('\t', '\r'), (' ', ' ')]),
    ("upper", &[('A', 'Z')]),
    ("word", WORD),
    ("xdigit", &[('0', '9'), ('A', 'F'), ('a', 'f')]),
];

/// The classes of Perl, negated when in upper case.
const PERL_CLASSES: [(char, &[(char, char)]); 3] = [
    ('d', DIGITS),
    ('s', &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')]),
    ('w', WORD),
];

const DIGITS: &[(char, char)] = &[('0', '9')];
const WORD: &[(char, char)] = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

impl Parser<'_> {
    /// A backslash and what follows it, outside a class. Gives the instructions that it takes.
    pub(super) fn escape_sequence(&mut self) -> Result<u32, RegexError> {
        if [r"\b", r"\B", r"\A", r"\z", r"\C"]
            .iter()
            .any(|text| self.eat(text))
        {
            return Ok(1);
        }
        let mut class = Class::new(self.folds);
        if !self.shared_class(&mut class)? {
            let code = self.escaped_character()?;
            class.add((code, code));
        }
        Ok(class.instructions())
    }

    /// `[...]`, at its opening bracket. Gives the instructions that it takes.
    pub(super) fn class(&mut self) -> Result<u32, RegexError> {
        self.eat("[");
        let negated = self.eat("^");
        let mut class = Class::new(self.folds);
        let mut first = true;
        while first || !self.rest().starts_with(']') {
            if self.rest().is_empty() {
                return Err(self.error("a missing closing bracket"));
            }
            if !self.posix_class(&mut class)? && !self.shared_class(&mut class)? {
                class.add(self.range()?);
            }
            first = false;
        }
        self.eat("]");
        if negated {
            class.negate();
        }
        Ok(class.instructions())
    }

    /// A character or a range of characters in a class: the first and the last.
    fn range(&mut self) -> Result<(u32, u32), RegexError> {
        let low = self.class_character()?;
        let mut following = self.rest().chars();
        if following.next() != Some('-') || following.next().is_none_or(|c| c == ']') {
            return Ok((low, low));
        }
        self.eat("-");
        let high = self.class_character()?;
        if high < low {
            return Err(self.error("a range whose ends are swapped"));
        }
        Ok((low, high))
    }

    fn class_character(&mut self) -> Result<u32, RegexError> {
        if self.rest().starts_with('\\') {
            return self.escaped_character();
        }
        self.take()
            .map(u32::from)
            .ok_or(self.error("a missing closing bracket"))
    }

    /// `[:name:]`, only in a class. Without its end it is three literal characters.
    fn posix_class(&mut self, class: &mut Class) -> Result<bool, RegexError> {
        let Some((name, _)) = self.rest().strip_prefix("[:").and_then(|r| r.split_once(":]")) else {
            return Ok(false);
        };
        let positive = name.strip_prefix('^').unwrap_or(name);
        let Some((_, ranges)) = POSIX_CLASSES.iter().find(|(known, _)| *known == positive) else {
            return Err(self.error("an unknown character class"));
        };
        class.add_ascii(ranges, positive != name);
        self.at += name.len() + "[::]".len();
        Ok(true)
    }

    /// `\d` and its like, `\pL` and `\p{Name}`, inside and outside a class.
    fn shared_class(&mut self, class: &mut Class) -> Result<bool, RegexError> {
        let letter = self.rest().strip_prefix('\\').and_then(|r| r.chars().next());
        let lower = letter.map(|letter| letter.to_ascii_lowercase());
        if let Some((_, ranges)) = PERL_CLASSES.iter().find(|(name, _)| Some(*name) == lower) {
            class.add_ascii(ranges, letter != lower);
            self.at += r"\d".len();
            return Ok(true);
        }
        if !self.eat(r"\p") && !self.eat(r"\P") {
            return Ok(false);
        }
        let start = self.rest();
        let name = if self.eat("{") {
            let inside = self.until('}').ok_or(self.error("a missing closing brace"))?;
            inside.strip_prefix('^').unwrap_or(inside)
        } else {
            self.take();
            &start[..start.len() - self.rest().len()]
        };
        match unicode::instructions(name) {
            Some(instructions) => class.add_unicode(instructions),
            None => return Err(self.error("an unknown Unicode class before this one,")),
        }
        Ok(true)
    }

    /// A backslash and what stands for one character.
    fn escaped_character(&mut self) -> Result<u32, RegexError> {
        let refused = self.error("an unknown escape");
        self.eat(r"\");
        match self.take().ok_or(refused.clone())? {
            '1'..='7' if !self.rest().starts_with(|c: char| c.is_digit(8)) => Err(refused),
            first @ '0'..='7' => Ok(self.octal(first)),
            'x' => self.hexadecimal().ok_or(refused),
            'a' => Ok(0x07),
            'f' => Ok(0x0c),
            'n' => Ok(0x0a),
            'r' => Ok(0x0d),
            't' => Ok(0x09),
            'v' => Ok(0x0b),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(u32::from(c)),
            _ => Err(refused),
        }
    }

    /// Up to three octal digits, of which the first is read already.
    fn octal(&mut self, first: char) -> u32 {
        let mut value = first.to_digit(8).unwrap_or_default();
        for _ in 0..2 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else {
                break;
            };
            self.take();
            value = value * 8 + digit;
        }
        value
    }

    /// Two hexadecimal digits, or any number of them in braces up to the last code point.
    fn hexadecimal(&mut self) -> Option<u32> {
        let digits = if self.eat("{") {
            self.until('}')?
        } else {
            let digits = self.rest().get(..2)?;
            self.at += 2;
            digits
        };
        let hexadecimal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let significant = digits.trim_start_matches('0');
        let value = match significant {
            "" => 0,
            _ => u32::from_str_radix(significant, 16).ok()?,
        };
        (hexadecimal && value <= u32::from(char::MAX)).then_some(value)
    }
}
