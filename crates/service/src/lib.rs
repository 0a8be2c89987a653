//! The application layer: the semantics of every App Mesh operation, in one place.
//!
//! The 38 operations of the API are eight verbs over seven kinds. Whoever writes resources (the AWS API, the
//! Kubernetes controller, CloudFormation, the CLI, the console) speaks [`MeshService`] and nothing below it.

mod api;
mod error;

pub use api::{Caller, CreateRequest, ListRequest, MeshService, Page, ResourceRef, TagPage, UpdateRequest};
pub use error::ServiceError;
