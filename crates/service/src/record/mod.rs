//! How resources are stored: keys, values, and the way back. The only module that knows.
//!
//! | key | value |
//! |---|---|
//! | `resource/mesh/<mesh>/<owner>` | a mesh |
//! | `resource/within/<owner>/<mesh>/<kind>/<name>` | what is directly in a mesh |
//! | `resource/within/<owner>/<mesh>/<kind>/<parent>/<name>` | a route of a router, a gateway route of a gateway |
//! | `reference/<owner>/<mesh>/<kind>/<name>/<uid>` | id of the resource with that uid, which refers to the one named |
//! | `count/mesh/<owner>/created` and `deleted` | empty; see below |
//! | `count/within/<owner>/<mesh>/<kind>/[<parent>/]created` and `deleted` | empty; see below |
//! | `token/<account>/<token>` | digest of the request that came with a client token |
//!
//! A name is visible ASCII without a slash, so it stands in a key as it is, and keys sort as names do. Meshes sort
//! before what is in them, so a listing of [`RESOURCE_PREFIX`] can be put into a snapshot in its order.
//!
//! A resource is one JSON object: `format` (1), `spec` as the API shows it, `arn`, `uid`, `version`, `createdAt` and
//! `lastUpdatedAt` in milliseconds since 1970, `resourceOwner`, `tags` as an object, and `clientTokens`, the names of
//! the token keys that go when the resource does.
//!
//! A reference is written and deleted with the resource that refers, in one transaction, so "nothing refers to this
//! node" is "no key starts with this prefix", a condition that touches nobody else. How many resources there are is
//! the number of times `created` was put less that of `deleted`, which the store counts as [`Entry::version`]:
//! writers that create in the same place add to it without reading it, and so without conflict.
//!
//! [`Entry::version`]: evermesh_store::Entry::version

pub(crate) mod key;
mod read;
mod value;

use evermesh_model::Violations;
use evermesh_store::StoreError;

pub use key::RESOURCE_PREFIX;
pub use read::{Change, decode_change, load_snapshot};
pub(crate) use value::Record;

/// A stored record that cannot be understood: damaged, or written by a newer version.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The key is not that of a resource.
    #[error("the key {key:?} is not that of a resource")]
    Key {
        /// The key.
        key: String,
    },
    /// The value is not JSON, or lacks members.
    #[error("the value of key {key:?} is not a record")]
    Json {
        /// The key of the value.
        key: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The value has a format that this version does not know.
    #[error(
        "the value of key {key:?} has format {found}, this program knows {supported}; use a newer Evermesh"
    )]
    Format {
        /// The key of the value.
        key: String,
        /// Its format.
        found: u32,
        /// The format that this version knows.
        supported: u32,
    },
    /// The spec is none of the resource's kind.
    #[error("the value of key {key:?} has a spec that is not one")]
    Spec {
        /// The key of the value.
        key: String,
        /// What is wrong with it.
        source: Violations,
    },
}

impl RecordError {
    pub(crate) fn format(key: &str, found: u32, supported: u32) -> Self {
        Self::Format {
            key: key.to_owned(),
            found,
            supported,
        }
    }
}

/// Why the resources cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record cannot be understood.
    #[error(transparent)]
    Record(#[from] RecordError),
}
