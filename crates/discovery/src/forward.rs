//! Forwarding: the question goes to other resolvers and their answer comes back, records, code and all.
//!
//! It asks from the network namespace of the process' own threads, wherever the question came from. It never asks
//! itself, and never more questions at once than [`MAX_IN_FLIGHT`].

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use hickory_proto::op::{LowerQuery, ResponseCode};
use hickory_proto::rr::{LowerName, Name, RecordType};
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError as Negative, NetError};
use hickory_resolver::{TokioResolver, system_conf};
use tokio::sync::Semaphore;

use crate::answer::Answer;

/// Questions on their way at once; one more is answered with SERVFAIL, which makes its asker try again.
const MAX_IN_FLIGHT: usize = 512;
/// A stub resolver gives up after 5 s (resolv.conf(5)), so the whole forwarding must be faster.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Where names go that the hosts file does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forward {
    /// Nowhere: they do not exist (NXDOMAIN). The server is its clients' only source of names then, and a refusal
    /// would only make them ask again.
    Off,
    /// To the resolvers in `/etc/resolv.conf`, as it is when the server starts.
    System,
    /// To these, over UDP and, for what does not fit, TCP.
    To(Vec<SocketAddr>),
}

/// Why names cannot be forwarded.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// `/etc/resolv.conf` is missing or names no server.
    #[error("cannot use the system's resolvers; give addresses to forward to, or turn forwarding off")]
    System(#[source] NetError),
    /// The list of resolvers is empty.
    #[error("no resolver to forward to; give at least one address, or turn forwarding off")]
    Empty,
    /// A resolver is this server: each question would go round for ever.
    #[error("cannot forward to {0}: this server listens there")]
    Loop(SocketAddr),
    /// The resolver cannot be set up.
    #[error("cannot set up forwarding")]
    Setup(#[source] NetError),
}

pub(crate) struct Forwarder {
    resolver: TokioResolver,
    in_flight: Semaphore,
}

impl Forwarder {
    /// `None` when forwarding is off. `listening` are the server's own addresses.
    pub(crate) fn new(forward: &Forward, listening: &[SocketAddr]) -> Result<Option<Self>, ForwardError> {
        let servers = match forward {
            Forward::Off => return Ok(None),
            Forward::System => system_conf::read_system_conf()
                .map_err(ForwardError::System)?
                .0
                .name_servers()
                .to_vec(),
            Forward::To(addresses) => addresses.iter().copied().map(name_server).collect(),
        };
        if servers.is_empty() {
            return Err(ForwardError::Empty);
        }
        if let Some(own) =
            endpoints(&servers).find(|server| listening.iter().any(|own| reaches(*server, *own)))
        {
            return Err(ForwardError::Loop(own));
        }
        // No search list: the name in the question is complete.
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options();
        let resolver = builder.build().map_err(ForwardError::Setup)?;
        Ok(Some(Self {
            resolver,
            in_flight: Semaphore::new(MAX_IN_FLIGHT),
        }))
    }

    /// What the other resolvers answer; SERVFAIL when none does.
    pub(crate) async fn ask(&self, query: &LowerQuery) -> Answer {
        let Ok(_permit) = self.in_flight.try_acquire() else {
            tracing::warn!(limit = MAX_IN_FLIGHT, "too many forwarded questions at once");
            return Answer::code(ResponseCode::ServFail);
        };
        match self
            .resolver
            .lookup(Name::from(query.name()), query.query_type())
            .await
        {
            Ok(found) => Answer {
                records: found.answers().to_vec(),
                ..Answer::code(ResponseCode::NoError)
            },
            Err(NetError::Dns(Negative::NoRecordsFound(none))) => Answer {
                // The SOA tells the asker for how long it may remember that there is nothing (RFC 2308).
                authorities: none
                    .soa
                    .into_iter()
                    .map(|soa| soa.into_record_of_rdata())
                    .collect(),
                ..Answer::code(none.response_code)
            },
            Err(NetError::Dns(Negative::ResponseCode(code))) => Answer::code(code),
            Err(error) => {
                tracing::debug!(%error, name = %query.name(), "no resolver answered");
                Answer::code(ResponseCode::ServFail)
            }
        }
    }

    /// The addresses that the other resolvers have for a name, of both families.
    pub(crate) async fn addresses(&self, name: &LowerName) -> Found {
        let ask = |kind| self.resolver.lookup(Name::from(name), kind);
        let (v4, v6) = tokio::join!(ask(RecordType::A), ask(RecordType::AAAA));
        let found: Vec<Lookup> = [v4, v6].into_iter().flatten().collect();
        let until = found.iter().map(Lookup::valid_until).min();
        Found {
            addresses: found.iter().flat_map(addresses).collect(),
            expire: until.map_or(Duration::ZERO, |until| {
                until.saturating_duration_since(Instant::now())
            }),
        }
    }
}

/// Addresses that a name resolves to.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// None when there is no such name, or nobody answered.
    pub(crate) addresses: Vec<IpAddr>,
    /// For how long they may be kept.
    pub(crate) expire: Duration,
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

fn options() -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.timeout = TIMEOUT;
    options.attempts = 1;
    options.use_hosts_file = ResolveHosts::Never; // the server's own hosts file is the only one
    options
}

fn addresses(found: &Lookup) -> impl Iterator<Item = IpAddr> {
    found.answers().iter().filter_map(|record| record.data.ip_addr())
}

fn endpoints(servers: &[NameServerConfig]) -> impl Iterator<Item = SocketAddr> {
    let address = |server: &NameServerConfig, via: &ConnectionConfig| SocketAddr::new(server.ip, via.port);
    servers
        .iter()
        .flat_map(move |server| server.connections.iter().map(move |via| address(server, via)))
}

/// Whether a packet to `target` arrives at a socket bound to `own`, as far as the addresses tell.
fn reaches(target: SocketAddr, own: SocketAddr) -> bool {
    let local = target.ip().is_loopback() || target.ip().is_unspecified();
    target.port() == own.port() && (target.ip() == own.ip() || own.ip().is_unspecified() && local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_refuses_to_ask_itself_or_nobody() {
        let own = ["127.0.0.1:7053".parse().unwrap(), "0.0.0.0:53".parse().unwrap()];
        let refused = |to: &str| Forwarder::new(&Forward::To(vec![to.parse().unwrap()]), &own).err();
        assert!(matches!(refused("127.0.0.1:7053"), Some(ForwardError::Loop(_))));
        assert!(matches!(refused("127.0.0.1:53"), Some(ForwardError::Loop(_))));
        assert!(refused("127.0.0.2:7053").is_none());
        assert!(refused("192.0.2.1:53").is_none());
        assert!(matches!(
            Forwarder::new(&Forward::To(vec![]), &own),
            Err(ForwardError::Empty)
        ));
    }
}
