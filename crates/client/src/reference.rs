//! What a resource needs to exist before it: what contains it, and what its spec names.

use evermesh_model::Manifest;
use evermesh_model::reference::{Reference, references};

/// Everything the API asks for when a resource is created, the parent first.
pub(crate) fn prerequisites(manifest: &Manifest) -> Vec<Reference> {
    let parent = manifest.id.parent().map(|target| Reference {
        path: target.kind().name_field().to_owned(),
        target,
    });
    parent
        .into_iter()
        .chain(references(manifest.id.mesh(), &manifest.spec))
        .collect()
}
