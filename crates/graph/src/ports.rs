//! Which services are called on which port, and that no two of them need the same. Not how they are resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use evermesh_model::spec::ClientPolicyTls;

use crate::connections::{Connection, Port, Told, name_key};
use crate::report::{Place, Report, code};
use crate::service::{HttpOffer, Service, TcpOffer, hosts};
use crate::supplied::NamedAddresses;
use crate::upstreams::{Called, Upstreams};
use crate::view::{EGRESS_PORT, Egress, HttpService, Route, TcpDestination, TcpService};

/// Services by the port that callers connect to.
#[derive(Default)]
pub(crate) struct Ports<'a> {
    http: BTreeMap<u16, Vec<&'a HttpOffer>>,
    /// In the order in which they were added.
    tcp: BTreeMap<u16, Vec<(&'a Service, &'a TcpOffer)>>,
    /// Who is called by a host.
    hosts: BTreeMap<&'a str, &'a str>,
    /// Hosts of services that are not reached on a port.
    refused: BTreeMap<u16, BTreeSet<String>>,
    /// What services are called under.
    policies: BTreeMap<&'a str, &'a ClientPolicyTls>,
}

impl<'a> Ports<'a> {
    /// Ports on which a service takes requests, ordered.
    pub(crate) fn of(&self, name: &str) -> Vec<u16> {
        let serves = |offers: &[&HttpOffer]| offers.iter().any(|offer| offer.service.name == name);
        let ports = self.http.iter().filter(|(_, offers)| serves(offers));
        ports.map(|(port, _)| *port).collect()
    }

    /// Routes of a service's requests on a port.
    pub(crate) fn routes(&self, name: &str, port: u16) -> impl Iterator<Item = &'a Route> {
        let offers = self.http.get(&port).into_iter().flatten();
        offers
            .filter(move |offer| offer.service.name == name)
            .flat_map(|offer| &offer.service.routes)
    }

    /// Lets a service be called on all its ports, as far as the services before it leave them to it.
    pub(crate) fn add(
        &mut self,
        service: &'a Service,
        policy: Option<&'a ClientPolicyTls>,
        report: &mut Report,
    ) {
        self.policies
            .extend(policy.map(|policy| (service.id.name(), policy)));
        let spec = Place::spec_of(&service.id);
        let place = spec.at(service.provider);
        for offer in &service.http {
            self.add_http(offer, &place, report);
        }
        for offer in &service.tcp {
            self.add_tcp(service, offer, &place, report);
        }
    }

    /// Requests tell their host, so services that are called by different ones share a port.
    fn add_http(&mut self, offer: &'a HttpOffer, place: &Place<'_>, report: &mut Report) {
        let port = offer.port;
        if !is_own(port, &offer.service.name, place, report) && self.claim_hosts(offer, place, report) {
            self.http.entry(port).or_default().push(offer);
        }
    }

    fn add_tcp(&mut self, service: &'a Service, offer: &'a TcpOffer, place: &Place<'_>, report: &mut Report) {
        if !is_own(offer.port, &offer.service.name, place, report) {
            self.tcp.entry(offer.port).or_default().push((service, offer));
        }
    }

    /// Services by port and name, and the targets of all. Addresses of names tell TCP services apart that share a
    /// port, as far as they are `known`.
    pub(crate) fn finish(mut self, allow_all: bool, known: &NamedAddresses, report: &mut Report) -> Egress {
        for offers in self.http.values_mut() {
            offers.sort_by(|a, b| a.service.name.cmp(&b.service.name));
        }
        let tcp = self.tell_apart(known, report);
        let upstreams = self.upstreams(tcp.values().flatten());
        let http = |offers: &[&HttpOffer]| {
            let services = offers.iter().map(|offer| http_service(offer, &upstreams));
            services.collect()
        };
        let http_ports = self.http.iter().map(|(port, offers)| (*port, http(offers)));
        let connections = |all: &[Connection<'_>]| {
            let destinations = all.iter().map(|one| tcp_destination(one, &upstreams));
            destinations.collect()
        };
        let tcp_ports = tcp.iter().map(|(port, all)| (*port, connections(all)));
        Egress {
            allow_all,
            http_ports: http_ports.collect(),
            tcp_ports: tcp_ports.collect(),
            refused_hosts: if allow_all {
                self.refused_hosts()
            } else {
                BTreeMap::new()
            },
            names: self.names(),
            targets: upstreams.into_targets(),
            shared_hosts: BTreeMap::new(),
        }
    }

    /// The TCP services that are reached, by port. Notes the hosts of those that are not.
    fn tell_apart(
        &mut self,
        known: &NamedAddresses,
        report: &mut Report,
    ) -> BTreeMap<u16, Vec<Connection<'a>>> {
        let mut reached = BTreeMap::new();
        for (&number, tcp) in &self.tcp {
            let Told { connections, refused } = port(number, &self.http, tcp).tell_apart(known, report);
            let hosts = refused.into_iter().flat_map(|name| hosts(name, number));
            self.refused.entry(number).or_default().extend(hosts);
            if !connections.is_empty() {
                reached.insert(number, connections);
            }
        }
        reached
    }

    /// Names whose addresses tell services apart.
    fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (&number, tcp) in &self.tcp {
            names.extend(port(number, &self.http, tcp).names().map(name_key));
        }
        names
    }

    /// What would pass for a host outside the mesh although it is called like a service. A port that only TCP services
    /// have takes no requests.
    fn refused_hosts(&self) -> BTreeMap<u16, BTreeSet<String>> {
        let mut refused = BTreeMap::new();
        for (port, hosts) in &self.refused {
            let served: BTreeSet<&String> = self
                .http
                .get(port)
                .into_iter()
                .flatten()
                .flat_map(|o| &o.hosts)
                .collect();
            let left: BTreeSet<String> = hosts
                .iter()
                // What has a `*` is no host that can be asked for, and to Envoy it is many.
                .filter(|host| !served.contains(host) && !host.contains('*'))
                .cloned()
                .collect();
            let takes_requests = self.http.contains_key(port) || !self.tcp.contains_key(port);
            if takes_requests && !left.is_empty() {
                refused.insert(*port, left);
            }
        }
        refused
    }

    /// What the services lead to.
    fn upstreams<'c>(&self, connections: impl Iterator<Item = &'c Connection<'a>>) -> Called<'a>
    where
        'a: 'c,
    {
        let http = self.http.values().flatten();
        let requests = http.map(|offer| (offer.service.name.as_str(), &offer.targets));
        let open = connections.filter(|connection| !connection.closed);
        let connections = open.map(|open| (open.offer.service.name.as_str(), &open.offer.targets));
        let mut upstreams = Upstreams::default();
        for (service, targets) in requests.chain(connections) {
            let policy = self.policies.get(service).copied();
            targets
                .iter()
                .for_each(|target| upstreams.add(service, policy, target));
        }
        upstreams.tell_apart()
    }

    /// Takes the hosts that a service is called by on a port, if none of them is another service's: `x` and `X` are
    /// the same host, and `x:80` may be a service's name as well as what `x` is asked for.
    fn claim_hosts(&mut self, offer: &'a HttpOffer, place: &Place<'_>, report: &mut Report) -> bool {
        let (service, port) = (offer.service.name.as_str(), offer.port);
        if service.contains('*') {
            let message =
                format!("{service} is no host that can be asked for; it is not reached on port {port}");
            report.error(place, code::WILDCARD_HOST, message);
            return false;
        }
        for host in &offer.hosts {
            if let Some(other) = self.hosts.get(host.as_str()).filter(|other| **other != service) {
                let message = format!(
                    "host {host} already leads to virtual service {other}; {service} is not reached on port {port}"
                );
                report.error(place, code::HOST_CONFLICT, message);
                let refused = self.refused.entry(port).or_default();
                refused.extend(offer.hosts.iter().cloned());
                return false;
            }
        }
        self.hosts
            .extend(offer.hosts.iter().map(|host| (host.as_str(), service)));
        true
    }
}

