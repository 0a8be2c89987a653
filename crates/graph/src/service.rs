//! Virtual services as anyone who calls them sees them: on which ports, and which routes there.

use std::sync::Arc;

use evermesh_model::spec::{Listener, VirtualNodeSpec, VirtualServiceProvider, VirtualServiceSpec};
use evermesh_model::{Diagnostic, Kind, MeshSnapshot, ResourceId};

use crate::defaults;
use crate::node::protocol;
use crate::report::{Place, Report, code};
use crate::router;
use crate::targets::Targets;
use crate::view::{HttpService, PathMatch, RequestMatch, Route, Target, TcpService, WeightedTarget};

/// What follows when it is not known where a service is called: the egress filter decides.
pub(crate) fn as_outside(service: &str) -> String {
    format!("calls to {service} are treated like those to any host outside the mesh")
}

/// Hosts that a service is called by on a port, with the port and without; in lower case, as hosts are compared.
pub(crate) fn hosts(service: &str, port: u16) -> [String; 2] {
    let host = service.to_ascii_lowercase();
    [format!("{host}:{port}"), host]
}

/// A virtual service, the same for all its callers. Whether a caller reaches it on a port is for [`crate::ports`].
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) id: ResourceId,
    /// Member of the spec that says who provides the service.
    pub(crate) provider: &'static str,
    pub(crate) http: Vec<HttpOffer>,
    pub(crate) tcp: Vec<TcpOffer>,
    /// What is wrong on the way from the service to its targets.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// A port on which a service takes requests.
#[derive(Debug)]
pub(crate) struct HttpOffer {
    pub(crate) port: u16,
    pub(crate) service: Arc<HttpService>,
    /// See [`hosts`].
    pub(crate) hosts: [String; 2],
    pub(crate) targets: Vec<Arc<Target>>,
}

/// A port on which a service takes connections.
#[derive(Debug)]
pub(crate) struct TcpOffer {
    pub(crate) port: u16,
    pub(crate) service: Arc<TcpService>,
    pub(crate) targets: Vec<Arc<Target>>,
}

impl Service {
    pub(crate) fn resolve(mesh: &MeshSnapshot, name: &str, spec: &VirtualServiceSpec) -> Self {
        let id = ResourceId::in_mesh(mesh.id.clone(), Kind::VirtualService, name);
        let mut offers = Offers::new(mesh, name);
        let provider = offers.add_provider(spec, &Place::spec_of(&id));
        Self {
            id,
            provider,
            http: offers.http,
            tcp: offers.tcp,
            diagnostics: offers.report.into_diagnostics(),
        }
    }

    /// Where the service leads, on any of its ports.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &Arc<Target>> {
        let requests = self.http.iter().flat_map(|offer| &offer.targets);
        requests.chain(self.tcp.iter().flat_map(|offer| &offer.targets))
    }
}

/// Collects what a service offers, port by port.
pub(crate) struct Offers<'a> {
    pub(crate) mesh: &'a MeshSnapshot,
    /// Name of the service.
    pub(crate) service: &'a str,
    pub(crate) report: Report,
    pub(crate) targets: Targets<'a>,
    http: Vec<HttpOffer>,
    tcp: Vec<TcpOffer>,
}

impl<'a> Offers<'a> {
    fn new(mesh: &'a MeshSnapshot, service: &'a str) -> Self {
        Self {
            mesh,
            service,
            report: Report::default(),
            targets: Targets::new(mesh),
            http: Vec::new(),
            tcp: Vec::new(),
        }
    }

    /// Answers the member that says who provides the service.
    fn add_provider(&mut self, spec: &VirtualServiceSpec, place: &Place<'_>) -> &'static str {
        match &spec.provider {
            None => {
                let message = format!(
                    "virtual service {0} has no provider; {1}",
                    self.service,
                    as_outside(self.service)
                );
                self.report
                    .warning(&place.at("provider"), code::SERVICE_WITHOUT_PROVIDER, message);
                "provider"
            }
            Some(VirtualServiceProvider::VirtualNode(provider)) => {
                let member = "provider.virtualNode";
                self.add_node(&provider.virtual_node_name, &place.at(member));
                member
            }
            Some(VirtualServiceProvider::VirtualRouter(provider)) => {
                let member = "provider.virtualRouter";
                router::add_to(self, &provider.virtual_router_name, &place.at(member));
                member
            }
        }
    }

    pub(crate) fn add_http(&mut self, port: u16, routes: Vec<Route>) {
        self.http.push(HttpOffer {
            port,
            targets: self.targets.of(routes.iter().flat_map(|route| &route.targets)),
            service: Arc::new(HttpService {
                name: self.service.to_owned(),
                routes,
            }),
            hosts: hosts(self.service, port),
        });
    }

    pub(crate) fn add_tcp(&mut self, port: u16, service: TcpService) {
        self.tcp.push(TcpOffer {
            port,
            targets: self.targets.of(&service.targets),
            service: Arc::new(service),
        });
    }

    /// A service that a virtual node provides: every listener of the node, under the default policies.
    fn add_node(&mut self, name: &str, place: &Place<'_>) {
        let Some(node) = self.mesh.virtual_nodes.get(name) else {
            let message = format!("there is no virtual node {name}");
            self.report
                .error(&place.at("virtualNodeName"), code::DANGLING_REFERENCE, message);
            return;
        };
        let listeners = node.listeners.as_deref().unwrap_or_default();
        if listeners.is_empty() {
            let message = format!(
                "virtual node {name} has no listener; {}",
                as_outside(self.service)
            );
            self.report.error(
                &place.at("virtualNodeName"),
                code::TARGET_WITHOUT_LISTENER,
                message,
            );
        }
        for listener in listeners {
            self.add_listener(name, node, listener, place);
        }
    }

    fn add_listener(&mut self, name: &str, node: &VirtualNodeSpec, listener: &Listener, place: &Place<'_>) {
        let target = self.targets.target(name, node, listener, place, &mut self.report);
        let whole = |target| WeightedTarget { target, weight: 1 };
        let targets = target.into_iter().map(whole).collect();
        let port = listener.port_mapping.port;
        if protocol(listener.port_mapping.protocol).is_http() {
            let route = Route {
                name: self.service.to_owned(),
                matches: RequestMatch::path(PathMatch::Prefix("/".to_owned())),
                targets,
                timeouts: defaults::TIMEOUTS,
                retry: defaults::retry_policy(),
            };
            self.add_http(port, vec![route]);
        } else {
            let tcp = TcpService {
                name: self.service.to_owned(),
                route: self.service.to_owned(),
                targets,
                idle_timeout: defaults::TIMEOUTS.idle,
            };
            self.add_tcp(port, tcp);
        }
    }
}
