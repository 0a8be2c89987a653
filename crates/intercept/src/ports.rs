//! A port or a range of ports, as iptables' `multiport` writes them. Never a list: those are `Vec`s of these.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One TCP port (`8080`) or an inclusive range of them (`8000:8010`); neither end is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// Why a text is not a [`PortRange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a port from 1 to 65535 or a range of them such as 8000:8010")]
pub struct PortRangeError;

impl PortRange {
    /// The ports from `first` to `last`, both included.
    pub fn new(first: u16, last: u16) -> Result<Self, PortRangeError> {
        if first == 0 || last < first {
            Err(PortRangeError)
        } else {
            Ok(Self { first, last })
        }
    }

    /// The lowest port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The highest port.
    pub fn last(self) -> u16 {
        self.last
    }

    /// Whether `port` is one of them.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }
}

impl TryFrom<u16> for PortRange {
    type Error = PortRangeError;

    fn try_from(port: u16) -> Result<Self, PortRangeError> {
        Self::new(port, port)
    }
}

impl FromStr for PortRange {
    type Err = PortRangeError;

    fn from_str(text: &str) -> Result<Self, PortRangeError> {
        let port = |text: &str| text.parse::<u16>().map_err(|_| PortRangeError);
        match text.split_once(':') {
            Some((first, last)) => Self::new(port(first)?, port(last)?),
            None => port(text)?.try_into(),
        }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}:{}", self.first, self.last)
        }
    }
}

impl From<PortRange> for String {
    fn from(range: PortRange) -> Self {
        range.to_string()
    }
}

impl TryFrom<String> for PortRange {
    type Error = PortRangeError;

    fn try_from(text: String) -> Result<Self, PortRangeError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_multiport_reads() {
        assert_eq!("80".parse(), PortRange::new(80, 80));
        assert_eq!("8000:8010".parse::<PortRange>().unwrap().to_string(), "8000:8010");
        for bad in [
            "", "0", "65536", "80:", ":80", "90:80", "0:80", "http", "-1", "80-90", " 80",
        ] {
            assert_eq!(bad.parse::<PortRange>(), Err(PortRangeError), "{bad:?}");
        }
    }
}
