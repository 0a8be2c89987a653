//! [`StoreService`]: App Mesh answered from a store.
//!
//! Nothing is locked. An operation reads what it needs at one revision, decides, and commits under conditions that
//! say what the decision rests on and no more: this key is as it was read, that one exists, nothing has this prefix.
//! A refusal means that one of them has changed, so the operation starts over. Operations on unrelated resources
//! have no condition in common; they never refuse each other, and their commits share the store's fsync.

mod create;
mod delete;
mod read;
mod tags;
mod update;
mod view;

use std::sync::Arc;

use async_trait::async_trait;
use evermesh_model::{Arn, Resource, ResourceId, Tag};
use evermesh_store::Store;
use tokio::sync::Semaphore;

use crate::record::Record;
use crate::{
    Caller, CreateRequest, ListRequest, MeshService, Page, ResourceRef, ServiceError, ServiceOptions,
    TagPage, UpdateRequest,
};

/// How often an operation starts over. Each refusal means that another one got through, so this many refusals in a
/// row take a resource that is changed without pause.
const ATTEMPTS: usize = 256;

/// App Mesh answered from a store.
///
/// * **Accounts.** One store is one region of App Mesh with all its accounts. Sharing of meshes by RAM is not
///   modelled: every mesh is shared with every caller. Within a shared mesh the rules of the user guide ("Working
///   with shared meshes") hold: only a mesh's owner creates it, only the account that created a resource changes or
///   tags it, and that account or the mesh's owner deletes it.
/// * **References.** What a spec refers to must exist, else `NotFound` says which member names what. Backends may
///   name what does not exist.
/// * **Client tokens.** A repeated request is answered with the resource as it is now. A token is forgotten with its
///   resource, and after the 16 latest of that resource.
/// * **Quotas** are exact: no interleaving of requests to one service gets beyond one. (Each further replica on the
///   same store could exceed a quota by as many as its own creations in flight, 64.)
pub struct StoreService {
    store: Arc<dyn Store>,
    options: ServiceOptions,
    /// Bounds the creations that have read the counters and not yet committed; see `create`.
    creations: Arc<Semaphore>,
}

impl StoreService {
    /// A service on this store, whose keys are all its own.
    pub fn new(store: Arc<dyn Store>, options: ServiceOptions) -> Self {
        Self {
            store,
            options,
            creations: Arc::new(Semaphore::new(create::IN_FLIGHT)),
        }
    }
}

#[async_trait]
impl MeshService for StoreService {
    async fn create(&self, caller: &Caller, request: CreateRequest) -> Result<Resource, ServiceError> {
        self.create_resource(caller, request).await
    }

    async fn describe(&self, _caller: &Caller, id: &ResourceId) -> Result<Resource, ServiceError> {
        self.describe_resource(id).await
    }

    async fn update(&self, caller: &Caller, request: UpdateRequest) -> Result<Resource, ServiceError> {
        self.update_resource(caller, request).await
    }

    async fn delete(&self, caller: &Caller, id: &ResourceId) -> Result<Resource, ServiceError> {
        self.delete_resource(caller, id).await
    }

    async fn list(&self, _caller: &Caller, request: ListRequest) -> Result<Page<ResourceRef>, ServiceError> {
        self.list_resources(&request).await
    }

    async fn tag(&self, caller: &Caller, arn: &Arn, tags: Vec<Tag>) -> Result<(), ServiceError> {
        self.add_tags(caller, arn, &tags).await
    }

    async fn untag(&self, caller: &Caller, arn: &Arn, keys: Vec<String>) -> Result<(), ServiceError> {
        self.remove_tags(caller, arn, &keys).await
    }

    async fn list_tags(
        &self,
        caller: &Caller,
        arn: &Arn,
        limit: Option<u32>,
        next_token: Option<String>,
    ) -> Result<TagPage, ServiceError> {
        self.tags_page(caller, arn, limit, next_token.as_deref()).await
    }
}

/// Only the account that created a resource may change it.
fn check_owner(caller: &Caller, record: &Record) -> Result<(), ServiceError> {
    let owner = &record.facts.resource_owner;
    if caller.account == *owner {
        return Ok(());
    }
    Err(ServiceError::Forbidden(format!(
        "{} belongs to account {owner}; account {} may not change it",
        record.id, caller.account
    )))
}

/// Every attempt was refused.
fn contended(id: &ResourceId) -> ServiceError {
    ServiceError::Unavailable(format!(
        "{id} or what it depends on is being changed by too many others; nothing was changed, try again"
    ))
}

/// What is said of a resource that is not there.
fn absent(id: &ResourceId) -> ServiceError {
    let owner = &id.mesh().owner;
    ServiceError::NotFound(format!("{id} does not exist (mesh owner {owner})"))
}
