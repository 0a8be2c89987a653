//! Resources that are not built yet: each a constructor with exactly what it is built from.
//!
//! Equal pieces build equal resources. Whoever still has what an equal piece built last time need not build it again,
//! and most changes of a mesh touch only a few of a proxy's many resources.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::endpoint::v3::ClusterLoadAssignment;
use envoy_types::pb::envoy::config::listener::v3::Listener;
use envoy_types::pb::envoy::config::route::v3::RouteConfiguration;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::Secret;
use evermesh_graph::supplied::{Instances, Supplied};
use evermesh_graph::view::{
    AccessLog, AppListener, Discovery, EGRESS_PORT, Egress, GatewayListener, HttpService, INGRESS_PORT,
    Ingress, ProxyView, Target, TcpDestination,
};

use crate::listener::HTTPS_PORT;
use crate::secret::{self, Content};
use crate::{Placement, cluster, endpoint, listener, names, route};

/// A resource that is not built yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece<'v>(Inputs<'v>);

/// A resource of one of the types that proxies are given.
#[derive(Clone, PartialEq)]
#[allow(missing_docs, reason = "Envoy's types")]
#[allow(
    clippy::large_enum_variant,
    reason = "it lives until it is encoded, one at a time"
)]
pub enum Resource {
    Cluster(Cluster),
    Endpoint(ClusterLoadAssignment),
    Listener(Listener),
    Route(RouteConfiguration),
    Secret(Secret),
}

impl fmt::Debug for Resource {
    /// Without the content of secrets: a key must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster(cluster) => cluster.fmt(f),
            Self::Endpoint(endpoints) => endpoints.fmt(f),
            Self::Listener(listener) => listener.fmt(f),
            Self::Route(routes) => routes.fmt(f),
            Self::Secret(secret) => f
                .debug_struct("Secret")
                .field("name", &secret.name)
                .finish_non_exhaustive(),
        }
    }
}

/// Types of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "Envoy's types")]
pub enum ResourceKind {
    Cluster,
    Endpoint,
    Listener,
    Route,
    Secret,
}

/// The virtual node or gateway that a proxy is of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Owner<'v> {
    pub(crate) mesh: &'v str,
    pub(crate) name: &'v str,
}

/// A port of a gateway, with what its resources are named by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct GatewayPort<'v> {
    pub(crate) owner: Owner<'v>,
    pub(crate) listener: &'v GatewayListener,
    /// Whether the gateway has others: then names say which one it is.
    pub(crate) is_one_of_several: bool,
}

/// What the egress listener is built from. What HTTP services there are is the matter of route configurations.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EgressListener<'v> {
    pub(crate) mesh: &'v str,
    pub(crate) http_ports: BTreeSet<u16>,
    pub(crate) tcp_ports: &'v BTreeMap<u16, Vec<TcpDestination>>,
    /// Hosts that are asked for by HTTP on the port of HTTPS, without ports and in lower case; empty unless other hosts
    /// may be called there.
    pub(crate) plain_https_hosts: BTreeSet<String>,
    pub(crate) allow_all: bool,
    pub(crate) log: Option<&'v AccessLog>,
    pub(crate) bind: IpAddr,
}

/// What the routes of a port that requests go out by are built from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EgressRoutes<'v> {
    pub(crate) mesh: &'v str,
    pub(crate) port: u16,
    pub(crate) services: &'v [Arc<HttpService>],
    pub(crate) refused_hosts: Vec<&'v str>,
    /// Whether other hosts may be called.
    pub(crate) allow_all: bool,
}

type Log<'v> = Option<&'v AccessLog>;
type HttpPorts<'v> = &'v BTreeMap<u16, Vec<Arc<HttpService>>>;

