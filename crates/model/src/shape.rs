//! Reading API shapes from JSON, collecting every violation with its path.
//!
//! A [`Shape`] is read from untrusted JSON in one pass which checks types, required and unknown members, bounds,
//! enumerations and unions, and goes on after a fault, so that a user sees all of them at once. What the read
//! returns is valid in itself; rules that span members are in [`crate::validate`].

use std::fmt;

use serde_json::{Map, Value};

/// A type that can be read from JSON with every violation reported. Derived by `#[derive(Shape)]`.
pub trait Shape: Sized {
    /// What [`Bounds`] on a member of this type are about.
    const MEASURE: Measure = Measure::Nothing;

    /// The value, or `None` when at least one violation was reported to `reader`.
    fn read(value: &Value, reader: &mut Reader) -> Option<Self>;
}

/// One fault of an input: where it is and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Dotted path from the root of the input, such as `spec.listeners[0].portMapping.port`; empty for the root.
    pub path: String,
    /// What is wrong and what is accepted, as a clause without a final stop.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

/// The faults of an input, in the order of reading. Never empty when returned as an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    /// The most faults that are recorded of one input: enough to act on, and a bound on what a hostile one costs.
    pub const MOST: usize = 100;

    /// Records one more fault, unless there are [`Violations::MOST`] already.
    pub fn push(&mut self, path: impl Into<String>, message: impl Into<String>) {
        if self.0.len() < Self::MOST {
            self.0.push(Violation {
                path: path.into(),
                message: message.into(),
            });
        }
    }

    /// `Ok` when there is none.
    ///
    /// # Errors
    /// The violations themselves.
    pub fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{violation}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}

/// Reads a shape whose path starts at the root.
///
/// # Errors
/// Every violation found.
pub fn from_value<T: Shape>(value: &Value) -> Result<T, Violations> {
    from_value_at("", value)
}

/// Reads a shape found at `path` of a larger input, so that violations name the whole path.
///
/// # Errors
/// Every violation found.
pub fn from_value_at<T: Shape>(path: &str, value: &Value) -> Result<T, Violations> {
    let mut reader = Reader {
        path: path.to_owned(),
        violations: Violations::default(),
    };
    match T::read(value, &mut reader) {
        Some(read) if reader.violations.0.is_empty() => Ok(read),
        _ => Err(reader.violations),
    }
}

/// What of a value its [`Bounds`] limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The type has no bounds.
    Nothing,
    /// The value of a number.
    Value,
    /// The length of a string, in characters.
    Length,
    /// The number of items of a list.
    Items,
}

/// Bounds of a number's value, a string's length in characters or a list's number of items.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bounds {
    /// Smallest allowed.
    pub min: Option<i64>,
    /// Largest allowed.
    pub max: Option<i64>,
}

/// Where a read stands, and what it has found wrong.
#[derive(Debug, Default)]
pub struct Reader {
    path: String,
    violations: Violations,
}

impl Reader {
    /// Reports a violation at the current path.
    pub fn fail(&mut self, message: impl Into<String>) {
        self.violations.push(self.path.clone(), message);
    }

