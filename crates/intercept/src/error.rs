//! What can be wrong with interception settings. All mistakes are reported at once, each naming its setting.

use std::fmt;

/// One mistake in the settings of interception. Every one is the user's to correct; a retry cannot help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value, or one entry of a list, cannot be read.
    #[error("{setting}: {value:?} is not {expected}")]
    Invalid {
        /// The variable or property.
        setting: String,
        /// The offending text, cut to a readable length.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A value is longer than what is read at all.
    #[error("{setting} is {length} bytes long; at most {limit} are read")]
    TooLong {
        /// The variable or property.
        setting: String,
        /// Its length in bytes.
        length: usize,
        /// The longest that is read, in bytes.
        limit: usize,
    },
    /// A list has more entries than rules are made for.
    #[error("{setting} has {count} entries; at most {limit} are allowed")]
    TooMany {
        /// The variable or property.
        setting: String,
        /// The number of entries.
        count: usize,
        /// The most that are allowed.
        limit: usize,
    },
    /// No traffic is exempt, so the proxy's own connections would be sent back to the proxy for ever.
    #[error(
        "one of {settings} must be set: the proxy runs with it, so that its own traffic is not redirected"
    )]
    NothingExempt {
        /// The settings that exempt the proxy.
        settings: &'static str,
    },
    /// A setting without which no rule can be made.
    #[error("{setting} must be set")]
    Required {
        /// The variable or property.
        setting: &'static str,
    },
    /// Of two settings that mean something only together, one is missing.
    #[error("{given} is set but {missing} is not: set both or neither")]
    Unpaired {
        /// The one that is set.
        given: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// A property that `proxyConfiguration` does not have.
    #[error("unknown property {name:?}; ECS knows {known}")]
    UnknownProperty {
        /// Its name.
        name: String,
        /// The known names.
        known: String,
    },
    /// A property that is given twice.
    #[error("property {name} is given more than once")]
    RepeatedProperty {
        /// Its name.
        name: String,
    },
    /// The document is not a `proxyConfiguration`.
    #[error("{at}: expected {expected}")]
    Shape {
        /// Where in the document, e.g. `proxyConfiguration.properties[2].value`.
        at: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// The document is not JSON.
    #[error("the proxy configuration is not JSON: {reason}")]
    Json {
        /// What the parser says, with line and column.
        reason: String,
    },
}

/// All mistakes of one set of settings; never empty. Shown one per line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(f, "{line_break}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
