//! Everything one proxy is to have, immutable, and comparable by versions. Never holds the state of a stream.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::endpoint::v3::ClusterLoadAssignment;
use envoy_types::pb::envoy::config::listener::v3::Listener;
use envoy_types::pb::envoy::config::route::v3::RouteConfiguration;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::Secret;
use prost::Message;

use crate::pool::Pool;
use crate::resource::{PerType, Resource, ResourceType, Version};
use crate::warming::Readiness;

/// Everything one proxy is to have. Two sets are equal when the names and versions of their resources are.
#[derive(Clone, Debug)]
pub struct ResourceSet {
    collections: PerType<Arc<Collection>>,
    interim_routes: Arc<Collection>,
    built_at: Instant,
}

impl ResourceSet {
    /// An empty set to add resources to.
    pub fn builder() -> ResourceSetBuilder {
        ResourceSetBuilder::default()
    }

    /// The resources of one type.
    pub fn collection(&self, kind: ResourceType) -> &Arc<Collection> {
        &self.collections[kind]
    }

    /// One resource.
    pub fn get(&self, kind: ResourceType, name: &str) -> Option<&Arc<Resource>> {
        self.collections[kind].get(name)
    }

    /// The number of resources of all types.
    pub fn len(&self) -> usize {
        ResourceType::ALL
            .into_iter()
            .map(|kind| self.collections[kind].len())
            .sum()
    }

    /// See [`ResourceSetBuilder::interim_route`].
    pub(crate) fn interim_routes(&self) -> &Arc<Collection> {
        &self.interim_routes
    }

    /// When it was finished: what the time until proxies have it is counted from.
    pub fn built_at(&self) -> Instant {
        self.built_at
    }

    /// Whether the set has no resource at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl PartialEq for ResourceSet {
    fn eq(&self, other: &Self) -> bool {
        self.collections == other.collections
    }
}

/// The resources of one type, ordered by name.
#[derive(Clone, Debug)]
pub struct Collection {
    /// Ordered by name. There is one for every proxy, and a slice is all that a set which never changes needs.
    resources: Box<[Arc<Resource>]>,
    version: Version,
}

impl Collection {
    fn new(by_name: BTreeMap<Arc<str>, Arc<Resource>>) -> Self {
        let resources: Box<[_]> = by_name.into_values().collect();
        let version = Version::of_list(&resources);
        Self { resources, version }
    }

    /// The resource of that name.
    pub fn get(&self, name: &str) -> Option<&Arc<Resource>> {
        let found = self
            .resources
            .binary_search_by(|resource| resource.name().cmp(name));
        found.ok().map(|index| &self.resources[index])
    }

    /// All resources, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.resources.iter()
    }

    /// The number of resources.
    pub fn len(&self) -> usize {
        self.resources.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// The hash over all names and versions.
    pub fn version(&self) -> Version {
        self.version
    }

    /// `newer`, and of `older` what `newer` does not name.
    pub(crate) fn overlay(older: &Arc<Self>, newer: &Arc<Self>) -> Arc<Self> {
        if older.iter().all(|old| newer.get(old.name()).is_some()) {
            return Arc::clone(newer);
        }
        if newer.iter().all(|new| {
            older
                .get(new.name())
                .is_some_and(|old| old.version() == new.version())
        }) {
            return Arc::clone(older);
        }
        let both = older.iter().chain(newer.iter());
        let merged = both.map(|resource| (resource.shared_name(), Arc::clone(resource)));
        Arc::new(Self::new(merged.collect())) // the later of a name stays
    }
}

impl Default for Collection {
    fn default() -> Self {
        Self::new(BTreeMap::new())
    }
}

impl PartialEq for Collection {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version
    }
}

