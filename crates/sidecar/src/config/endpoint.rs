//! Addresses the proxy connects to: the control plane, tracing collectors, Unix sockets.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Longest host name of the DNS.
const MAX_HOST_CHARS: usize = 253;
/// Longest label of a host name.
const MAX_LABEL_CHARS: usize = 63;
/// `sun_path` of Linux has 108 bytes, the last a NUL.
const MAX_SOCKET_BYTES: usize = 107;

/// Something to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// Over TCP.
    Tcp {
        /// Name or address.
        host: Host,
        /// 1 to 65535.
        port: u16,
    },
    /// Over a Unix socket.
    Unix(PathBuf),
}

/// An address, or a name that Envoy resolves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// Needs no look-up.
    Ip(IpAddr),
    /// A DNS name.
    Name(String),
}

/// Why a text is not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// A URL where only host and port belong.
    #[error("it is a URL ({0}://); only host and port belong here")]
    Scheme(String),
    /// No `:port` at the end.
    #[error("it has no port")]
    NoPort,
    /// A port that is none.
    #[error("{0:?} is not a port from 1 to 65535")]
    Port(String),
    /// Neither address nor name.
    #[error("{0:?} is neither an IP address nor a host name (IPv6 addresses go in brackets)")]
    Host(String),
    /// A relative or overlong socket path.
    #[error("the socket's path is not absolute or has more than 107 bytes")]
    Socket,
}

/// As it is written in the variable.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp {
                host: Host::Ip(ip),
                port,
            } => SocketAddr::new(*ip, *port).fmt(f),
            Self::Tcp {
                host: Host::Name(name),
                port,
            } => write!(f, "{name}:{port}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if let Some(path) = text.strip_prefix("unix://") {
            return socket_path(path).map(Self::Unix);
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(EndpointError::Scheme(scheme.to_owned()));
        }
        let (host, port) = text.rsplit_once(':').ok_or(EndpointError::NoPort)?;
        let port = match port.parse::<u16>() {
            Ok(number) if number > 0 => number,
            _ => return Err(EndpointError::Port(port.to_owned())),
        };
        let no_host = || EndpointError::Host(host.to_owned());
        let host = match host.strip_prefix('[') {
            Some(rest) => rest
                .strip_suffix(']')
                .and_then(|address| address.parse::<Ipv6Addr>().ok())
                .map(|address| Host::Ip(address.into())),
            // Without brackets an IPv6 address cannot be told from its port.
            None if host.contains(':') => None,
            None => parse_host(host),
        };
        Ok(Self::Tcp {
            host: host.ok_or_else(no_host)?,
            port,
        })
    }
}

/// An IP address (no brackets) or a DNS name; `None` when it is neither.
pub(super) fn parse_host(text: &str) -> Option<Host> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(Host::Ip(address));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let label_fits = |label: &str| {
        (1..=MAX_LABEL_CHARS).contains(&label.len())
            // Underscores are no host names by the letter, yet Compose and Kubernetes users have them.
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    // All digits and dots, yet no address: a typing error such as 10.0.0.256.
    let like_an_address = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let fits = name.len() <= MAX_HOST_CHARS && name.split('.').all(label_fits) && !like_an_address;
    fits.then(|| Host::Name(text.to_owned()))
}

/// A path that a Unix socket can have.
pub(super) fn socket_path(text: &str) -> Result<PathBuf, EndpointError> {
    if text.starts_with('/') && text.len() <= MAX_SOCKET_BYTES {
        Ok(PathBuf::from(text))
    } else {
        Err(EndpointError::Socket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: Host, port: u16) -> Result<Endpoint, EndpointError> {
        Ok(Endpoint::Tcp { host, port })
    }

    #[test]
    fn endpoints_are_parsed_or_say_why_not() {
        let name = |text: &str| Host::Name(text.into());
        let host_error = |text: &str| Err(EndpointError::Host(text.into()));
        let table = [
            ("127.0.0.1:7071", tcp(Host::Ip([127, 0, 0, 1].into()), 7071)),
            ("[::1]:7071", tcp(Host::Ip(Ipv6Addr::LOCALHOST.into()), 7071)),
            ("mesh.example.com:443", tcp(name("mesh.example.com"), 443)),
            ("control_plane:443", tcp(name("control_plane"), 443)),
            (
                "unix:///run/mesh.sock",
                Ok(Endpoint::Unix("/run/mesh.sock".into())),
            ),
            ("unix://mesh.sock", Err(EndpointError::Socket)),
            ("http://mesh:443", Err(EndpointError::Scheme("http".into()))),
            ("mesh.example.com", Err(EndpointError::NoPort)),
            ("mesh:0", Err(EndpointError::Port("0".into()))),
            ("mesh:65536", Err(EndpointError::Port("65536".into()))),
            ("mesh:xds", Err(EndpointError::Port("xds".into()))),
            ("::1:7071", host_error("::1")),
            ("[::1:7071", host_error("[::1")),
            (":7071", host_error("")),
            ("user@mesh:443", host_error("user@mesh")),
            ("10.0.0.256:443", host_error("10.0.0.256")),
        ];
        for (text, expected) in table {
            let parsed = text.parse::<Endpoint>();
            if let Ok(endpoint) = &parsed {
                assert_eq!(endpoint.to_string(), text);
            }
            assert_eq!(parsed, expected, "{text:?}");
        }
    }
}
