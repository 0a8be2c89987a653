//! The application layer: the semantics of every App Mesh operation, in one place.
//!
//! The 38 operations of the API are eight verbs over seven kinds. Whoever writes resources (the AWS API, the
//! Kubernetes controller, CloudFormation, the CLI, the console) speaks [`MeshService`] and nothing below it;
//! [`StoreService`] answers from a [`Store`](evermesh_store::Store). Whoever reads resources to configure proxies
//! lists and watches [`RESOURCE_PREFIX`] and decodes what it sees with [`decode_change`] ([`load_snapshot`] does so once,
//! for those who want all or an error); how things are stored is told in [`record`].

mod api;
mod error;
mod options;
mod page;
mod quota;
pub mod record;
mod request;
mod service;
mod token;

pub use api::{Caller, CreateRequest, ListRequest, MeshService, Page, ResourceRef, TagPage, UpdateRequest};
pub use error::ServiceError;
pub use options::{Clock, ServiceOptions};
pub use quota::Quotas;
pub use record::{Change, LoadError, RESOURCE_PREFIX, RecordError, decode_change, load_snapshot};
pub use service::StoreService;
