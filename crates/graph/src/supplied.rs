//! What configurations are made of besides meshes: endpoints, secrets and addresses. Plain values, which whoever knows
//! the world outside supplies by the keys that resolved proxies need.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::view::{Certificate, Discovery, ProxyView, Trust};

/// What a proxy's configuration is made of besides its mesh.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SupplyKey {
    /// Endpoints of a target that is found through Cloud Map.
    Endpoints(CloudMapService),
    /// A certificate or trust bundle, by the name that the view has for it.
    Secret(String),
    /// Addresses that a host name resolves to.
    Addresses(String),
}

/// A service of Cloud Map, and which of its instances are meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloudMapService {
    /// Name of the namespace.
    pub namespace: String,
    /// Name of the service.
    pub service: String,
    /// Attributes that an instance must all have.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
    pub attributes: BTreeSet<Attribute>,
}

/// An attribute of an instance of Cloud Map. Two with one key and different values are never had by the same instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attribute {
    /// Its name.
    pub key: String,
    /// What it is.
    pub value: String,
}

/// Instances of a Cloud Map service that can take traffic. None is a value too: nobody is there.
pub type Instances = BTreeSet<Instance>;

/// Where an instance of a Cloud Map service is; its port is the target's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance {
    /// Its IPv4 address, if it has one.
    pub ipv4: Option<Ipv4Addr>,
    /// Its IPv6 address, if it has one.
    pub ipv6: Option<Ipv6Addr>,
}

/// Addresses that a host name resolves to. None is a value too: there is no such name.
pub type Addresses = BTreeSet<IpAddr>;

/// Addresses by name, in lower case and without a dot at the end.
pub type NamedAddresses = BTreeMap<String, Arc<Addresses>>;

/// A certificate with its key, or what certificates are trusted by; PEM.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// What a server or client shows.
    Certificate {
        /// The certificate and those it is signed by, its own first.
        chain: Vec<u8>,
        /// Its private key.
        key: Vec<u8>,
    },
    /// What a peer's certificate must be signed by.
    Trust {
        /// Certificates of authorities.
        bundle: Vec<u8>,
    },
}

impl fmt::Debug for Secret {
    /// Without the contents: a secret must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate { .. } => "Certificate",
            Self::Trust { .. } => "Trust",
        })
    }
}

/// The newest values of some keys. A key without a value is not known yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Supplied {
    /// Of [`SupplyKey::Endpoints`].
    pub endpoints: BTreeMap<CloudMapService, Arc<Instances>>,
    /// Of [`SupplyKey::Secret`].
    pub secrets: BTreeMap<String, Arc<Secret>>,
    /// Of [`SupplyKey::Addresses`].
    pub addresses: NamedAddresses,
}

impl ProxyView {
    /// What the configuration of the view's proxy is made of besides the view.
    pub fn needs(&self) -> BTreeSet<SupplyKey> {
        let targets = self.egress.targets.iter();
        let endpoints = targets.filter_map(|target| match &target.discovery {
            Discovery::CloudMap(service) => Some(SupplyKey::Endpoints(service.clone())),
            Discovery::DnsLoadBalancer(_) | Discovery::DnsEndpoints(_) => None,
        });
        let certificates = self.certificates().filter_map(Certificate::supply);
        let secrets = certificates.map(str::to_owned);
        let secrets = secrets.chain(self.trusts().flat_map(Trust::supplies));
        let names = self.egress.names.iter().cloned();
        endpoints
            .chain(secrets.map(SupplyKey::Secret))
            .chain(names.map(SupplyKey::Addresses))
            .collect()
    }
}