    /// Runs `read` with the path extended by a member.
    pub fn within_field<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let separator = if self.path.is_empty() { "" } else { "." };
        self.within(&format!("{separator}{name}"), read)
    }

    fn within_index<T>(&mut self, index: usize, read: impl FnOnce(&mut Self) -> T) -> T {
        self.within(&format!("[{index}]"), read)
    }

    fn within<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        self.path.push_str(step);
        let out = read(self);
        self.path.truncate(length);
        out
    }

    /// The value as an object with no members but `known`.
    pub fn object<'v>(&mut self, value: &'v Value, known: &[&str]) -> Option<&'v Map<String, Value>> {
        let Value::Object(object) = value else {
            self.fail(format!("must be an object, is {}", describe(value)));
            return None;
        };
        for (name, value) in object {
            if !known.contains(&name.as_str()) && !value.is_null() {
                self.within_field(&excerpt(name), |r| {
                    r.fail(format!("unknown field; known are {}", known.join(", ")))
                });
            }
        }
        Some(object)
    }

    /// A member that must be there.
    pub fn required<T: Shape>(
        &mut self,
        object: &Map<String, Value>,
        name: &str,
        bounds: Bounds,
        check: impl FnOnce(&T) -> Result<(), String>,
    ) -> Option<T> {
        match object.get(name) {
            None | Some(Value::Null) => {
                self.within_field(name, |reader| reader.fail("is required"));
                None
            }
            Some(value) => self.within_field(name, |reader| reader.bounded(value, bounds, check)),
        }
    }

    /// A member that may be absent; `null` means absent, as for the AWS services.
    pub fn optional<T: Shape>(
        &mut self,
        object: &Map<String, Value>,
        name: &str,
        bounds: Bounds,
        check: impl FnOnce(&T) -> Result<(), String>,
    ) -> Option<Option<T>> {
        match object.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => self
                .within_field(name, |reader| reader.bounded(value, bounds, check))
                .map(Some),
        }
    }

    /// A value within bounds that passes a check.
    pub fn bounded<T: Shape>(
        &mut self,
        value: &Value,
        bounds: Bounds,
        check: impl FnOnce(&T) -> Result<(), String>,
    ) -> Option<T> {
        if let Some(message) = outside(T::MEASURE, value, bounds) {
            self.fail(message);
            return None;
        }
        let read = T::read(value, self)?;
        match check(&read) {
            Ok(()) => Some(read),
            Err(message) => {
                self.fail(message);
                None
            }
        }
    }

    /// The value as a string.
    pub fn text<'v>(&mut self, value: &'v Value) -> Option<&'v str> {
        if let Value::String(text) = value {
            return Some(text);
        }
        self.fail(format!("must be a string, is {}", describe(value)));
        None
    }

    /// Reports that a string is none of an enumeration's values.
    pub fn not_one_of<T>(&mut self, text: &str, accepted: &[&str]) -> Option<T> {
        self.fail(format!(
            "must be one of {}, is \"{}\"",
            accepted.join(", "),
            excerpt(text)
        ));
        None
    }

    /// The one member of a union.
    pub fn union_member<'v>(
        &mut self,
        value: &'v Value,
        known: &[&'static str],
    ) -> Option<(&'static str, &'v Value)> {
        let object = self.object(value, known)?;
        let set: Vec<_> = known
            .iter()
            .filter_map(|name| Some((*name, object.get(*name)?)))
            .filter(|(_, v)| !v.is_null())
            .collect();
        if let [member] = set.as_slice() {
            return Some(*member);
        }
        let found = match set.len() {
            0 => "none is".to_owned(),
            _ => format!(
                "{} are",
                set.iter()
                    .map(|(name, _)| *name)
                    .collect::<Vec<_>>()
                    .join(" and ")
            ),
        };
        self.fail(format!(
            "exactly one of {} must be set, {found}",
            known.join(", ")
        ));
        None
    }
}

/// What is wrong when the value is outside its bounds. A value of another type than the member's is not measured:
/// reading it will say what is wrong with it.
fn outside(measure: Measure, value: &Value, bounds: Bounds) -> Option<String> {
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let measured = match (measure, value) {
        (Measure::Value, Value::Number(number)) => number.as_i64()?,
        (Measure::Length, Value::String(text)) => count(text.chars().count()),
        (Measure::Items, Value::Array(items)) => count(items.len()),
        _ => return None,
    };
    let within = bounds.min.is_none_or(|min| measured >= min) && bounds.max.is_none_or(|max| measured <= max);
    if within {
        return None;
    }
    let range = match (bounds.min, bounds.max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => return None,
    };
    Some(match measure {
        Measure::Length => format!("must be {range} characters long, is {measured}"),
        Measure::Items => format!("must have {range} items, has {measured}"),
        Measure::Value | Measure::Nothing => format!("must be {range}, is {measured}"),
    })
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => format!("the boolean {flag}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the string \"{}\"", excerpt(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// The start of a text that came from outside, short enough for a message.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 64;
    if text.chars().count() <= LONGEST {
        text.to_owned()
    } else {
        format!("{}...", text.chars().take(LONGEST).collect::<String>())
    }
}

impl Shape for String {
    const MEASURE: Measure = Measure::Length;

    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        reader.text(value).map(str::to_owned)
    }
}

impl Shape for bool {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        if let Value::Bool(flag) = value {
            return Some(*flag);
        }
        reader.fail(format!("must be true or false, is {}", describe(value)));
        None
    }
}

/// For members that few have of something that there is much of: absent, they take the room of a pointer.
impl<T: Shape> Shape for Box<T> {
    const MEASURE: Measure = T::MEASURE;

    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        T::read(value, reader).map(Self::new)
    }
}

impl<T: Shape> Shape for Vec<T> {
    const MEASURE: Measure = Measure::Items;

    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let Value::Array(items) = value else {
            reader.fail(format!("must be a list, is {}", describe(value)));
            return None;
        };
        // Collected first, so that every item is read even when an early one is wrong.
        let read: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(i, item)| reader.within_index(i, |r| T::read(item, r)))
            .collect();
        read.into_iter().collect()
    }
}

macro_rules! integer_shape {
    ($($integer:ty),*) => {$(
        impl Shape for $integer {
            const MEASURE: Measure = Measure::Value;

            fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
                let Value::Number(number) = value else {
                    reader.fail(format!("must be an integer, is {}", describe(value)));
                    return None;
                };
                let read = number.as_i64().and_then(|n| <$integer>::try_from(n).ok());
                if read.is_none() {
                    reader.fail(format!(
                        "must be an integer of {} to {}, is {number}", <$integer>::MIN, <$integer>::MAX
                    ));
                }
                read
            }
        }
    )*};
}

integer_shape!(u16, u32, i64, u64);
