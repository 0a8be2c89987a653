//! Entry points for fuzzing: what is read of a proxy before it is known, without a stream.

use envoy_types::pb::envoy::config::core::v3::Node;
use evermesh_model::ResourceId;
use evermesh_xds_server::Refusal;

use crate::proxy::ProxyKey;

/// The resource whose proxy this node says it is. A mesh without a stated owner belongs to `default_account`.
///
/// # Errors
/// As the xDS server refuses the stream.
pub fn identify(node: &Node, default_account: &str) -> Result<ResourceId, Refusal> {
    ProxyKey::of(node, default_account).map(|key| key.resource)
}
