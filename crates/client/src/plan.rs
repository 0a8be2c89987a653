//! What has to be done, in which order, so that a mesh becomes what files say. Pure: nobody is asked.
//!
//! What is created or updated goes first, what is referred to before what refers to it; what is deleted goes last,
//! in the opposite order. So nothing refers to what is not there (any more) at any moment, and the control plane
//! refuses no step.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use evermesh_model::{Manifest, MeshId, Resource, ResourceId, Tag};

use crate::document::{Document, Problems};
use crate::reference::prerequisites;

/// A resource as the control plane has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The resource.
    pub resource: Resource,
    /// Its tags, by key.
    pub tags: Vec<Tag>,
}

impl Held {
    /// What a user would write down to get this.
    pub fn manifest(&self) -> Manifest {
        Manifest {
            id: self.resource.id.clone(),
            spec: self.resource.spec.clone(),
            tags: Some(self.tags.clone()),
        }
    }
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// There was none.
    Create,
    /// Spec, tags or both differ.
    Update,
    /// Nothing.
    Unchanged,
    /// It is in no file.
    Delete,
}

/// What becomes of one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The resource.
    pub id: ResourceId,
    /// As it is; `None` when there is none.
    pub before: Option<Held>,
    /// As it is to be, its tags included; `None` when there is to be none.
    pub after: Option<Manifest>,
}

impl Step {
    /// What the step does.
    pub fn action(&self) -> Action {
        match (&self.before, &self.after) {
            (None, _) => Action::Create,
            (Some(_), None) => Action::Delete,
            (Some(before), Some(after)) if before.manifest() == *after => Action::Unchanged,
            (Some(_), Some(_)) => Action::Update,
        }
    }
}

/// All steps, in the order in which they are to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// One for each document, and one for each resource that is deleted.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Compares documents with what the control plane has. In the meshes of `prune`, what is in no document is
    /// deleted, but for the mesh itself. A document without tags leaves those that there are.
    ///
    /// # Errors
    /// Every reference to what will not exist, and every mesh to prune that no document is of.
    pub fn new(
        documents: &[Document],
        held: &BTreeMap<ResourceId, Held>,
        prune: &[MeshId],
    ) -> Result<Self, Problems> {
        let pruned = |id: &ResourceId| id.parent().is_some() && prune.contains(id.mesh());
        let mut problems = check_references(documents, |id| held.contains_key(id) && !pruned(id));
        for mesh in prune {
            if !documents.iter().any(|found| found.manifest.id.mesh() == mesh) {
                let message =
                    format!("no document is of the mesh {mesh}, so pruning would delete all that is in it");
                problems.push("prune", message);
            }
        }
        let mut steps: Vec<Step> = documents
            .iter()
            .map(|found| step(&found.manifest, held))
            .collect();
        steps.sort_by(|a, b| by_dependency(&a.id).cmp(&by_dependency(&b.id)));
        steps.extend(deletions(documents, held, pruned));
        problems.or(Self { steps })
    }
}

/// Finds references to what is neither in a document nor exists otherwise.
pub fn check_references(documents: &[Document], exists: impl Fn(&ResourceId) -> bool) -> Problems {
    let written: HashMap<&ResourceId, ()> = documents.iter().map(|found| (&found.manifest.id, ())).collect();
    let mut problems = Problems::default();
    for Document { place, manifest } in documents {
        for reference in prerequisites(manifest) {
            let target = &reference.target;
            if !written.contains_key(target) && !exists(target) {
                let message = format!(
                    "{}: {target} is in none of the files and will not exist",
                    reference.path
                );
                problems.push(place, message);
            }
        }
    }
    problems
}

fn step(manifest: &Manifest, held: &BTreeMap<ResourceId, Held>) -> Step {
    let before = held.get(&manifest.id).cloned();
    let mut after = manifest.clone();
    let present = before.iter().flat_map(|before| before.tags.clone());
    let mut tags = after.tags.take().unwrap_or_else(|| present.collect());
    tags.sort();
    after.tags = Some(tags);
    Step {
        id: manifest.id.clone(),
        before,
        after: Some(after),
    }
}

fn deletions(
    documents: &[Document],
    held: &BTreeMap<ResourceId, Held>,
    pruned: impl Fn(&ResourceId) -> bool,
) -> Vec<Step> {
    let is_written = |id: &ResourceId| documents.iter().any(|found| found.manifest.id == *id);
    let gone = held.iter().filter(|(id, _)| pruned(id) && !is_written(id));
    let mut steps: Vec<Step> = gone
        .map(|(id, before)| Step {
            id: id.clone(),
            before: Some(before.clone()),
            after: None,
        })
        .collect();
    steps.sort_by(|a, b| Reverse(by_dependency(&a.id)).cmp(&Reverse(by_dependency(&b.id))));
    steps
}

/// [`Kind`](evermesh_model::Kind) is ordered so that what is referred to comes first.
fn by_dependency(id: &ResourceId) -> (evermesh_model::Kind, &ResourceId) {
    (id.kind(), id)
}

#[cfg(test)]
mod tests;
