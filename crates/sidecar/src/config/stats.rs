//! The stats variables: tags and the DogStatsD sink.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use super::endpoint::socket_path;
use super::error::Problem;
use super::reader::Reader;
use super::variables as var;

/// How stats are tagged and where they are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Which tags the bootstrap defines.
    pub tags: StatsTags,
    /// The daemon that gets them; `None` when off, or when the user's sinks file decides.
    pub dogstatsd: Option<DogStatsd>,
}

/// Which tags are set on stats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatsTags {
    /// The user's stats file defines them.
    FromFile,
    /// Those that take protocol and port out of the names of listeners' stats; always there, so that a metric's
    /// name does not depend on a node's number of listeners.
    Listener,
    /// These, and the names of mesh and resource.
    ListenerAndResource,
}

/// A DogStatsD daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DogStatsd {
    /// Over UDP.
    Udp(SocketAddr),
    /// Over a Unix datagram socket.
    Unix(PathBuf),
}

/// Reads tags and sink.
pub(super) fn read(reader: &mut Reader<'_>) -> Stats {
    let resource_tags = reader.flag(&var::STATS_TAGS);
    let tags = match (reader.is_set(&var::STATS_FILE), resource_tags) {
        (true, _) => StatsTags::FromFile,
        (false, true) => StatsTags::ListenerAndResource,
        (false, false) => StatsTags::Listener,
    };
    if tags == StatsTags::FromFile && resource_tags {
        reader.notice(
            &var::STATS_TAGS,
            format!("{} is set and wins", var::STATS_FILE.name),
        );
    }
    Stats {
        tags,
        dogstatsd: dogstatsd(reader),
    }
}

fn dogstatsd(reader: &mut Reader<'_>) -> Option<DogStatsd> {
    if !reader.flag(&var::DOGSTATSD) {
        return None;
    }
    if reader.is_set(&var::SINKS_FILE) {
        reader.notice(
            &var::DOGSTATSD,
            format!("{} is set and wins", var::SINKS_FILE.name),
        );
        return None;
    }
    if reader.is_set(&var::STATSD_SOCKET) {
        return reader
            .parsed(&var::STATSD_SOCKET, socket_path)
            .map(DogStatsd::Unix);
    }
    let address: Option<IpAddr> = reader.parsed(&var::STATSD_ADDRESS, |text| {
        text.parse().map_err(|_| Problem::NotAnAddress)
    });
    let port: Option<u16> = reader.integer(&var::STATSD_PORT);
    Some(DogStatsd::Udp(SocketAddr::new(address?, port?)))
}
