//! One Envoy resource with its type, name, content version and encoded body. Never interprets the body.

use std::fmt;
use std::ops::{Index, IndexMut};
use std::sync::Arc;

use bytes::Bytes;
use envoy_types::pb::google::protobuf::Any;
use prost::Message;
use sha2::{Digest, Sha256};

use crate::warming::Readiness;

/// The resource types that are served, in the order in which an addition has to reach a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceType {
    /// `envoy.extensions.transport_sockets.tls.v3.Secret` (SDS).
    Secret,
    /// `envoy.config.cluster.v3.Cluster` (CDS).
    Cluster,
    /// `envoy.config.endpoint.v3.ClusterLoadAssignment` (EDS).
    Endpoint,
    /// `envoy.config.listener.v3.Listener` (LDS).
    Listener,
    /// `envoy.config.route.v3.RouteConfiguration` (RDS).
    Route,
}

impl ResourceType {
    /// Every type, in the order of additions.
    pub const ALL: [Self; 5] = [
        Self::Secret,
        Self::Cluster,
        Self::Endpoint,
        Self::Listener,
        Self::Route,
    ];

    /// The type URL as it stands in requests, responses and `Any`.
    pub const fn type_url(self) -> &'static str {
        match self {
            Self::Secret => "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
            Self::Cluster => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::Endpoint => "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
            Self::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Self::Route => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        }
    }

    /// The type of a type URL; `None` when this server does not serve it.
    pub fn from_type_url(url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.type_url() == url)
    }

    /// Whether a first request without names asks for everything. The protocol has that for CDS and LDS only.
    pub(crate) const fn empty_means_all(self) -> bool {
        matches!(self, Self::Cluster | Self::Listener)
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret => "secrets",
            Self::Cluster => "clusters",
            Self::Endpoint => "endpoints",
            Self::Listener => "listeners",
            Self::Route => "routes",
        })
    }
}

/// One value for each [`ResourceType`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PerType<T>([T; ResourceType::ALL.len()]);

impl<T> Index<ResourceType> for PerType<T> {
    type Output = T;

    fn index(&self, kind: ResourceType) -> &T {
        &self.0[kind as usize]
    }
}

impl<T> IndexMut<ResourceType> for PerType<T> {
    fn index_mut(&mut self, kind: ResourceType) -> &mut T {
        &mut self.0[kind as usize]
    }
}

/// A hash of content: 128 bits of SHA-256, written as 32 hexadecimal digits.
///
/// Equal content has an equal version in every process, so versions survive restarts and agree between replicas.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version([u8; 16]);

impl Version {
    fn of_body(body: &Any) -> Self {
        let mut hash = Sha256::new();
        hash.update(body.type_url.as_bytes());
        hash.update([0]); // a type URL has no NUL: ends it unambiguously
        hash.update(&body.value);
        Self::truncate(&hash.finalize())
    }

    /// The version of a list of resources: of their names and versions, in the order given.
    pub(crate) fn of_list<'a>(resources: impl IntoIterator<Item = &'a Arc<Resource>>) -> Self {
        let mut hash = Sha256::new();
        for resource in resources {
            hash.update((resource.name.len() as u64).to_le_bytes());
            hash.update(resource.name.as_bytes());
            hash.update(resource.version.0);
        }
        Self::truncate(&hash.finalize())
    }

    /// What [`Display`](fmt::Display) wrote; `None` when it is anything else.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let is_version = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = is_version.then(|| u128::from_str_radix(text, 16));
        number?.ok().map(|number| Self(number.to_be_bytes()))
    }

    fn truncate(digest: &[u8]) -> Self {
        let mut short = [0; 16];
        short.copy_from_slice(&digest[..16]);
        Self(short)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A named resource, encoded once and shared by every response that carries it.
pub struct Resource {
    name: Arc<str>,
    version: Version,
    /// An `Any`.
    encoded: Bytes,
    readiness: Readiness,
}

impl Resource {
    pub(crate) fn new(kind: ResourceType, name: &str, value: Vec<u8>, readiness: Readiness) -> Self {
        let body = Any {
            type_url: kind.type_url().to_owned(),
            value,
        };
        Self {
            name: name.into(),
            version: Version::of_body(&body),
            encoded: body.encode_to_vec().into(),
            readiness,
        }
    }

    /// The name a proxy subscribes to.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The hash of the encoded body.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The encoded resource, as it is sent. Copied out of what all responses share.
    ///
    /// # Panics
    ///
    /// Never: it was encoded here.
    pub fn body(&self) -> Any {
        Any::decode(self.encoded.clone()).expect("what was encoded can be decoded")
    }

    /// [`body`](Self::body) as bytes, shared.
    pub(crate) fn encoded(&self) -> &Bytes {
        &self.encoded
    }

    pub(crate) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    pub(crate) fn readiness(&self) -> &Readiness {
        &self.readiness
    }
}

impl fmt::Debug for Resource {
    /// Without the body: a secret must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource")
            .field("name", &self.name)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