#[derive(Debug, Clone, PartialEq)]
enum Inputs<'v> {
    AppCluster(Owner<'v>, &'v AppListener, IpAddr),
    AppsListener(Owner<'v>, &'v [AppListener], Log<'v>, IpAddr),
    AppRoutes(Owner<'v>, &'v AppListener),
    GatewayCluster(GatewayPort<'v>, IpAddr),
    GatewayListener(GatewayPort<'v>, Log<'v>, IpAddr),
    GatewayRoutes(GatewayPort<'v>),
    TargetCluster(&'v str, &'v Target),
    TargetEndpoints(&'v str, &'v Target, &'v Instances),
    /// By its name.
    OutsideCluster(String),
    /// By its name.
    Secret(String, Content<'v>),
    EgressListener(EgressListener<'v>),
    EgressRoutes(EgressRoutes<'v>),
    DirectEgressRoutes(&'v str, HttpPorts<'v>),
    /// With the hosts that several services share.
    GatewayEgressRoutes(&'v str, HttpPorts<'v>, &'v BTreeMap<String, Vec<String>>),
}

/// Everything that a proxy is to have and that is made of its view alone, in no particular order; names are unique
/// within a type.
pub fn pieces<'v>(view: &'v ProxyView, placement: &Placement) -> Vec<Piece<'v>> {
    let owner = Owner {
        mesh: &view.mesh,
        name: &view.name,
    };
    let mut inputs = ingress(owner, view, placement);
    inputs.extend(egress(view, placement));
    let files = secret::files(view).into_iter();
    inputs.extend(files.map(|(name, content)| Inputs::Secret(name, content)));
    inputs.into_iter().map(Piece).collect()
}

/// What a proxy is to have besides, made of what is supplied. What is not known yet is left out: the proxy waits for it.
pub fn supplied_pieces<'v>(view: &'v ProxyView, supplied: &'v Supplied) -> Vec<Piece<'v>> {
    let targets = view.egress.targets.iter();
    let endpoints = targets.filter_map(|target| match &target.discovery {
        Discovery::CloudMap(service) => {
            let instances = supplied.endpoints.get(service)?;
            Some(Inputs::TargetEndpoints(&view.mesh, target, instances))
        }
        Discovery::DnsLoadBalancer(_) | Discovery::DnsEndpoints(_) => None,
    });
    let secrets = secret::supplied(view, supplied).into_iter();
    let secrets = secrets.map(|(name, content)| Inputs::Secret(name, content));
    endpoints.chain(secrets).map(Piece).collect()
}

/// Of a gateway that let requests elsewhere in `earlier` views, the newest first: what its egress does with them while
/// both may come, under the name of what it does with them afterwards. Requests pass both, one after the other, and
/// nothing changes both at once.
pub fn interim_routes(view: &ProxyView, earlier: &[Arc<ProxyView>]) -> Option<RouteConfiguration> {
    let is_gateway = matches!(view.ingress, Ingress::VirtualGateway(_));
    if !is_gateway || earlier.iter().all(|earlier| earlier.ingress == view.ingress) {
        return None;
    }
    let beside = |egress: Egress, earlier: &Arc<ProxyView>| egress.beside(&earlier.egress);
    let egress = earlier.iter().fold(view.egress.clone(), beside);
    Some(route::gateway_egress(
        &view.mesh,
        &egress.http_ports,
        &egress.shared_hosts,
    ))
}

impl Piece<'_> {
    /// The type of what it builds.
    pub fn kind(&self) -> ResourceKind {
        match &self.0 {
            Inputs::AppCluster(..)
            | Inputs::GatewayCluster(..)
            | Inputs::TargetCluster(..)
            | Inputs::OutsideCluster(..) => ResourceKind::Cluster,
            Inputs::TargetEndpoints(..) => ResourceKind::Endpoint,
            Inputs::AppsListener(..) | Inputs::GatewayListener(..) | Inputs::EgressListener(..) => {
                ResourceKind::Listener
            }
            Inputs::AppRoutes(..)
            | Inputs::GatewayRoutes(..)
            | Inputs::EgressRoutes(..)
            | Inputs::DirectEgressRoutes(..)
            | Inputs::GatewayEgressRoutes(..) => ResourceKind::Route,
            Inputs::Secret(..) => ResourceKind::Secret,
        }
    }

    /// The name of what it builds.
    pub fn name(&self) -> String {
        match &self.0 {
            Inputs::AppCluster(owner, app, _) => names::local_application(*owner, app.protocol, app.port),
            Inputs::GatewayCluster(port, _) => names::self_redirect(*port),
            Inputs::TargetCluster(mesh, target) | Inputs::TargetEndpoints(mesh, target, _) => {
                names::target(mesh, &target.key)
            }
            Inputs::OutsideCluster(name) | Inputs::Secret(name, _) => name.clone(),
            Inputs::AppsListener(..) => names::ingress_listener(INGRESS_PORT),
            Inputs::GatewayListener(port, ..) => names::ingress_listener(port.listener.port),
            Inputs::EgressListener(..) => names::egress_listener(),
            Inputs::AppRoutes(_, app) => names::ingress_routes(app.port),
            Inputs::GatewayRoutes(port) => names::ingress_routes(port.listener.port),
            Inputs::EgressRoutes(inputs) => names::egress_routes(inputs.port),
            Inputs::DirectEgressRoutes(..) | Inputs::GatewayEgressRoutes(..) => {
                names::egress_routes(EGRESS_PORT)
            }
        }
    }

    /// Builds it.
    pub fn build(&self) -> Resource {
        match &self.0 {
            Inputs::AppCluster(owner, app, address) => {
                Resource::Cluster(cluster::local_application(*owner, app, *address))
            }
            Inputs::AppsListener(owner, apps, log, bind) => {
                Resource::Listener(listener::ingress(*owner, apps, *log, *bind))
            }
            Inputs::AppRoutes(owner, app) => Resource::Route(route::ingress(*owner, app)),
            Inputs::GatewayCluster(port, address) => {
                Resource::Cluster(cluster::self_redirect(*port, *address))
            }
            Inputs::GatewayListener(port, log, bind) => {
                Resource::Listener(listener::gateway(*port, *log, *bind))
            }
            Inputs::GatewayRoutes(port) => Resource::Route(route::gateway(*port)),
            Inputs::TargetCluster(mesh, target) => Resource::Cluster(cluster::target(mesh, target)),
            Inputs::TargetEndpoints(mesh, target, instances) => {
                Resource::Endpoint(endpoint::of_target(mesh, target, instances))
            }
            Inputs::OutsideCluster(name) => Resource::Cluster(cluster::original_destination(name.clone())),
            Inputs::EgressListener(inputs) => Resource::Listener(listener::egress(inputs)),
            Inputs::EgressRoutes(inputs) => Resource::Route(route::egress(inputs)),
            Inputs::DirectEgressRoutes(mesh, ports) => Resource::Route(route::direct_egress(mesh, ports)),
            Inputs::GatewayEgressRoutes(mesh, ports, shared) => {
                Resource::Route(route::gateway_egress(mesh, ports, shared))
            }
            Inputs::Secret(name, content) => Resource::Secret(secret::secret(name.clone(), content)),
        }
    }
}

fn ingress<'v>(owner: Owner<'v>, view: &'v ProxyView, placement: &Placement) -> Vec<Inputs<'v>> {
    let log = view.access_log.as_ref();
    let bind = placement.bind(view.network);
    let application = placement.application(view.network);
    let mut inputs = Vec::new();
    match &view.ingress {
        Ingress::VirtualNode(apps) => {
            // A node without listeners takes no traffic, and so needs no port for it.
            if !apps.is_empty() {
                inputs.push(Inputs::AppsListener(owner, apps, log, bind));
            }
            for app in apps {
                inputs.push(Inputs::AppCluster(owner, app, application));
                if app.protocol.is_http() {
                    inputs.push(Inputs::AppRoutes(owner, app));
                }
            }
        }
        Ingress::VirtualGateway(listeners) => {
            for listener in listeners {
                let port = GatewayPort {
                    owner,
                    listener,
                    is_one_of_several: listeners.len() > 1,
                };
                inputs.push(Inputs::GatewayListener(port, log, bind));
                inputs.push(Inputs::GatewayCluster(port, placement.own_address()));
                inputs.push(Inputs::GatewayRoutes(port));
            }
        }
    }
    inputs
}

fn egress<'v>(view: &'v ProxyView, placement: &Placement) -> Vec<Inputs<'v>> {
    let egress = &view.egress;
    let mesh = view.mesh.as_str();
    let http_ports = egress.http_ports.keys().chain(egress.refused_hosts.keys());
    let http_ports: BTreeSet<u16> = http_ports.copied().collect();
    let mut inputs = vec![
        Inputs::EgressListener(EgressListener {
            mesh,
            plain_https_hosts: plain_https_hosts(egress),
            http_ports: http_ports.clone(),
            tcp_ports: &egress.tcp_ports,
            allow_all: egress.allow_all,
            log: view.access_log.as_ref(),
            bind: placement.bind(view.network),
        }),
        match view.ingress {
            Ingress::VirtualNode(_) => Inputs::DirectEgressRoutes(mesh, &egress.http_ports),
            Ingress::VirtualGateway(_) => {
                Inputs::GatewayEgressRoutes(mesh, &egress.http_ports, &egress.shared_hosts)
            }
        },
        Inputs::OutsideCluster(names::amazonaws(mesh)),
    ];
    if egress.allow_all {
        inputs.push(Inputs::OutsideCluster(names::allow_all(mesh)));
    }
    let targets = egress.targets.iter();
    inputs.extend(targets.map(|target| Inputs::TargetCluster(mesh, target)));
    let routes = |port| {
        Inputs::EgressRoutes(EgressRoutes {
            mesh,
            port,
            services: egress
                .http_ports
                .get(&port)
                .map(Vec::as_slice)
                .unwrap_or_default(),
            refused_hosts: refused_hosts(egress, port).collect(),
            allow_all: egress.allow_all,
        })
    };
    inputs.extend(http_ports.into_iter().map(routes));
    inputs
}

fn refused_hosts(egress: &Egress, port: u16) -> impl Iterator<Item = &str> {
    let hosts = egress.refused_hosts.get(&port).into_iter().flatten();
    hosts.map(String::as_str)
}

fn plain_https_hosts(egress: &Egress) -> BTreeSet<String> {
    let services = egress.http_ports.get(&HTTPS_PORT).into_iter().flatten();
    let names = services.map(|service| service.name.as_str());
    let hosts = names.chain(refused_hosts(egress, HTTPS_PORT));
    let hosts = hosts.filter(|_| egress.allow_all).map(str::to_ascii_lowercase);
    hosts.collect()
}
