//! Formats of access logs, in Envoy's command operators: `%NAME%`, `%NAME(argument)%`, `%NAME(argument):length%`, and
//! `%%` for a percent sign.
//!
//! A format is accepted when every Envoy from 1.36 to 1.40 accepts it, so that a bad one fails at the API and not at a
//! proxy. Source: Envoy's documentation, "Access logging", and what those versions do; a test of `evermesh-translate`
//! compares. The one operator left out is `CEL`, whose argument is a language of its own; App Mesh did not have it.

mod operators;

use operators::{Arguments, Operator};

/// Why a format cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a format that Envoy accepts: {fault} at character {position}")]
pub struct FormatError {
    fault: Fault,
    /// Where the operator begins, in characters from 1.
    position: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("a % that begins no command operator and is not doubled")]
    NoOperator,
    #[error("%{0}%, which is not an operator of every supported Envoy")]
    Unknown(String),
    #[error("%{0}% without an argument")]
    NoArgument(String),
    #[error("%{0}% with an argument, which it does not take")]
    SomeArgument(String),
    #[error("%{0}% with a length, which it does not take")]
    SomeLength(String),
    #[error("%{operator}% with an argument that is not {accepted}")]
    BadArgument {
        operator: String,
        accepted: &'static str,
    },
}

/// Whether Envoy would accept `format`, a text format or a value of a JSON format.
///
/// # Errors
/// The first operator that is wrong, in which way, and where it begins.
pub fn check(format: &str) -> Result<(), FormatError> {
    let mut at = 0;
    while let Some(found) = format[at..].find('%') {
        let start = at + found;
        let error = |fault| FormatError {
            fault,
            position: format[..start].chars().count() + 1,
        };
        let rest = &format[start + 1..];
        let length = if rest.starts_with('%') {
            1
        } else {
            let command = Command::read(rest).ok_or_else(|| error(Fault::NoOperator))?;
            command.check().map_err(error)?;
            command.length
        };
        at = start + 1 + length;
    }
    Ok(())
}

/// What stands between two percent signs.
struct Command<'a> {
    name: &'a str,
    /// Empty where there is none: Envoy makes no difference.
    argument: &'a str,
    has_length: bool,
    /// Bytes of all that, with the closing percent sign.
    length: usize,
}

impl<'a> Command<'a> {
    /// Reads a command after its opening percent sign.
    fn read(text: &'a str) -> Option<Self> {
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let name = &text[..text.find(|c| !is_name(c))?];
        if name.is_empty() {
            return None;
        }
        let rest = &text[name.len()..];
        let (argument, end) = match rest.strip_prefix('(') {
            // The shortest argument with which the command comes to its end, on one line.
            Some(inner) => inner
                .split('\n')
                .next()?
                .match_indices(')')
                .find_map(|(at, _)| Some((&inner[..at], end(&inner[at + 1..])?)))?,
            None => ("", end(rest)?),
        };
        let brackets = if rest.starts_with('(') { 2 } else { 0 };
        Some(Self {
            name,
            argument,
            has_length: end.has_length,
            length: name.len() + brackets + argument.len() + end.length,
        })
    }

    fn check(&self) -> Result<(), Fault> {
        let name = || self.name.to_owned();
        let Some(Operator { arguments, length }) = Operator::named(self.name) else {
            return Err(Fault::Unknown(name()));
        };
        if matches!(arguments, Arguments::None) && !self.argument.is_empty() {
            return Err(Fault::SomeArgument(name()));
        }
        if arguments.are_required() && self.argument.is_empty() {
            return Err(Fault::NoArgument(name()));
        }
        if self.has_length && !length {
            return Err(Fault::SomeLength(name()));
        }
        arguments
            .check(self.argument)
            .map_err(|accepted| Fault::BadArgument {
                operator: name(),
                accepted,
            })
    }
}

/// The end of a command, `:length%` or `%`.
struct End {
    has_length: bool,
    length: usize,
}

fn end(text: &str) -> Option<End> {
    let Some(rest) = text.strip_prefix(':') else {
        return text.starts_with('%').then_some(End {
            has_length: false,
            length: 1,
        });
    };
    let digits = &rest[..rest.find('%')?];
    // Envoy reads the length as a number of 64 bits.
    let is_length = digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u64>().is_ok();
    is_length.then_some(End {
        has_length: true,
        length: 1 + digits.len() + 1,
    })
}
