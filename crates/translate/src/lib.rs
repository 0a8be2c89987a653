//! One proxy's view as Envoy v3 resources. The second of two pure hops: constructors only, no decisions.
//!
//! [`translate`] takes a [`ProxyView`] and where the proxy is ([`Placement`]), and gives everything its Envoy is to
//! have. One module per Envoy concept; names of resources are in `names`, and are those that App Mesh gave them.
//! [`render`] shows the result.

mod access_log;
mod cluster;
mod common;
mod filter;
mod listener;
mod names;
pub mod render;
mod retry;
mod route;

use std::net::{IpAddr, Ipv4Addr};

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::listener::v3::Listener;
use envoy_types::pb::envoy::config::route::v3::RouteConfiguration;
use evermesh_graph::view::{Ingress, ProxyView};

/// Everything a proxy is to have, each list ordered by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resources {
    /// Where traffic can go.
    pub clusters: Vec<Cluster>,
    /// Where traffic enters.
    pub listeners: Vec<Listener>,
    /// Which traffic goes where.
    pub routes: Vec<RouteConfiguration>,
}

/// Where a proxy and its application are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Placement {
    /// Address that listeners are bound to.
    pub bind: IpAddr,
    /// Address of the local application.
    pub application: IpAddr,
}

impl Default for Placement {
    /// A task of its own: every address, and the application beside the proxy.
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            application: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }
}

impl Placement {
    /// Where the proxy's own listeners are reached from beside it.
    fn own_address(&self) -> IpAddr {
        if self.bind.is_unspecified() {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        } else {
            self.bind
        }
    }
}

/// A proxy's view as Envoy resources.
pub fn translate(view: &ProxyView, placement: &Placement) -> Resources {
    let mut resources = Resources::default();
    ingress(view, placement, &mut resources);
    egress(view, placement, &mut resources);
    resources.clusters.sort_by(|a, b| a.name.cmp(&b.name));
    resources.listeners.sort_by(|a, b| a.name.cmp(&b.name));
    resources.routes.sort_by(|a, b| a.name.cmp(&b.name));
    resources
}

fn ingress(view: &ProxyView, placement: &Placement, resources: &mut Resources) {
    match &view.ingress {
        Ingress::VirtualNode(listeners) => {
            resources
                .listeners
                .extend(listener::ingress(view, listeners, placement.bind));
            for app in listeners {
                resources
                    .clusters
                    .push(cluster::local_application(view, app, placement.application));
                if app.protocol.is_http() {
                    resources.routes.push(route::ingress(view, app));
                }
            }
        }
        Ingress::VirtualGateway(listeners) => {
            let several = listeners.len() > 1;
            for port in listeners {
                resources
                    .listeners
                    .push(listener::gateway(view, port, placement.bind, several));
                resources.clusters.push(cluster::self_redirect(
                    view,
                    port,
                    placement.own_address(),
                    several,
                ));
                resources.routes.push(route::gateway(view, port, several));
            }
        }
    }
}

fn egress(view: &ProxyView, placement: &Placement, resources: &mut Resources) {
    resources.listeners.push(listener::egress(view, placement.bind));
    resources.clusters.extend(
        view.egress
            .targets
            .iter()
            .map(|target| cluster::target(&view.mesh, target)),
    );
    resources
        .clusters
        .push(cluster::original_destination(names::amazonaws(&view.mesh)));
    if view.egress.allow_all {
        resources
            .clusters
            .push(cluster::original_destination(names::allow_all(&view.mesh)));
    }
    for (port, services) in &view.egress.http_ports {
        resources
            .routes
            .push(route::egress(&view.mesh, *port, services, view.egress.allow_all));
    }
    resources.routes.push(route::direct_egress(view));
}