/// A port on which TCP services are called, with everything else that is called there.
fn port<'a, 'p>(
    number: u16,
    http: &'p BTreeMap<u16, Vec<&'a HttpOffer>>,
    tcp: &'p [(&'a Service, &'a TcpOffer)],
) -> Port<'a, 'p> {
    let http = http.get(&number).map(Vec::as_slice).unwrap_or_default();
    Port { number, http, tcp }
}

/// A service as its callers share it, unless its targets are called otherwise here.
fn http_service(offer: &HttpOffer, upstreams: &Called<'_>) -> Arc<HttpService> {
    let mut service = Arc::clone(&offer.service);
    if upstreams.renames(&offer.service.name) {
        let routes = &mut Arc::make_mut(&mut service).routes;
        routes
            .iter_mut()
            .for_each(|route| upstreams.rename(&offer.service.name, &mut route.targets));
    }
    service
}

fn tcp_destination(connection: &Connection<'_>, upstreams: &Called<'_>) -> TcpDestination {
    let mut service = Arc::clone(&connection.offer.service);
    if connection.closed {
        let service: &mut TcpService = Arc::make_mut(&mut service);
        service.targets.clear();
    } else if upstreams.renames(&connection.offer.service.name) {
        let service: &mut TcpService = Arc::make_mut(&mut service);
        upstreams.rename(&connection.offer.service.name, &mut service.targets);
    }
    TcpDestination {
        addresses: connection.addresses.clone(),
        service,
    }
}

/// Whether nothing can be reached on a port because the proxy itself listens there.
fn is_own(port: u16, service: &str, place: &Place<'_>, report: &mut Report) -> bool {
    let own = port == EGRESS_PORT;
    if own {
        let message = format!("port {port} is the proxy's own; {service} is not reached there");
        report.error(place, code::PORT_CONFLICT, message);
    }
    own
}
