//! Which TCP service a connection is for. Connections tell nothing but their destination: a service that is alone on a
//! port is told by the port, and services that share it by the addresses that their names resolve to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::report::{Place, Report, code};
use crate::service::{HttpOffer, Service, TcpOffer};
use crate::supplied::NamedAddresses;

/// A TCP service on a port, as one that calls it has it.
pub(crate) struct Connection<'a> {
    pub(crate) offer: &'a TcpOffer,
    /// Addresses that lead to it; none: all that lead to no other.
    pub(crate) addresses: BTreeSet<IpAddr>,
    /// Whether connections are closed: all that is left to a service of which others have addresses.
    pub(crate) closed: bool,
}

/// Everything that is called on one port. Requests tell their host, so all HTTP services together have whatever no
/// address says is for someone else.
pub(crate) struct Port<'a, 'p> {
    pub(crate) number: u16,
    pub(crate) http: &'p [&'a HttpOffer],
    /// In the order of backends: those before leave what they do not need to those after.
    pub(crate) tcp: &'p [(&'a Service, &'a TcpOffer)],
}

/// What becomes of the TCP services of a port.
#[derive(Default)]
pub(crate) struct Told<'a> {
    /// Ordered by the services' names.
    pub(crate) connections: Vec<Connection<'a>>,
    /// Names of services that are not reached on the port, or not at all their addresses.
    pub(crate) refused: Vec<&'a str>,
}

impl<'a> Port<'a, '_> {
    /// Names whose addresses tell the services of the port apart; none when nothing has to be told apart.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        let http = self.http.iter().map(|offer| offer.service.name.as_str());
        let tcp = self.tcp.iter().map(|(_, offer)| offer.service.name.as_str());
        http.chain(tcp).filter(|_| !self.is_alone())
    }

    /// Gives every service its addresses. A name that is not `known`, because nobody has looked it up, has none.
    pub(crate) fn tell_apart(&self, known: &NamedAddresses, report: &mut Report) -> Told<'a> {
        let mut told = Told::default();
        let mut taken = self.taken_by_http(known);
        let mut rest = self.http.first().map(|offer| offer.service.name.as_str());
        for (service, offer) in self.tcp {
            let name = offer.service.name.as_str();
            let own = if self.is_alone() {
                BTreeSet::new()
            } else {
                addresses(known, name)
            };
            let other = own.iter().find_map(|address| taken.get(address).copied());
            let other = if own.is_empty() { rest } else { other };
            if let Some(other) = other {
                self.report(service, name, other, known, report);
                told.refused.push(name);
            }
            let free: BTreeSet<_> = own.into_iter().filter(|ip| !taken.contains_key(ip)).collect();
            if free.is_empty() {
                if other.is_some() {
                    continue;
                }
                rest = Some(name);
            }
            taken.extend(free.iter().map(|address| (*address, name)));
            told.connections.push(Connection {
                offer,
                addresses: free,
                closed: other.is_some(),
            });
        }
        told.connections
            .sort_by(|a, b| a.offer.service.name.cmp(&b.offer.service.name));
        told
    }

    fn is_alone(&self) -> bool {
        self.http.is_empty() && self.tcp.len() == 1
    }

    fn taken_by_http(&self, known: &NamedAddresses) -> BTreeMap<IpAddr, &'a str> {
        let names = self.http.iter().map(|offer| offer.service.name.as_str());
        names
            .flat_map(|name| addresses(known, name).into_iter().map(move |ip| (ip, name)))
            .collect()
    }

    fn report(
        &self,
        service: &Service,
        name: &str,
        other: &str,
        known: &NamedAddresses,
        report: &mut Report,
    ) {
        let spec = Place::spec_of(&service.id);
        let place = spec.at(service.provider);
        let port = self.number;
        if self.names().all(|name| known.contains_key(&name_key(name))) {
            let message = format!(
                "port {port} already leads to virtual service {other}, and no address that {name} resolves to tells \
                 them apart; {name} is not reached there"
            );
            report.error(&place, code::PORT_CONFLICT, message);
        } else {
            let message = format!(
                "port {port} already leads to virtual service {other}; {name} is reached there as long as the names of \
                 both resolve, and to different addresses"
            );
            report.warning(&place, code::PORT_CONFLICT, message);
        }
    }
}

/// The key of a service's name in [`NamedAddresses`]: names are compared without case.
pub(crate) fn name_key(service: &str) -> String {
    service.to_ascii_lowercase()
}

fn addresses(known: &NamedAddresses, service: &str) -> BTreeSet<IpAddr> {
    let found = known.get(&name_key(service));
    found.map(|addresses| (**addresses).clone()).unwrap_or_default()
}
