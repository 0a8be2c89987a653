//! What a proxy says and is told, whichever the form of the protocol. Never decides anything.

use std::collections::{BTreeMap, BTreeSet};

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use envoy_types::pb::google::protobuf::Any;
use envoy_types::pb::google::rpc;

use crate::resource::ResourceType;

/// A request, in either form once it is converted.
#[derive(Clone, Debug)]
pub struct Ask {
    pub(super) kind: ResourceType,
    pub(super) node: Node,
    /// Of the last response of this type.
    pub(super) nonce: String,
    /// Whether it answers that response.
    pub(super) is_answer: bool,
    /// Why that response is rejected.
    pub(super) rejected: Option<String>,
    /// State of the world: the version last accepted, and all names.
    pub(super) version: String,
    pub(super) names: BTreeSet<String>,
    /// Delta: names added and dropped, and what the proxy brings along.
    pub(super) subscribe: BTreeSet<String>,
    pub(super) unsubscribe: BTreeSet<String>,
    pub(super) versions: BTreeMap<String, String>,
}

impl Ask {
    /// The resource type that it is about.
    pub fn kind(&self) -> ResourceType {
        self.kind
    }

    fn error_detail(&self) -> Option<rpc::Status> {
        self.rejected.clone().map(|message| rpc::Status {
            code: 13,
            message,
            ..rpc::Status::default()
        })
    }
}

impl From<Ask> for DiscoveryRequest {
    fn from(ask: Ask) -> Self {
        Self {
            error_detail: ask.error_detail(),
            version_info: ask.version,
            node: Some(ask.node),
            resource_names: ask.names.into_iter().collect(),
            type_url: ask.kind.type_url().to_owned(),
            response_nonce: ask.nonce,
            ..Self::default()
        }
    }
}

impl From<Ask> for DeltaDiscoveryRequest {
    fn from(ask: Ask) -> Self {
        Self {
            error_detail: ask.error_detail(),
            node: Some(ask.node),
            type_url: ask.kind.type_url().to_owned(),
            resource_names_subscribe: ask.subscribe.into_iter().collect(),
            resource_names_unsubscribe: ask.unsubscribe.into_iter().collect(),
            initial_resource_versions: ask.versions.into_iter().collect(),
            response_nonce: if ask.is_answer { ask.nonce } else { String::new() },
            ..Self::default()
        }
    }
}

/// A response of either form.
#[derive(Clone, Debug)]
pub struct Told {
    pub(super) type_url: String,
    pub(super) version: String,
    pub(super) nonce: String,
    /// Each with its name and version, where the form has them.
    pub(super) resources: Vec<(Option<(String, String)>, Any)>,
    pub(super) removed: Vec<String>,
}

impl From<DiscoveryResponse> for Told {
    fn from(response: DiscoveryResponse) -> Self {
        Self {
            type_url: response.type_url,
            version: response.version_info,
            nonce: response.nonce,
            resources: response.resources.into_iter().map(|body| (None, body)).collect(),
            removed: Vec::new(),
        }
    }
}

impl From<DeltaDiscoveryResponse> for Told {
    fn from(response: DeltaDiscoveryResponse) -> Self {
        let resources = response.resources.into_iter().map(|resource| {
            let label = (resource.name, resource.version);
            (Some(label), resource.resource.unwrap_or_default())
        });
        Self {
            type_url: response.type_url,
            version: response.system_version_info,
            nonce: response.nonce,
            resources: resources.collect(),
            removed: response.removed_resources,
        }
    }
}
