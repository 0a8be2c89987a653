//! Small values that many Envoy resources hold: durations, addresses, configuration sources.

use std::net::{IpAddr, Ipv6Addr};

use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::core::v3::{
    Address, AggregatedConfigSource, ApiVersion, ConfigSource, SocketAddress, address, config_source,
};
use envoy_types::pb::google::protobuf::{BoolValue, Duration, UInt32Value};

/// Milliseconds as a protobuf duration. Envoy adds durations to points in time and counts both in nanoseconds of 64
/// bits, so what is longer than a hundred years is a hundred years.
pub(crate) fn duration(millis: u64) -> Duration {
    const LONGEST: u64 = 100 * 365 * 24 * 60 * 60 * 1000;
    let millis = millis.min(LONGEST);
    Duration {
        seconds: i64::try_from(millis / 1000).unwrap_or_default(),
        nanos: i32::try_from(millis % 1000 * 1_000_000).unwrap_or_default(),
    }
}

pub(crate) fn flag(value: bool) -> BoolValue {
    BoolValue { value }
}

pub(crate) fn number(value: u32) -> UInt32Value {
    UInt32Value { value }
}

pub(crate) fn socket(ip: IpAddr, port: u16) -> Address {
    host(ip.to_string(), port)
}

/// An address that a listener is bound to. All addresses of IPv6 means those of IPv4 as well.
pub(crate) fn bound(ip: IpAddr, port: u16) -> Address {
    let socket = SocketAddress {
        ipv4_compat: ip == IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        ..socket_address(ip.to_string(), port)
    };
    Address {
        address: Some(address::Address::SocketAddress(socket)),
    }
}

/// An address by IP or by host name.
pub(crate) fn host(name: String, port: u16) -> Address {
    let socket = socket_address(name, port);
    Address {
        address: Some(address::Address::SocketAddress(socket)),
    }
}

/// The stream that everything comes by. No time limit: a proxy waits for its configuration rather than serve
/// without.
pub(crate) fn ads() -> ConfigSource {
    ConfigSource {
        config_source_specifier: Some(config_source::ConfigSourceSpecifier::Ads(
            AggregatedConfigSource {},
        )),
        resource_api_version: ApiVersion::V3.into(),
        initial_fetch_timeout: Some(duration(0)),
        ..ConfigSource::default()
    }
}

fn socket_address(address: String, port: u16) -> SocketAddress {
    SocketAddress {
        address,
        port_specifier: Some(PortSpecifier::PortValue(u32::from(port))),
        ..SocketAddress::default()
    }
}
