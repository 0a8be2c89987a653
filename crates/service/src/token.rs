//! Client tokens: what makes a repeated create or update harmless.
//!
//! A token belongs to the account that used it. The store keeps it together with a digest of the request that came
//! with it, for as long as the resource exists and the token is among its [`KEPT`] latest; so what tokens
//! occupy is bounded by the number of resources. A repeated request is answered with the resource as it is now,
//! which is what the first answer was unless somebody has changed it since.

use evermesh_model::{ResourceId, Spec, Tag};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::record::{RecordError, key};
use crate::{CreateRequest, ServiceError, UpdateRequest};

/// Tokens remembered per resource, the latest ones. A retry comes within seconds; between it and the first try lie
/// a few updates by others at most.
pub(crate) const KEPT: usize = 16;

/// The version of [`Stored`].
const FORMAT: u32 = 1;

/// A token with the request it stands for.
pub(crate) struct ClientToken {
    /// As the client sent it.
    pub(crate) token: String,
    /// Where its use is recorded.
    pub(crate) key: String,
    resource: String,
    digest: String,
}

/// The use of a token as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    format: u32,
    /// Store key of the resource, for whoever inspects the store.
    resource: String,
    /// SHA-256 of the request, in hex.
    request: String,
}

impl ClientToken {
    /// The token of a creation by `account`, if it has one.
    pub(crate) fn of_create(account: &str, request: &CreateRequest) -> Option<Self> {
        let mut tags: Vec<&Tag> = request.tags.iter().collect();
        tags.sort();
        let token = request.client_token.as_ref()?;
        let digest = digest("create", &request.id, &request.spec, &tags);
        Some(Self::new(account, token, &request.id, digest))
    }

    /// The token of an update by `account`, if it has one.
    pub(crate) fn of_update(account: &str, request: &UpdateRequest) -> Option<Self> {
        let token = request.client_token.as_ref()?;
        let digest = digest("update", &request.id, &request.spec, &[]);
        Some(Self::new(account, token, &request.id, digest))
    }

    fn new(account: &str, token: &str, id: &ResourceId, digest: String) -> Self {
        Self {
            token: token.to_owned(),
            key: key::token(account, token),
            resource: key::of(id),
            digest,
        }
    }

    /// Whether the request was done before, given the stored use of the token.
    ///
    /// # Errors
    /// `Conflict` when the token was used for another request.
    pub(crate) fn is_repeat(&self, used: &[u8]) -> Result<bool, ServiceError> {
        let used: Stored = serde_json::from_slice(used).map_err(|source| RecordError::Json {
            key: self.key.clone(),
            source,
        })?;
        if used.format != FORMAT {
            return Err(RecordError::format(&self.key, used.format, FORMAT).into());
        }
        if used.request == self.digest {
            return Ok(true);
        }
        Err(ServiceError::Conflict(format!(
            "the client token {:?} was used for another request; use a new one",
            self.token
        )))
    }

    /// The use of the token, to be stored.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let stored = Stored {
            format: FORMAT,
            resource: self.resource.clone(),
            request: self.digest.clone(),
        };
        serde_json::to_vec(&stored).expect("strings and a number are JSON")
    }
}

/// Equal for equal requests only. The order of tags does not count; they are sorted.
fn digest(operation: &str, id: &ResourceId, spec: &Spec, tags: &[&Tag]) -> String {
    let content = (operation, &id.mesh().owner, id.to_string(), spec, tags);
    let content = serde_json::to_vec(&content).expect("a spec is JSON whose keys are strings");
    hex::encode(Sha256::digest(&content))
}
