//! What can be wrong with the environment. All of it is reported together: a container that is restarted once
//! per mistake is a long evening.

use std::fmt;
use std::path::PathBuf;

use super::endpoint::EndpointError;
use super::identity::IdentityError;
use super::overrides::SectionError;
use super::variables::Variable;

/// Longest part of a value that an error shows.
const SHOWN_CHARS: usize = 128;

/// Every fault found in one reading of the environment; never empty.
#[derive(Debug, PartialEq, thiserror::Error)]
pub struct ConfigErrors(pub Vec<Invalid>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(
            f,
            "{count} environment variable{} cannot be used:",
            if count == 1 { "" } else { "s" }
        )?;
        self.0.iter().try_for_each(|invalid| write!(f, "\n  {invalid}"))
    }
}

/// One variable that cannot be used. No variable of the contract carries a secret, so its value is shown.
#[derive(Debug, PartialEq)]
pub struct Invalid {
    /// The variable.
    pub variable: &'static Variable,
    /// Its value, `None` when the fault is that it has none.
    pub value: Option<String>,
    /// Why it cannot be used.
    pub problem: Problem,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.variable.name)?;
        if let Some(value) = &self.value {
            write!(f, "={:?}", value.chars().take(SHOWN_CHARS).collect::<String>())?;
        }
        write!(f, ": {}; accepted: {}", self.problem, self.variable.accepts)
    }
}

/// Why a variable cannot be used.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Problem {
    /// Required, and neither set nor defaulted.
    #[error("it is required and not set")]
    Missing,
    /// Longer than any sensible value.
    #[error("it has more than {0} bytes")]
    TooLong(usize),
    /// A control character, which would end up in logs and metrics.
    #[error("it contains a control character")]
    ControlCharacter,
    /// Not an integer, or outside the bounds.
    #[error("it is not such a number")]
    NotANumber,
    /// Not a flag's value.
    #[error("it is neither on nor off")]
    NotAFlag,
    /// Not one of the words.
    #[error("it is not one of the known words")]
    UnknownWord,
    /// Not an IP address.
    #[error("it is not an IP address")]
    NotAnAddress,
    /// Not a host name either.
    #[error("it is neither an IP address nor a host name")]
    NotAHost,
    /// Not a region code.
    #[error("it is not a region code")]
    NotARegion,
    /// Not the identity of a proxy.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Not an address of a control plane or a socket.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The file it names cannot be read.
    #[error("{path} cannot be read: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file it names has the wrong content.
    #[error("{path}: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        reason: SectionError,
    },
    /// Cannot be used together with another variable.
    #[error("it cannot be combined with {0}")]
    ConflictsWith(&'static str),
    /// The port is one that the proxy's own listeners take.
    #[error("port {0} is the proxy's own listener; the admin interface needs another")]
    ListenerPort(u16),
}

/// Something the user should know that does not stop the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The variable's name.
    pub variable: &'static str,
    /// One sentence.
    pub text: String,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.variable, self.text)
    }
}
