//! A response before it has a wire form, and its two forms. Never decides what is in it.
//!
//! The messages here are those of `envoy.service.discovery.v3` with one difference that the wire does not show: a
//! resource is a field of bytes, so that what was encoded once is shared by all streams until it is written out.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;

use crate::resource::{Resource, ResourceType, Version};

/// What a proxy is sent of one type.
#[derive(Clone, Debug)]
pub(crate) struct Push {
    pub(crate) kind: ResourceType,
    /// Of all resources of the type that the proxy is to have now.
    pub(crate) version: Version,
    pub(crate) nonce: u64,
    /// State of the world: all resources. Delta: those that are new to the proxy.
    pub(crate) resources: Vec<Arc<Resource>>,
    /// Delta only: the names of those that are gone.
    pub(crate) removed: Vec<Arc<str>>,
}

/// A response as it is encoded.
pub(crate) trait WireForm: Message + Default + 'static {
    /// `identifier` names this control plane.
    fn of(push: &Push, identifier: &str) -> Self;
}

/// `DiscoveryResponse`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct StateOfTheWorldResponse {
    #[prost(string, tag = "1")]
    version_info: String,
    /// Each an encoded `Any`.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    resources: Vec<Bytes>,
    #[prost(string, tag = "4")]
    type_url: String,
    #[prost(string, tag = "5")]
    nonce: String,
    #[prost(message, optional, tag = "6")]
    control_plane: Option<ControlPlane>,
}

/// `DeltaDiscoveryResponse`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct DeltaResponse {
    #[prost(string, tag = "1")]
    system_version_info: String,
    #[prost(message, repeated, tag = "2")]
    resources: Vec<DeltaResource>,
    #[prost(string, tag = "4")]
    type_url: String,
    #[prost(string, tag = "5")]
    nonce: String,
    #[prost(string, repeated, tag = "6")]
    removed_resources: Vec<String>,
    #[prost(message, optional, tag = "7")]
    control_plane: Option<ControlPlane>,
}

/// `Resource`.
#[derive(Clone, PartialEq, Message)]
struct DeltaResource {
    #[prost(string, tag = "1")]
    version: String,
    /// An encoded `Any`.
    #[prost(bytes = "bytes", tag = "2")]
    resource: Bytes,
    #[prost(string, tag = "3")]
    name: String,
}

/// `envoy.config.core.v3.ControlPlane`.
#[derive(Clone, PartialEq, Message)]
struct ControlPlane {
    #[prost(string, tag = "1")]
    identifier: String,
}

impl ControlPlane {
    fn named(identifier: &str) -> Option<Self> {
        let identifier = identifier.to_owned();
        Some(Self { identifier })
    }
}

impl WireForm for StateOfTheWorldResponse {
    fn of(push: &Push, identifier: &str) -> Self {
        Self {
            version_info: push.version.to_string(),
            resources: push.resources.iter().map(|r| r.encoded().clone()).collect(),
            type_url: push.kind.type_url().to_owned(),
            nonce: push.nonce.to_string(),
            control_plane: ControlPlane::named(identifier),
        }
    }
}

impl WireForm for DeltaResponse {
    fn of(push: &Push, identifier: &str) -> Self {
        let resource = |resource: &Arc<Resource>| DeltaResource {
            version: resource.version().to_string(),
            resource: resource.encoded().clone(),
            name: resource.name().to_owned(),
        };
        Self {
            system_version_info: push.version.to_string(),
            resources: push.resources.iter().map(resource).collect(),
            type_url: push.kind.type_url().to_owned(),
            nonce: push.nonce.to_string(),
            removed_resources: push.removed.iter().map(ToString::to_string).collect(),
            control_plane: ControlPlane::named(identifier),
        }
    }
}

#[cfg(test)]
impl Push {
    /// The response as a proxy reads it.
    pub(crate) fn read<W: WireForm, M: Message + Default>(&self) -> M {
        M::decode(W::of(self, "test").encode_to_vec().as_slice()).expect("it was just encoded")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryResponse, DiscoveryResponse};

    use crate::set::ResourceSet;
    use crate::testing::fixtures::static_cluster;

    fn push() -> Push {
        let set = ResourceSet::builder()
            .cluster(&static_cluster("a", 1))
            .cluster(&static_cluster("b", 2))
            .build();
        let clusters = set.collection(ResourceType::Cluster);
        Push {
            kind: ResourceType::Cluster,
            version: clusters.version(),
            nonce: 7,
            resources: clusters.iter().cloned().collect(),
            removed: vec!["gone".into()],
        }
    }

    #[test]
    fn state_of_the_world_reads_as_the_message_of_the_protocol() {
        let push = push();
        let encoded = StateOfTheWorldResponse::of(&push, "me").encode_to_vec();
        let read = DiscoveryResponse::decode(encoded.as_slice()).unwrap();
        assert_eq!(read.encoded_len(), encoded.len());
        assert_eq!(read.version_info, push.version.to_string());
        let bodies: Vec<_> = push.resources.iter().map(|r| r.body()).collect();
        assert_eq!(read.resources, bodies);
        assert_eq!(read.type_url, ResourceType::Cluster.type_url());
        assert_eq!(read.nonce, "7");
        assert_eq!(read.control_plane.unwrap().identifier, "me");
    }

    #[test]
    fn delta_reads_as_the_message_of_the_protocol() {
        let push = push();
        let encoded = DeltaResponse::of(&push, "me").encode_to_vec();
        let read = DeltaDiscoveryResponse::decode(encoded.as_slice()).unwrap();
        assert_eq!(read.encoded_len(), encoded.len());
        assert_eq!(read.system_version_info, push.version.to_string());
        assert_eq!(read.resources.len(), 2);
        for (read, resource) in read.resources.iter().zip(&push.resources) {
            assert_eq!(read.name, resource.name());
            assert_eq!(read.version, resource.version().to_string());
            assert_eq!(read.resource, Some(resource.body()));
        }
        assert_eq!(read.removed_resources, ["gone"]);
        assert_eq!(read.type_url, ResourceType::Cluster.type_url());
        assert_eq!(read.nonce, "7");
        assert_eq!(read.control_plane.unwrap().identifier, "me");
    }
}
