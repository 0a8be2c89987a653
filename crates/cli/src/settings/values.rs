//! Values of settings, read alike from flags, variables and TOML.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use clap::ValueEnum;
use evermesh_discovery::Forward;
use serde::{Deserialize, Deserializer};

const DNS: u16 = 53;

/// Form of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Lines for people, coloured on a terminal.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// What may listen beyond loopback without authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Exposed {
    All,
    Api,
    Xds,
    Dns,
}

impl Exposed {
    pub(crate) fn covers(self, what: Self) -> bool {
        self == Self::All || self == what
    }
}

/// A region's name. It becomes part of ARNs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Region(String);

impl Region {
    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

impl FromStr for Region {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let accepted = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if (1..=63).contains(&text.len()) && text.chars().all(accepted) {
            return Ok(Self(text.to_owned()));
        }
        Err("a region is lower case letters, digits and hyphens, such as us-west-2".to_owned())
    }
}

impl TryFrom<String> for Region {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// Where names are asked for that the hosts file does not have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct DnsForward(pub(crate) Forward);

impl FromStr for DnsForward {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let forward = match text {
            "off" => Forward::Off,
            "system" => Forward::System,
            addresses => Forward::To(addresses.split(',').map(resolver).collect::<Result<_, _>>()?),
        };
        Ok(Self(forward))
    }
}

impl TryFrom<String> for DnsForward {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// An address, on port 53 unless it says another.
fn resolver(text: &str) -> Result<SocketAddr, String> {
    let text = text.trim();
    let address = text
        .parse::<IpAddr>()
        .map(|address| SocketAddr::new(address, DNS));
    address
        .or_else(|_| text.parse())
        .map_err(|_| format!("{text:?} is neither off, system nor an IP address with or without a port"))
}

/// A list, or a single value in its place.
pub(crate) fn one_or_many<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a value or a list of values of this setting")]
    enum OneOrMany<T> {
        One(T),
        Many(Vec<T>),
    }
    Ok(match OneOrMany::deserialize(from)? {
        OneOrMany::One(value) => vec![value],
        OneOrMany::Many(values) => values,
    })
}
