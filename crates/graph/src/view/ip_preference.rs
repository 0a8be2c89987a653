//! Versions of IP: which addresses the proxy has itself, and which of others it uses.

use serde::{Deserialize, Serialize};

/// Which of the addresses that a name has are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the API's values")]
pub enum IpPreference {
    /// IPv6, and IPv4 where there is none; what a DNS name means where nothing is said.
    #[default]
    Ipv6Preferred,
    Ipv4Preferred,
    Ipv4Only,
    Ipv6Only,
}

impl IpPreference {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Which addresses the proxy's own sockets have, unless whoever starts it says otherwise. The default is what holds
/// where a mesh says nothing: IPv4 alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Network {
    /// Whether listeners take IPv6 besides IPv4.
    pub listen_on_ipv6: bool,
    /// Whether the local application is at the loopback address of IPv6 rather than that of IPv4.
    pub application_on_ipv6: bool,
}

impl Network {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
