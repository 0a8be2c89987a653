//! A mesh service in memory, with just the semantics that show whether a request arrived as it was meant; and one
//! that refuses everything.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use evermesh_model::{Arn, Metadata, Resource, ResourceId, Status, Tag};
use evermesh_service::{
    Caller, CreateRequest, ListRequest, MeshService, Page, ResourceRef, ServiceError, TagPage, UpdateRequest,
};

/// Resources and their tags.
#[derive(Default)]
pub(crate) struct Memory(Mutex<BTreeMap<ResourceId, (Resource, Tags)>>);

type Tags = BTreeMap<String, String>;

/// When everything happens: the fraction shows that milliseconds arrive.
pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_758_124_800_250)
}

impl Memory {
    fn with<T>(
        &self,
        id: &ResourceId,
        act: impl FnOnce(&mut Resource, &mut Tags) -> T,
    ) -> Result<T, ServiceError> {
        let mut resources = self.0.lock().unwrap();
        let missing = || ServiceError::NotFound(format!("there is no {id}"));
        let (resource, tags) = resources.get_mut(id).ok_or_else(missing)?;
        Ok(act(resource, tags))
    }
}

fn created(caller: &Caller, request: &CreateRequest) -> Resource {
    let arn = Arn {
        partition: "aws".to_owned(),
        region: caller.region.clone(),
        account: caller.account.clone(),
        resource: request.id.clone(),
    };
    Resource {
        id: request.id.clone(),
        spec: request.spec.clone(),
        metadata: Metadata {
            arn: arn.to_string(),
            created_at: now(),
            last_updated_at: now(),
            mesh_owner: request.id.mesh().owner.clone(),
            resource_owner: caller.account.clone(),
            uid: request
                .client_token
                .clone()
                .unwrap_or_else(|| "no token".to_owned()),
            version: 1,
        },
        status: Status::Active,
    }
}

#[async_trait]
impl MeshService for Memory {
    async fn create(&self, caller: &Caller, request: CreateRequest) -> Result<Resource, ServiceError> {
        let resource = created(caller, &request);
        let tags = request.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        self.0
            .lock()
            .unwrap()
            .insert(request.id, (resource.clone(), tags));
        Ok(resource)
    }

    async fn describe(&self, _: &Caller, id: &ResourceId) -> Result<Resource, ServiceError> {
        self.with(id, |resource, _| resource.clone())
    }

    async fn update(&self, _: &Caller, request: UpdateRequest) -> Result<Resource, ServiceError> {
        self.with(&request.id, |resource, _| {
            resource.spec = request.spec.clone();
            resource.metadata.version += 1;
            resource.clone()
        })
    }

    async fn delete(&self, _: &Caller, id: &ResourceId) -> Result<Resource, ServiceError> {
        let deleted = self.with(id, |resource, _| Resource {
            status: Status::Deleted,
            ..resource.clone()
        })?;
        self.0.lock().unwrap().remove(id);
        Ok(deleted)
    }

    async fn list(&self, _: &Caller, request: ListRequest) -> Result<Page<ResourceRef>, ServiceError> {
        let resources = self.0.lock().unwrap();
        let matching = resources
            .values()
            .filter(|(resource, _)| {
                resource.id.kind() == request.kind && resource.id.parent() == request.parent
            })
            .map(|(resource, _)| ResourceRef {
                id: resource.id.clone(),
                metadata: resource.metadata.clone(),
            });
        Ok(page(
            matching,
            |item| item.id.name(),
            request.limit,
            request.next_token.as_deref(),
        ))
    }

    async fn tag(&self, _: &Caller, arn: &Arn, tags: Vec<Tag>) -> Result<(), ServiceError> {
        self.with(&arn.resource, |_, known| {
            known.extend(tags.into_iter().map(|tag| (tag.key, tag.value)));
        })
    }

    async fn untag(&self, _: &Caller, arn: &Arn, keys: Vec<String>) -> Result<(), ServiceError> {
        self.with(&arn.resource, |_, known| {
            known.retain(|key, _| !keys.contains(key))
        })
    }

    async fn list_tags(
        &self,
        _: &Caller,
        arn: &Arn,
        limit: Option<u32>,
        next_token: Option<String>,
    ) -> Result<TagPage, ServiceError> {
        let tags = self.with(&arn.resource, |_, tags| tags.clone())?;
        let tags = tags.into_iter().map(|(key, value)| Tag { key, value });
        Ok(page(tags, |tag| &tag.key, limit, next_token.as_deref()))
    }
}

/// The token is the name of the last item of the page before.
fn page<T>(
    items: impl Iterator<Item = T>,
    name: impl Fn(&T) -> &str,
    limit: Option<u32>,
    after: Option<&str>,
) -> Page<T> {
    let limit = limit.map_or(usize::MAX, |limit| limit as usize);
    let mut rest = items
        .filter(|item| after.is_none_or(|after| name(item) > after))
        .peekable();
    let items: Vec<T> = rest.by_ref().take(limit).collect();
    let next_token = rest
        .peek()
        .and_then(|_| items.last().map(|last| name(last).to_owned()));
    Page { items, next_token }
}

/// Refuses everything in one way.
pub(crate) struct Refusing(pub(crate) ServiceError);

#[async_trait]
impl MeshService for Refusing {
    async fn create(&self, _: &Caller, _: CreateRequest) -> Result<Resource, ServiceError> {
        Err(self.0.clone())
    }
    async fn describe(&self, _: &Caller, _: &ResourceId) -> Result<Resource, ServiceError> {
        Err(self.0.clone())
    }
    async fn update(&self, _: &Caller, _: UpdateRequest) -> Result<Resource, ServiceError> {
        Err(self.0.clone())
    }
    async fn delete(&self, _: &Caller, _: &ResourceId) -> Result<Resource, ServiceError> {
        Err(self.0.clone())
    }
    async fn list(&self, _: &Caller, _: ListRequest) -> Result<Page<ResourceRef>, ServiceError> {
        Err(self.0.clone())
    }
    async fn tag(&self, _: &Caller, _: &Arn, _: Vec<Tag>) -> Result<(), ServiceError> {
        Err(self.0.clone())
    }
    async fn untag(&self, _: &Caller, _: &Arn, _: Vec<String>) -> Result<(), ServiceError> {
        Err(self.0.clone())
    }
    async fn list_tags(
        &self,
        _: &Caller,
        _: &Arn,
        _: Option<u32>,
        _: Option<String>,
    ) -> Result<TagPage, ServiceError> {
        Err(self.0.clone())
    }
}
