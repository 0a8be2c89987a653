//! What goes out: virtual services by the port that callers connect to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Route, Target, WeightedTarget};
use crate::service::hosts;

/// What goes out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Egress {
    /// Whether traffic to anything that is no service of the view may leave.
    pub allow_all: bool,
    /// Services by the port that callers connect to, which is never [`EGRESS_PORT`](super::EGRESS_PORT). No two services of a view share
    /// a host, in whatever case, with or without a port.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub http_ports: BTreeMap<u16, Vec<Arc<HttpService>>>,
    /// TCP services by the port that callers connect to, which is never [`EGRESS_PORT`](super::EGRESS_PORT). On a port of `http_ports` each
    /// has addresses; elsewhere one may be without. No address of a port is there twice.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub tcp_ports: BTreeMap<u16, Vec<TcpDestination>>,
    /// Hosts that are no service's and are answered with 503 on a port, because they are named like one that is not
    /// reached there; in lower case. Only where other hosts may be called.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub refused_hosts: BTreeMap<u16, BTreeSet<String>>,
    /// Every listener of a virtual node that a route of the view leads to, weight 0 included, in order of
    /// [`Target::key`].
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub targets: Vec<Arc<Target>>,
    /// Names whose addresses tell services of the view apart that share a port; in lower case.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
    pub names: BTreeSet<String>,
    /// Of a gateway: hosts of services that requests for other services may come with, because a gateway route lets
    /// them keep it; with those other services' hosts, ordered. Both are called as an [`EgressHost`] is.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub shared_hosts: BTreeMap<String, Vec<String>>,
}

impl Egress {
    /// With the HTTP services of an earlier egress beside its own, as far as no host of theirs leads elsewhere now.
    #[must_use]
    pub fn beside(mut self, earlier: &Self) -> Self {
        let mut known: BTreeMap<String, &str> = BTreeMap::new();
        let mut first_ports: BTreeMap<&str, u16> = BTreeMap::new();
        let own = self.http_ports.clone();
        for (port, service) in offers(&own) {
            known.extend(hosts(&service.name, port).map(|host| (host, service.name.as_str())));
            first_ports.entry(&service.name).or_insert(port);
        }
        for (port, service) in offers(&earlier.http_ports) {
            let name = service.name.as_str();
            // The host without a port means the first one, which must not become another again.
            let is_called = first_ports.get(name).is_some_and(|first| port <= *first);
            let of_port = self.http_ports.entry(port).or_default();
            let is_known = is_called || of_port.iter().any(|own| own.name == name);
            let own_hosts = hosts(name, port);
            if !is_known
                && own_hosts
                    .iter()
                    .all(|host| known.get(host).is_none_or(|own| *own == name))
            {
                known.extend(own_hosts.map(|host| (host, name)));
                of_port.push(Arc::clone(service));
            }
        }
        for (host, others) in &earlier.shared_hosts {
            let shared = self.shared_hosts.entry(host.clone()).or_default();
            shared.extend(others.iter().cloned());
            shared.sort();
            shared.dedup();
        }
        self
    }
}

fn offers(
    http_ports: &BTreeMap<u16, Vec<Arc<HttpService>>>,
) -> impl Iterator<Item = (u16, &Arc<HttpService>)> {
    let ports = http_ports.iter();
    ports.flat_map(|(port, services)| services.iter().map(|service| (*port, service)))
}

/// A port of an HTTP service, by host alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressHost<'e> {
    /// What the host is called: the service's name for the first of its ports, `<name>:<port>` for the others.
    pub name: String,
    /// What requests for it may say that they are for: a name without a port means the first port.
    pub authorities: Vec<String>,
    /// The service.
    pub service: &'e Arc<HttpService>,
}

impl<'e> EgressHost<'e> {
    /// Those of all services, ordered by port and name.
    pub fn all(http_ports: &'e BTreeMap<u16, Vec<Arc<HttpService>>>) -> Vec<Self> {
        let mut known = BTreeSet::new();
        let ports = http_ports.iter();
        let services = ports.flat_map(|(port, services)| services.iter().map(move |service| (port, service)));
        let host = |(port, service): (&u16, &'e Arc<HttpService>)| {
            let name = &service.name;
            let with_port = format!("{name}:{port}");
            let (name, authorities) = if known.insert(name) {
                (name.clone(), vec![name.clone(), with_port])
            } else {
                (with_port.clone(), vec![with_port])
            };
            Self {
                name,
                authorities,
                service,
            }
        };
        services.map(host).collect()
    }
}

/// A virtual service called by HTTP, HTTP/2 or gRPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpService {
    /// Name of the virtual service, which is the host that callers ask for.
    pub name: String,
    /// Routes in the order in which they are tried; none answers every request with 404.
    pub routes: Vec<Route>,
}

/// Where a TCP service is called on a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpDestination {
    /// Addresses that lead to it; none: all that lead to no other service of the port.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
    pub addresses: BTreeSet<IpAddr>,
    /// The service.
    #[serde(flatten)]
    pub service: Arc<TcpService>,
}

/// A virtual service reached by TCP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpService {
    /// Name of the virtual service.
    pub name: String,
    /// Name of the route.
    pub route: String,
    /// Where connections go, as for a [`Route`]; none closes them.
    pub targets: Vec<WeightedTarget>,
    /// How many milliseconds a connection may be quiet; 0: no limit.
    pub idle_timeout: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn egress(services: &[(u16, &str)], shared: &[(&str, &str)]) -> Egress {
        let mut egress = Egress::default();
        for (port, name) in services {
            let service = HttpService {
                name: (*name).to_owned(),
                routes: Vec::new(),
            };
            egress
                .http_ports
                .entry(*port)
                .or_default()
                .push(Arc::new(service));
        }
        for (host, other) in shared {
            let others = egress.shared_hosts.entry((*host).to_owned()).or_default();
            others.push((*other).to_owned());
        }
        egress
    }

    #[test]
    fn earlier_services_stay_beside_unless_their_hosts_lead_elsewhere() {
        let now = egress(&[(80, "a"), (81, "b"), (80, "d:82")], &[("a", "b")]);
        let earlier = egress(
            &[(80, "a"), (79, "b"), (82, "b"), (80, "A"), (80, "c"), (82, "d")],
            &[("a", "c"), ("a", "b")],
        );
        let both = now.beside(&earlier);
        let mut services: Vec<_> = offers(&both.http_ports)
            .map(|(port, service)| (port, service.name.as_str()))
            .collect();
        services.sort_unstable();
        let expected = [(80, "a"), (80, "c"), (80, "d:82"), (81, "b"), (82, "b")];
        assert_eq!(services, expected);
        assert_eq!(both.shared_hosts["a"], ["b", "c"]);
    }
}
