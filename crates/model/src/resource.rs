//! A resource as the API shows it: name, spec, metadata, status.

use std::fmt;
use std::time::SystemTime;

use serde::Serialize;

use crate::id::ResourceId;
use crate::spec::Spec;

/// A resource with all the API shows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// What names it.
    pub id: ResourceId,
    /// What was sent.
    pub spec: Spec,
    /// What the service knows of it.
    pub metadata: Metadata,
    /// Whether it is in force.
    pub status: Status,
}

/// What the service knows of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Full ARN.
    pub arn: String,
    /// When it was created.
    pub created_at: SystemTime,
    /// When its spec last changed.
    pub last_updated_at: SystemTime,
    /// Account that owns the mesh.
    pub mesh_owner: String,
    /// Account that created the resource.
    pub resource_owner: String,
    /// Unique for all time, unlike the name.
    pub uid: String,
    /// 1 when created, one more with every change.
    pub version: u64,
}

/// Whether a resource is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// In force.
    Active,
    /// Kept, not in force.
    Inactive,
    /// Deleted; seen only in the answer to its deletion.
    Deleted,
}

impl Status {
    /// The status as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Inactive => "INACTIVE",
            Self::Deleted => "DELETED",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A tag of a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
pub struct Tag {
    /// 1 to 128 characters.
    pub key: String,
    /// Up to 256 characters.
    #[serde(default)]
    pub value: String,
}
