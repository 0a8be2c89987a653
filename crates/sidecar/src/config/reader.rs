//! Reads single variables by their row in the table and gathers every fault and notice on the way.

use std::fmt::Display;
use std::path::Path;

use super::environment::Environment;
use super::error::{Invalid, Notice, Problem};
use super::variables::{Accepts, Variable};

/// Longest value of a variable, in bytes. Paths may have 4096; nothing else comes near.
const MAX_VALUE_BYTES: usize = 4096;

/// One reading of the environment.
///
/// A method that meets a fault records it and answers as if the variable were unset; the caller finishes the
/// reading and then looks at `errors`, so such an answer never reaches a finished configuration.
pub(super) struct Reader<'a> {
    pub(super) environment: &'a dyn Environment,
    pub(super) errors: Vec<Invalid>,
    pub(super) notices: Vec<Notice>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(environment: &'a dyn Environment) -> Self {
        Self {
            environment,
            errors: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// Whether the user gave a value. Empty counts as unset: templates pass `""` for "not used".
    pub(super) fn is_set(&self, variable: &'static Variable) -> bool {
        self.given(variable).is_some()
    }

    /// The value or its default, as text.
    pub(super) fn text(&mut self, variable: &'static Variable) -> Option<String> {
        self.parsed(variable, |text| Ok::<_, Problem>(text.to_owned()))
    }

    /// The value or its default through `parse`.
    pub(super) fn parsed<T, P: Into<Problem>>(
        &mut self,
        variable: &'static Variable,
        parse: impl FnOnce(&str) -> Result<T, P>,
    ) -> Option<T> {
        let text = self
            .given(variable)
            .or_else(|| variable.default.map(str::to_owned))?;
        match check_text(&text).and_then(|()| parse(&text).map_err(Into::into)) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.errors.push(Invalid {
                    variable,
                    value: Some(text),
                    problem,
                });
                None
            }
        }
    }

    /// On or off.
    pub(super) fn flag(&mut self, variable: &'static Variable) -> bool {
        let parse = |text: &str| match text.to_ascii_lowercase().as_str() {
            "1" | "true" => Ok(true),
            "0" | "false" => Ok(false),
            _ => Err(Problem::NotAFlag),
        };
        self.parsed(variable, parse).unwrap_or_default()
    }

    /// A whole number within the table's bounds, which must fit `T`.
    pub(super) fn integer<T: TryFrom<u64>>(&mut self, variable: &'static Variable) -> Option<T> {
        let (min, max) = bounds(variable);
        self.parsed(variable, |text| {
            let number = text.parse::<u64>().map_err(|_| Problem::NotANumber)?;
            if !(min..=max).contains(&number) {
                return Err(Problem::NotANumber);
            }
            T::try_from(number).map_err(|_| Problem::NotANumber)
        })
    }

    /// A whole number; one outside the bounds becomes the nearest bound, with a notice. The App Mesh agent too
    /// started with such values, so tasks that carry them exist.
    pub(super) fn clamped<T: TryFrom<u64> + Default>(&mut self, variable: &'static Variable) -> T {
        let (min, max) = bounds(variable);
        let given = self.parsed(variable, |text| {
            text.parse::<i64>().map_err(|_| Problem::NotANumber)
        });
        let Some(given) = given else { return T::default() };
        let used = u64::try_from(given).unwrap_or(0).clamp(min, max);
        if i64::try_from(used) != Ok(given) {
            self.notice(
                variable,
                format!("{given} is outside {min} to {max}; {used} is used"),
            );
        }
        T::try_from(used).unwrap_or_default()
    }

    /// One of the table's words, as the table spells it.
    pub(super) fn word(&mut self, variable: &'static Variable) -> Option<&'static str> {
        let Accepts::OneOf(words) = variable.accepts else {
            unreachable!("{} is read as a word and is none in the table", variable.name)
        };
        self.parsed(variable, |text| {
            words
                .iter()
                .copied()
                .find(|word| word.eq_ignore_ascii_case(text))
                .ok_or(Problem::UnknownWord)
        })
    }

    /// The content of the file at `path`, which `variable` names.
    pub(super) fn file(&mut self, variable: &'static Variable, path: &str) -> Option<Vec<u8>> {
        match self.environment.read(Path::new(path)) {
            Ok(content) => Some(content),
            Err(error) => {
                self.reject(
                    variable,
                    Problem::Unreadable {
                        path: path.into(),
                        reason: error.to_string(),
                    },
                );
                None
            }
        }
    }

    /// Records a fault found outside the parsers.
    pub(super) fn reject(&mut self, variable: &'static Variable, problem: Problem) {
        let value = self.given(variable);
        self.errors.push(Invalid {
            variable,
            value,
            problem,
        });
    }

    /// Records something worth knowing.
    pub(super) fn notice(&mut self, variable: &'static Variable, text: impl Display) {
        self.notices.push(Notice {
            variable: variable.name,
            text: text.to_string(),
        });
    }

    fn given(&self, variable: &Variable) -> Option<String> {
        self.environment
            .var(variable.name)
            .filter(|value| !value.is_empty())
    }
}

fn check_text(text: &str) -> Result<(), Problem> {
    if text.len() > MAX_VALUE_BYTES {
        return Err(Problem::TooLong(MAX_VALUE_BYTES));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::ControlCharacter);
    }
    Ok(())
}

fn bounds(variable: &Variable) -> (u64, u64) {
    match variable.accepts {
        Accepts::Integer { min, max } => (min, max),
        _ => unreachable!("{} is read as a number and is none in the table", variable.name),
    }
}
