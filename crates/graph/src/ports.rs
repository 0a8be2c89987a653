//! Which services are called on which port, and that no two of them need the same. Not how they are resolved.

use std::collections::BTreeMap;

use evermesh_model::{Kind, MeshSnapshot, ResourceId};

use crate::report::{Place, Report, code};
use crate::view::{EGRESS_PORT, HttpService, Route, TcpService};

/// Services by the port that callers connect to.
#[derive(Default)]
pub(crate) struct Ports {
    http: BTreeMap<u16, Vec<HttpService>>,
    tcp: BTreeMap<u16, TcpService>,
    /// Who is called by a host; in lower case, as hosts are compared.
    hosts: BTreeMap<String, String>,
}

impl Ports {
    /// Ports on which a service takes requests, ordered.
    pub(crate) fn of(&self, name: &str) -> Vec<u16> {
        let serves = |services: &[HttpService]| services.iter().any(|service| service.name == name);
        let ports = self.http.iter().filter(|(_, services)| serves(services));
        ports.map(|(port, _)| *port).collect()
    }

    /// Routes of a service's requests on a port.
    pub(crate) fn routes(&self, name: &str, port: u16) -> impl Iterator<Item = &Route> {
        let services = self.http.get(&port).into_iter().flatten();
        services
            .filter(move |service| service.name == name)
            .flat_map(|service| &service.routes)
    }

    /// Requests tell their host, so services that are called by different ones share a port.
    pub(crate) fn add_http(
        &mut self,
        service: &str,
        port: u16,
        routes: Vec<Route>,
        place: &Place,
        report: &mut Report,
    ) {
        if is_own(port, service, place, report) || !self.claim_hosts(service, port, place, report) {
            return;
        }
        self.http.entry(port).or_default().push(HttpService {
            name: service.to_owned(),
            routes,
        });
    }

    /// Connections tell nothing but their destination, so a port has one TCP service.
    pub(crate) fn add_tcp(&mut self, port: u16, service: TcpService, place: &Place, report: &mut Report) {
        if is_own(port, &service.name, place, report) {
            return;
        }
        if let Some(first) = self.tcp.get(&port) {
            let message = format!(
                "port {port} already leads to virtual service {}; {} is not reached there",
                first.name, service.name
            );
            report.error(place, code::PORT_CONFLICT, message);
            return;
        }
        self.tcp.insert(port, service);
    }

    /// Takes every destination from a service: it stays known, and nobody gets through to it.
    pub(crate) fn close(&mut self, name: &str) {
        let requests = self.http.values_mut().flatten();
        for service in requests.filter(|service| service.name == name) {
            service.routes.iter_mut().for_each(|route| route.targets.clear());
        }
        for service in self.tcp.values_mut().filter(|service| service.name == name) {
            service.targets.clear();
        }
    }

    /// HTTP services by port and name, and the TCP services on ports that no HTTP service is called on.
    pub(crate) fn finish(
        mut self,
        mesh: &MeshSnapshot,
        report: &mut Report,
    ) -> (BTreeMap<u16, Vec<HttpService>>, BTreeMap<u16, TcpService>) {
        for (port, services) in &mut self.http {
            services.sort_by(|a, b| a.name.cmp(&b.name));
            let Some(tcp) = self.tcp.remove(port) else {
                continue;
            };
            let id = ResourceId::in_mesh(mesh.id.clone(), Kind::VirtualService, &tcp.name);
            let message = format!(
                "port {port} is called by HTTP for other services; {} is not reached there",
                tcp.name
            );
            report.error(&Place::spec_of(id), code::PORT_CONFLICT, message);
        }
        (self.http, self.tcp)
    }

    /// Takes the hosts that a service is called by on a port, if none of them is another service's: `x` and `X` are
    /// the same host, and `x:80` may be a service's name as well as what `x` is asked for.
    fn claim_hosts(&mut self, service: &str, port: u16, place: &Place, report: &mut Report) -> bool {
        if service.contains('*') {
            let message =
                format!("{service} is no host that can be asked for; it is not reached on port {port}");
            report.error(place, code::WILDCARD_HOST, message);
            return false;
        }
        let host = service.to_ascii_lowercase();
        let hosts = [format!("{host}:{port}"), host];
        for host in &hosts {
            if let Some(other) = self.hosts.get(host).filter(|other| *other != service) {
                let message = format!(
                    "host {host} already leads to virtual service {other}; {service} is not reached on port {port}"
                );
                report.error(place, code::HOST_CONFLICT, message);
                return false;
            }
        }
        self.hosts.extend(hosts.map(|host| (host, service.to_owned())));
        true
    }
}

/// Whether nothing can be reached on a port because the proxy itself listens there.
fn is_own(port: u16, service: &str, place: &Place, report: &mut Report) -> bool {
    let own = port == EGRESS_PORT;
    if own {
        let message = format!("port {port} is the proxy's own; {service} is not reached there");
        report.error(place, code::PORT_CONFLICT, message);
    }
    own
}
