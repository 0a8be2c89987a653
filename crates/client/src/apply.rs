//! Reading what a control plane has, and doing what a plan says.

use std::collections::{BTreeMap, BTreeSet};

use evermesh_model::{Kind, MeshId, ResourceId, Tag};
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::client::Client;
use crate::document::Document;
use crate::error::ClientError;
use crate::plan::{Action, Held, Step};
use crate::reference::prerequisites;

/// Requests on their way at once.
const CONCURRENCY: usize = 16;

/// All that is in a mesh, the mesh itself first, each kind by name.
///
/// # Errors
/// As for every request; [`ClientError::is_not_found`] when there is no such mesh.
pub async fn read_mesh(client: &Client, mesh: &MeshId) -> Result<Vec<Held>, ClientError> {
    let ids = ids_in(client, mesh).await?;
    let held: Vec<Option<Held>> = read_all(client, ids).await?;
    Ok(held.into_iter().flatten().collect())
}

/// What a plan for these documents has to know: the documents' resources, what they refer to, and all that is in
/// the meshes to prune.
///
/// # Errors
/// As for every request.
pub async fn read_held(
    client: &Client,
    documents: &[Document],
    prune: &[MeshId],
) -> Result<BTreeMap<ResourceId, Held>, ClientError> {
    let mut ids = BTreeSet::new();
    for Document { manifest, .. } in documents {
        ids.insert(manifest.id.clone());
        ids.extend(
            prerequisites(manifest)
                .into_iter()
                .map(|reference| reference.target),
        );
    }
    for mesh in prune {
        match ids_in(client, mesh).await {
            Ok(found) => ids.extend(found),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    // A name that no resource can have is not worth a request.
    let ids = ids.into_iter().filter(|id| id.validate().is_ok()).collect();
    let held = read_all(client, ids).await?.into_iter().flatten();
    Ok(held.map(|held| (held.resource.id.clone(), held)).collect())
}

/// Does one step of a plan.
///
/// # Errors
/// As for every request. An update of spec and tags may have been done by half.
pub async fn apply_step(client: &Client, step: &Step) -> Result<(), ClientError> {
    match (step.action(), &step.before, &step.after) {
        (Action::Create, _, Some(after)) => client.create(after).await.map(drop),
        (Action::Update, Some(before), Some(after)) => {
            if before.resource.spec != after.spec {
                client.update(&step.id, &after.spec).await?;
            }
            change_tags(client, before, after.tags.as_deref().unwrap_or_default()).await
        }
        (Action::Delete, ..) => match client.delete(&step.id).await {
            Err(error) if error.is_not_found() => Ok(()),
            outcome => outcome,
        },
        _ => Ok(()),
    }
}

async fn change_tags(client: &Client, before: &Held, after: &[Tag]) -> Result<(), ClientError> {
    let arn = &before.resource.metadata.arn;
    let keys = before.tags.iter().map(|tag| tag.key.as_str());
    let removed: Vec<&str> = keys
        .filter(|key| after.iter().all(|tag| tag.key != *key))
        .collect();
    if !removed.is_empty() {
        client.untag(arn, &removed).await?;
    }
    let changed: Vec<&Tag> = after.iter().filter(|tag| !before.tags.contains(tag)).collect();
    if !changed.is_empty() {
        client.tag(arn, &changed).await?;
    }
    Ok(())
}

async fn ids_in(client: &Client, mesh: &MeshId) -> Result<Vec<ResourceId>, ClientError> {
    let itself = ResourceId::mesh_itself(mesh.clone());
    let mut ids = Vec::new();
    for kind in Kind::ALL {
        match kind.parent() {
            None => ids.push(itself.clone()),
            Some(Kind::Mesh) => ids.extend(client.list(kind, Some(&itself)).await?),
            Some(parent) => {
                let parents: Vec<ResourceId> = ids.iter().filter(|id| id.kind() == parent).cloned().collect();
                // A parent that was deleted meanwhile has no children.
                let children = stream::iter(&parents)
                    .map(async |parent| found(client.list(kind, Some(parent)).await))
                    .buffered(CONCURRENCY)
                    .try_collect::<Vec<_>>();
                ids.extend(children.await?.into_iter().flatten().flatten());
            }
        }
    }
    Ok(ids)
}

/// What exists of the resources, in their order.
async fn read_all(client: &Client, ids: Vec<ResourceId>) -> Result<Vec<Option<Held>>, ClientError> {
    stream::iter(ids)
        .map(async |id| found(read(client, &id).await))
        .buffered(CONCURRENCY)
        .try_collect()
        .await
}

async fn read(client: &Client, id: &ResourceId) -> Result<Held, ClientError> {
    let resource = client.describe(id).await?;
    // Nobody but its owner may read a resource's tags, and in a shared mesh there are others' resources.
    let tags = if resource.metadata.resource_owner == client.account() {
        client.tags(&resource.metadata.arn).await?
    } else {
        Vec::new()
    };
    Ok(Held { resource, tags })
}

/// What does not exist is no failure.
fn found<T>(outcome: Result<T, ClientError>) -> Result<Option<T>, ClientError> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