/// Collects the resources of a [`ResourceSet`]. A resource replaces an earlier one of its type and name.
///
/// The version of a resource is the hash of its encoding. `prost` writes the entries of a protobuf map in no
/// fixed order, so a message that has a map field of more than one entry anywhere would get a new version in every
/// process: encode such a message in a fixed order and hand it to [`encoded`](Self::encoded).
#[derive(Debug, Default)]
pub struct ResourceSetBuilder {
    resources: PerType<BTreeMap<Arc<str>, Arc<Resource>>>,
    interim_routes: BTreeMap<Arc<str>, Arc<Resource>>,
    pool: Option<Arc<Pool>>,
}

impl ResourceSetBuilder {
    /// From here on takes resources that another set of the pool already has from there.
    #[must_use]
    pub fn sharing(self, pool: &Arc<Pool>) -> Self {
        Self {
            pool: Some(Arc::clone(pool)),
            ..self
        }
    }

    /// Adds a cluster (CDS).
    #[must_use]
    pub fn cluster(self, cluster: &Cluster) -> Self {
        let readiness = Readiness::of_cluster(cluster);
        self.add(
            ResourceType::Cluster,
            &cluster.name,
            cluster.encode_to_vec(),
            readiness,
        )
    }

    /// Adds the endpoints of a cluster (EDS), named by `cluster_name`.
    #[must_use]
    pub fn endpoints(self, endpoints: &ClusterLoadAssignment) -> Self {
        self.encoded(
            ResourceType::Endpoint,
            &endpoints.cluster_name,
            endpoints.encode_to_vec(),
        )
    }

    /// Adds a listener (LDS).
    #[must_use]
    pub fn listener(self, listener: &Listener) -> Self {
        self.encoded(ResourceType::Listener, &listener.name, listener.encode_to_vec())
    }

    /// Adds a route configuration (RDS).
    #[must_use]
    pub fn route(self, routes: &RouteConfiguration) -> Self {
        self.encoded(ResourceType::Route, &routes.name, routes.encode_to_vec())
    }

    /// Adds what the route configuration of that name is while others change whose requests it gets: it has what they
    /// lead to now and what they will lead to.
    #[must_use]
    pub fn interim_route(mut self, routes: &RouteConfiguration) -> Self {
        let resource = Resource::new(
            ResourceType::Route,
            &routes.name,
            routes.encode_to_vec(),
            Readiness::AtOnce,
        );
        self.interim_routes
            .insert(resource.shared_name(), Arc::new(resource));
        self
    }

    /// Adds a secret (SDS).
    #[must_use]
    pub fn secret(self, secret: &Secret) -> Self {
        self.encoded(ResourceType::Secret, &secret.name, secret.encode_to_vec())
    }

    /// Adds a resource that is already encoded: `value` is the protobuf message of the type's name, without `Any`.
    #[must_use]
    pub fn encoded(self, kind: ResourceType, name: &str, value: Vec<u8>) -> Self {
        let readiness = match kind {
            ResourceType::Cluster => Readiness::of_encoded_cluster(&value),
            _ => Readiness::AtOnce,
        };
        self.add(kind, name, value, readiness)
    }

    /// Adds a resource of another set, without encoding it again.
    #[must_use]
    pub fn shared(mut self, kind: ResourceType, resource: &Arc<Resource>) -> Self {
        self.resources[kind].insert(resource.shared_name(), Arc::clone(resource));
        self
    }

    /// The finished set.
    pub fn build(mut self) -> ResourceSet {
        let mut collections = PerType::default();
        for kind in ResourceType::ALL {
            collections[kind] = Arc::new(Collection::new(std::mem::take(&mut self.resources[kind])));
        }
        ResourceSet {
            collections,
            interim_routes: Arc::new(Collection::new(self.interim_routes)),
            built_at: Instant::now(),
        }
    }

    fn add(mut self, kind: ResourceType, name: &str, value: Vec<u8>, readiness: Readiness) -> Self {
        let resource = Resource::new(kind, name, value, readiness);
        let resource = match &self.pool {
            Some(pool) => pool.share(resource),
            None => Arc::new(resource),
        };
        self.resources[kind].insert(resource.shared_name(), resource);
        self
    }
}
