//! One proxy's view as Envoy v3 resources. The second of two pure hops: constructors only, no decisions.
//!
//! [`translate`] takes a [`ProxyView`] and where the proxy is ([`Placement`]), and gives everything its Envoy is to
//! have. One module per Envoy concept; names of resources are in `names`, and are those that App Mesh gave them.
//! [`pieces`] gives the same unbuilt, for those who have parts of it from the last time; [`render`] shows the result.

mod access_log;
mod cluster;
mod common;
mod filter;
mod listener;
mod names;
mod piece;
pub mod render;
mod retry;
mod route;

use std::net::{IpAddr, Ipv4Addr};

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::listener::v3::Listener;
use envoy_types::pb::envoy::config::route::v3::RouteConfiguration;
use evermesh_graph::view::ProxyView;

pub use piece::{Piece, Resource, ResourceKind, pieces};

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
    for piece in pieces(view, placement) {
        match piece.build() {
            Resource::Cluster(cluster) => resources.clusters.push(cluster),
            Resource::Listener(listener) => resources.listeners.push(listener),
            Resource::Route(routes) => resources.routes.push(routes),
        }
    }
    resources.clusters.sort_by(|a, b| a.name.cmp(&b.name));
    resources.listeners.sort_by(|a, b| a.name.cmp(&b.name));
    resources.routes.sort_by(|a, b| a.name.cmp(&b.name));
    resources
}
