//! App Mesh resources as the API shows them (2019-01-25): types, names, ARNs, validation, snapshots.
//!
//! A spec holds what was sent, neither more nor less: no default is filled in and list order is kept, so that the
//! API returns it unchanged. Defaults belong to the graph. Nothing here does I/O.
//!
//! Start with [`Resource`] and [`Spec`]; [`ResourceId`] names a resource, [`validate`](mod@validate) finds what is
//! wrong with one, [`Snapshot`] is what the rest of the control plane reads.

pub mod access_log_format;
pub mod arn;
pub mod diagnostic;
pub mod id;
pub mod manifest;
pub mod reference;
pub mod regex;
pub mod resource;
pub mod shape;
pub mod snapshot;
pub mod spec;
pub mod validate;

pub use arn::Arn;
pub use diagnostic::{Diagnostic, Severity};
pub use id::{Kind, MeshId, ResourceId};
pub use manifest::Manifest;
pub use resource::{Metadata, Resource, Status, Tag};
pub use shape::{Violation, Violations};
pub use snapshot::{MeshSnapshot, Snapshot};
pub use spec::Spec;
