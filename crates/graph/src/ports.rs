//! Which services are called on which port, and that no two of them need the same. Not how they are resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::report::{Place, Report, code};
use crate::service::{HttpOffer, Service, TcpOffer};
use crate::view::{EGRESS_PORT, Egress, HttpService, Route, Target, TargetKey, TcpService};

/// Services by the port that callers connect to.
#[derive(Default)]
pub(crate) struct Ports<'a> {
    http: BTreeMap<u16, Vec<&'a HttpOffer>>,
    tcp: BTreeMap<u16, (&'a Service, &'a TcpOffer)>,
    /// Who is called by a host.
    hosts: BTreeMap<&'a str, &'a str>,
    /// Services that stay known while nobody gets through to them.
    closed: BTreeSet<&'a str>,
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
    pub(crate) fn add(&mut self, service: &'a Service, report: &mut Report) {
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

    /// Connections tell nothing but their destination, so a port has one TCP service.
    fn add_tcp(&mut self, service: &'a Service, offer: &'a TcpOffer, place: &Place<'_>, report: &mut Report) {
        let TcpOffer {
            port, service: tcp, ..
        } = offer;
        if is_own(*port, &tcp.name, place, report) {
            return;
        }
        if let Some((_, first)) = self.tcp.get(port) {
            let message = format!(
                "port {port} already leads to virtual service {}; {} is not reached there",
                first.service.name, tcp.name
            );
            report.error(place, code::PORT_CONFLICT, message);
            return;
        }
        self.tcp.insert(*port, (service, offer));
    }

    /// Takes every destination from a service: it stays known, and nobody gets through to it.
    pub(crate) fn close(&mut self, name: &'a str) {
        self.closed.insert(name);
    }

    /// HTTP services by port and name, the TCP services on ports that no HTTP service is called on, and the targets of
    /// both.
    pub(crate) fn finish(mut self, allow_all: bool, report: &mut Report) -> Egress {
        for (port, offers) in &mut self.http {
            offers.sort_by(|a, b| a.service.name.cmp(&b.service.name));
            let Some((service, tcp)) = self.tcp.remove(port) else {
                continue;
            };
            let message = format!(
                "port {port} is called by HTTP for other services; {} is not reached there",
                tcp.service.name
            );
            report.error(&Place::spec_of(&service.id), code::PORT_CONFLICT, message);
        }
        let http = |offers: &[&HttpOffer]| offers.iter().map(|offer| self.http_service(offer)).collect();
        let http_ports = self.http.iter().map(|(port, offers)| (*port, http(offers)));
        let tcp_ports = self
            .tcp
            .iter()
            .map(|(port, (_, tcp))| (*port, self.tcp_service(tcp)));
        Egress {
            allow_all,
            http_ports: http_ports.collect(),
            tcp_ports: tcp_ports.collect(),
            targets: self.targets(),
        }
    }

    fn http_service(&self, offer: &HttpOffer) -> Arc<HttpService> {
        let mut service = Arc::clone(&offer.service);
        if self.is_closed(&service.name) {
            let routes = &mut Arc::make_mut(&mut service).routes;
            routes.iter_mut().for_each(|route| route.targets.clear());
        }
        service
    }

    fn tcp_service(&self, offer: &TcpOffer) -> Arc<TcpService> {
        let mut service = Arc::clone(&offer.service);
        if self.is_closed(&service.name) {
            Arc::make_mut(&mut service).targets.clear();
        }
        service
    }

    /// Every target of a service that is not closed, in order and each once.
    fn targets(&self) -> Vec<Arc<Target>> {
        let http = self.http.values().flatten();
        let requests = http.map(|offer| (&offer.service.name, &offer.targets));
        let tcp = self.tcp.values();
        let connections = tcp.map(|(_, offer)| (&offer.service.name, &offer.targets));
        let targets: BTreeMap<&TargetKey, &Arc<Target>> = requests
            .chain(connections)
            .filter(|(service, _)| !self.is_closed(service))
            .flat_map(|(_, targets)| targets)
            .map(|target| (&target.key, target))
            .collect();
        targets.into_values().cloned().collect()
    }

    fn is_closed(&self, service: &str) -> bool {
        self.closed.contains(service)
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
                return false;
            }
        }
        self.hosts
            .extend(offer.hosts.iter().map(|host| (host.as_str(), service)));
        true
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
