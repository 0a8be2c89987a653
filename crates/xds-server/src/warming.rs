//! When a cluster that was just added can take traffic, which a proxy never reports. Never sends anything.
//!
//! Envoy acknowledges a new cluster at once and then warms it: an EDS cluster until its endpoints have arrived, a
//! DNS cluster until its name has resolved, a health-checked one until the first checks have come back. Until then a
//! route to it answers 503. So routes and listeners that may refer to it are held back meanwhile.

use std::sync::Arc;
use std::time::Duration;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::cluster::v3::cluster::{ClusterDiscoveryType, DiscoveryType};
use prost::Message;
use tokio::time::Instant;

use crate::resource::Resource;
use crate::set::Collection;

/// What has to happen, after a proxy acknowledged a new resource, before it can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// Nothing.
    AtOnce,
    /// The EDS resource of this name has to be acknowledged.
    Endpoints(Arc<str>),
    /// Something the proxy does by itself and does not report: only time tells.
    Unseen,
}

impl Readiness {
    pub(crate) fn of_cluster(cluster: &Cluster) -> Self {
        if !cluster.health_checks.is_empty() {
            return Self::Unseen;
        }
        let discovery = match cluster.cluster_discovery_type {
            None => DiscoveryType::Static,
            Some(ClusterDiscoveryType::Type(number)) => match DiscoveryType::try_from(number) {
                Ok(discovery) => discovery,
                Err(_) => return Self::Unseen,
            },
            Some(ClusterDiscoveryType::ClusterType(_)) => return Self::Unseen,
        };
        match discovery {
            DiscoveryType::Static | DiscoveryType::OriginalDst => Self::AtOnce,
            DiscoveryType::StrictDns | DiscoveryType::LogicalDns => Self::Unseen,
            DiscoveryType::Eds => Self::Endpoints(endpoints_name(cluster).into()),
        }
    }

    pub(crate) fn of_encoded_cluster(value: &[u8]) -> Self {
        Cluster::decode(value).map_or(Self::Unseen, |cluster| Self::of_cluster(&cluster))
    }
}

/// The EDS resource a cluster asks for: its service name, else its own name.
fn endpoints_name(cluster: &Cluster) -> &str {
    cluster
        .eds_cluster_config
        .as_ref()
        .map(|eds| eds.service_name.as_str())
        .filter(|name| !name.is_empty())
        .unwrap_or(&cluster.name)
}

/// The clusters of one stream that are acknowledged and perhaps not usable yet.
#[derive(Debug)]
pub(crate) struct Warming {
    until: Instant,
    clusters: Vec<Arc<Resource>>,
}

impl Warming {
    /// Starts when a proxy acknowledged `clusters` and had `before`; `None` when all it gained is usable at once.
    /// What warmed before goes on warming.
    pub(crate) fn start(
        before: &Collection,
        clusters: &Collection,
        until: Instant,
        earlier: Option<Self>,
    ) -> Option<Self> {
        let gained = clusters
            .iter()
            .filter(|cluster| before.get(cluster.name()).is_none());
        let cold: Vec<_> = gained
            .filter(|cluster| *cluster.readiness() != Readiness::AtOnce)
            .cloned()
            .collect();
        match earlier {
            None if cold.is_empty() => None,
            None => Some(Self {
                until,
                clusters: cold,
            }),
            Some(earlier) if cold.is_empty() => Some(earlier),
            Some(Self { clusters, .. }) => Some(Self {
                until,
                clusters: [clusters, cold].concat(),
            }),
        }
    }

    /// Whether everything that is still `wanted` is usable, or the time is up. `has_endpoints` tells for an EDS name
    /// whether there is nothing more to wait for.
    pub(crate) fn is_over(
        &self,
        now: Instant,
        wanted: &Collection,
        has_endpoints: impl Fn(&str) -> bool,
    ) -> bool {
        let is_usable = |cluster: &Arc<Resource>| match cluster.readiness() {
            Readiness::AtOnce => true,
            Readiness::Endpoints(name) => has_endpoints(name),
            Readiness::Unseen => false,
        };
        now >= self.until
            || self
                .clusters
                .iter()
                .all(|c| wanted.get(c.name()).is_none() || is_usable(c))
    }

    /// When waiting ends in any case.
    pub(crate) fn until(&self) -> Instant {
        self.until
    }
}

/// The default of [`Options::warm_up`](crate::Options::warm_up): several DNS round trips, and too short for a user
/// to notice when a target is added.
pub(crate) const DEFAULT_WARM_UP: Duration = Duration::from_secs(1);
