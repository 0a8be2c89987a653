//! Descriptions and lists.

use evermesh_model::{Resource, ResourceId, Status};
use evermesh_store::ListOptions;

use super::view::{View, lineage};
use super::{StoreService, absent};
use crate::record::{Record, key};
use crate::{ListRequest, Page, ResourceRef, ServiceError, page, request};

/// Most items of a page (API shapes `ListMeshesLimit` and the like).
const LARGEST_PAGE: u32 = 100;

impl StoreService {
    pub(super) async fn describe_resource(&self, id: &ResourceId) -> Result<Resource, ServiceError> {
        Ok(self.record(id).await?.into_resource(Status::Active))
    }

    /// The record of a resource that must exist.
    pub(super) async fn record(&self, id: &ResourceId) -> Result<Record, ServiceError> {
        request::check_id(id)?;
        let key = key::of(id);
        match self.store.get(&key).await? {
            Some(entry) => Ok(Record::decode(&key, &entry.value)?),
            None => Err(self.missing(id).await?),
        }
    }

    /// The error for a resource that was not found: it names the outermost thing that is missing.
    pub(super) async fn missing(&self, id: &ResourceId) -> Result<ServiceError, ServiceError> {
        let lineage = lineage(id);
        let keys: Vec<String> = lineage.iter().map(key::of).collect();
        let view = View::read(self.store.as_ref(), &keys).await?;
        let missing = lineage.iter().find(|id| !view.has(&key::of(id)));
        Ok(absent(missing.unwrap_or(id)))
    }

    pub(super) async fn list_resources(
        &self,
        request: &ListRequest,
    ) -> Result<Page<ResourceRef>, ServiceError> {
        let ListRequest { kind, parent, .. } = request;
        if parent.as_ref().map(ResourceId::kind) != kind.parent() {
            let message = format!("{kind} resources are not listed in a parent of that kind");
            return Err(ServiceError::bad_request("", message));
        }
        let limit = page::size(request.limit, LARGEST_PAGE)?;
        if let Some(parent) = parent {
            request::check_id(parent)?;
        }
        let prefix = key::siblings(*kind, parent.as_ref());
        let after = page::decode(&prefix, request.next_token.as_deref())?;
        let options = ListOptions {
            at: None,
            after: after.map(|last| format!("{prefix}{last}")),
            limit: Some(limit),
        };
        let listing = self.store.list(&prefix, options).await?;
        if let (true, Some(parent)) = (listing.entries.is_empty(), parent) {
            self.check_exists(parent).await?;
        }
        let last = listing.entries.last().filter(|_| listing.more);
        let next_token = last.map(|entry| page::encode(&prefix, &entry.key[prefix.len()..]));
        let items = listing.entries.iter().map(|entry| {
            let (id, metadata) = Record::decode_metadata(&entry.key, &entry.value)?;
            Ok(ResourceRef { id, metadata })
        });
        Ok(Page {
            items: items.collect::<Result<_, ServiceError>>()?,
            next_token,
        })
    }

    async fn check_exists(&self, id: &ResourceId) -> Result<(), ServiceError> {
        match self.store.get(&key::of(id)).await? {
            Some(_) => Ok(()),
            None => Err(self.missing(id).await?),
        }
    }
}
