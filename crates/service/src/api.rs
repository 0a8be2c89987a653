//! [`MeshService`]: what can be asked of App Mesh, whoever asks.

use async_trait::async_trait;
use evermesh_model::{Arn, Kind, Metadata, Resource, ResourceId, Spec, Tag};

use crate::ServiceError;

/// Who asks, and where: decides the account of what is created and the region of its ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Account id, twelve digits.
    pub account: String,
    /// Region, such as `us-west-2`.
    pub region: String,
}

/// Creation of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateRequest {
    /// What to create.
    pub id: ResourceId,
    /// Its spec, of the same kind.
    pub spec: Spec,
    /// Its tags, at most 50, keys unique.
    pub tags: Vec<Tag>,
    /// Makes a repeated request harmless: the same token with the same content changes nothing and answers with the
    /// resource as it is now, which is what the first answer was unless it was changed since. The same token with
    /// other content, or for another resource, is a `Conflict`. 1 to 36 letters, digits, hyphens and underscores.
    pub client_token: Option<String>,
}

/// Replacement of a resource's spec.
#[derive(Debug, Clone, PartialEq)]
pub struct UpdateRequest {
    /// What to update.
    pub id: ResourceId,
    /// The new spec, of the same kind.
    pub spec: Spec,
    /// As for [`CreateRequest::client_token`].
    pub client_token: Option<String>,
}

/// A page of the resources of one kind in one parent.
#[derive(Debug, Clone, PartialEq)]
pub struct ListRequest {
    /// What is listed.
    pub kind: Kind,
    /// Where: a mesh, a router for routes, a gateway for gateway routes; `None` for meshes, of whichever owner.
    pub parent: Option<ResourceId>,
    /// Most items of the page, 1 to 100; `None`: 100.
    pub limit: Option<u32>,
    /// Where the previous page ended, as it said. Good for the same kind and parent only, and for ever: items that
    /// were created or deleted meanwhile are there or not, no other is left out or shown twice.
    pub next_token: Option<String>,
}

/// A resource in a list: without its spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceRef {
    /// What names it.
    pub id: ResourceId,
    /// What the service knows of it.
    pub metadata: Metadata,
}

/// Some of the items of a list, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, ordered by name.
    pub items: Vec<T>,
    /// For the next page; `None` after the last.
    pub next_token: Option<String>,
}

/// A page of tags, ordered by key.
pub type TagPage = Page<Tag>;

/// The App Mesh API without its wire protocol. What returns `Ok` is durable.
#[async_trait]
pub trait MeshService: Send + Sync {
    /// Creates a resource. `Conflict` when the name is taken, `NotFound` when its parent or what it refers to is not
    /// there, `LimitExceeded` beyond a quota.
    async fn create(&self, caller: &Caller, request: CreateRequest) -> Result<Resource, ServiceError>;

    /// The resource as it is.
    async fn describe(&self, caller: &Caller, id: &ResourceId) -> Result<Resource, ServiceError>;

    /// Replaces a spec; the version goes up by one even when nothing differs. `Forbidden` to all but the resource's
    /// owner.
    async fn update(&self, caller: &Caller, request: UpdateRequest) -> Result<Resource, ServiceError>;

    /// Deletes a resource and answers with its last state: next version, status DELETED. `ResourceInUse` while
    /// something depends on it, `Forbidden` to all but the owners of the resource and of its mesh.
    async fn delete(&self, caller: &Caller, id: &ResourceId) -> Result<Resource, ServiceError>;

    /// A page of resources.
    async fn list(&self, caller: &Caller, request: ListRequest) -> Result<Page<ResourceRef>, ServiceError>;

    /// Adds tags or changes their values; all or none. `TooManyTags` when there would be more than 50. As for the
    /// other operations on tags, the ARN must be the resource's own and the caller the resource's owner.
    async fn tag(&self, caller: &Caller, arn: &Arn, tags: Vec<Tag>) -> Result<(), ServiceError>;

    /// Removes tags; keys that are not there are ignored.
    async fn untag(&self, caller: &Caller, arn: &Arn, keys: Vec<String>) -> Result<(), ServiceError>;

    /// A page of a resource's tags. `limit` is 1 to 50; `None`: 50.
    async fn list_tags(
        &self,
        caller: &Caller,
        arn: &Arn,
        limit: Option<u32>,
        next_token: Option<String>,
    ) -> Result<TagPage, ServiceError>;
}
