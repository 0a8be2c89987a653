//! One proxy's view as Envoy v3 resources. The second of two pure hops: constructors only, no decisions.
//!
//! [`translate`] takes a [`ProxyView`] and where the proxy is ([`Placement`]), and gives everything its Envoy is to
//! have. One module per Envoy concept; names of resources are in `names`, and are those that App Mesh gave them.
//! [`pieces`] gives the same unbuilt, for those who have parts of it from the last time, and [`supplied_pieces`] what
//! is made of more than the view; [`interim_routes`] is for the way from one view to the next; [`render`] shows the result.

mod access_log;
mod cluster;
mod common;
mod endpoint;
mod filter;
mod gateway_route;
mod listener;
mod matching;
mod names;
mod piece;
pub mod render;
mod resilience;
mod retry;
mod route;
mod secret;
mod tls;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::endpoint::v3::ClusterLoadAssignment;
use envoy_types::pb::envoy::config::listener::v3::Listener;
use envoy_types::pb::envoy::config::route::v3::RouteConfiguration;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::Secret;
use evermesh_graph::view::{Network, ProxyView};

pub use piece::{Piece, Resource, ResourceKind, interim_routes, pieces, supplied_pieces};

/// Everything a proxy is to have, each list ordered by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resources {
    /// Where traffic can go.
    pub clusters: Vec<Cluster>,
    /// Endpoints of clusters that do not hold them, as far as they are supplied.
    pub endpoints: Vec<ClusterLoadAssignment>,
    /// Where traffic enters.
    pub listeners: Vec<Listener>,
    /// Which traffic goes where.
    pub routes: Vec<RouteConfiguration>,
    /// Certificates and trust in the proxy's own files.
    pub secrets: Vec<Secret>,
}

/// Where a proxy and its application are, as far as that was said to the proxy itself. The default is a task of its own:
/// every address, and the application beside the proxy, of the versions of IP that the view says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Placement {
    /// Address that listeners are bound to; `::` is every address of IPv4 too.
    pub bind: Option<IpAddr>,
    /// Address of the local application.
    pub application: Option<IpAddr>,
}

impl Placement {
    /// Address that listeners are bound to.
    fn bind(&self, network: Network) -> IpAddr {
        self.bind.unwrap_or(if network.listen_on_ipv6 {
            IpAddr::V6(Ipv6Addr::UNSPECIFIED)
        } else {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED)
        })
    }

    /// Address of the local application.
    fn application(&self, network: Network) -> IpAddr {
        self.application.unwrap_or(if network.application_on_ipv6 {
            IpAddr::V6(Ipv6Addr::LOCALHOST)
        } else {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        })
    }

    /// Where the proxy's own listeners are reached from beside it.
    fn own_address(&self) -> IpAddr {
        let bound = self.bind.filter(|bind| !bind.is_unspecified());
        bound.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }
}

/// A proxy's view as Envoy resources, without those that are made of what is supplied.
pub fn translate(view: &ProxyView, placement: &Placement) -> Resources {
    pieces(view, placement).iter().map(Piece::build).collect()
}

impl FromIterator<Resource> for Resources {
    fn from_iter<I: IntoIterator<Item = Resource>>(built: I) -> Self {
        let mut resources = Self::default();
        for resource in built {
            match resource {
                Resource::Cluster(cluster) => resources.clusters.push(cluster),
                Resource::Endpoint(endpoints) => resources.endpoints.push(endpoints),
                Resource::Listener(listener) => resources.listeners.push(listener),
                Resource::Route(routes) => resources.routes.push(routes),
                Resource::Secret(secret) => resources.secrets.push(secret),
            }
        }
        resources.clusters.sort_by(|a, b| a.name.cmp(&b.name));
        resources
            .endpoints
            .sort_by(|a, b| a.cluster_name.cmp(&b.cluster_name));
        resources.listeners.sort_by(|a, b| a.name.cmp(&b.name));
        resources.routes.sort_by(|a, b| a.name.cmp(&b.name));
        resources.secrets.sort_by(|a, b| a.name.cmp(&b.name));
        resources
    }
}
