//! What a request must be like before anything is read from the store: names, rules of specs, tags, tokens.

use std::collections::HashSet;

use evermesh_model::arn::is_account_id;
use evermesh_model::{ResourceId, Spec, Tag, Violations, validate};

use crate::{CreateRequest, ServiceError, UpdateRequest};

/// Tags that a resource may have (API shape `TagList`).
pub(crate) const MOST_TAGS: usize = 50;

/// Characters of a tag's key and value (API shapes `TagKey`, `TagValue`).
const TAG_KEY_LENGTH: usize = 128;
const TAG_VALUE_LENGTH: usize = 256;

/// Characters of a client token (documentation of `clientToken`).
const TOKEN_LENGTH: usize = 36;

/// Checks all of a creation that can be checked by itself.
pub(crate) fn check_create(request: &CreateRequest) -> Result<(), ServiceError> {
    let mut found = Violations::default();
    names(&mut found, &request.id);
    spec(&mut found, &request.id, &request.spec);
    token(&mut found, request.client_token.as_deref());
    tags(&mut found, &request.tags);
    // Unlike TagResource, no creation has a TooManyTagsException in the service model.
    if request.tags.len() > MOST_TAGS {
        let message = format!("must have at most {MOST_TAGS} items, has {}", request.tags.len());
        found.push("tags", message);
    }
    finish(found)
}

/// Checks all of an update that can be checked by itself.
pub(crate) fn check_update(request: &UpdateRequest) -> Result<(), ServiceError> {
    let mut found = Violations::default();
    names(&mut found, &request.id);
    spec(&mut found, &request.id, &request.spec);
    token(&mut found, request.client_token.as_deref());
    finish(found)
}

/// Checks the names of a resource.
pub(crate) fn check_id(id: &ResourceId) -> Result<(), ServiceError> {
    let mut found = Violations::default();
    names(&mut found, id);
    finish(found)
}

/// Checks tags that are to be set, apart from their number.
pub(crate) fn check_tags(list: &[Tag]) -> Result<(), ServiceError> {
    let mut found = Violations::default();
    tags(&mut found, list);
    finish(found)
}

/// Checks the keys of tags that are to be removed (API shape `TagKeyList`).
pub(crate) fn check_tag_keys(keys: &[String]) -> Result<(), ServiceError> {
    let mut found = Violations::default();
    if keys.len() > MOST_TAGS {
        let message = format!("must have at most {MOST_TAGS} items, has {}", keys.len());
        found.push("tagKeys", message);
    }
    for (index, key) in keys.iter().enumerate() {
        length(&mut found, &format!("tagKeys[{index}]"), key, 1, TAG_KEY_LENGTH);
    }
    finish(found)
}

fn finish(found: Violations) -> Result<(), ServiceError> {
    found.into_result().map_err(ServiceError::BadRequest)
}

fn names(found: &mut Violations, id: &ResourceId) {
    if !is_account_id(&id.mesh().owner) {
        found.push("meshOwner", "must be an account id of twelve digits");
    }
    if let Err(violations) = id.validate() {
        found.0.extend(violations.0);
    }
}

fn spec(found: &mut Violations, id: &ResourceId, spec: &Spec) {
    if spec.kind() != id.kind() {
        let message = format!("must be the spec of a {}, is of a {}", id.kind(), spec.kind());
        found.push("spec", message);
    }
    if let Err(violations) = validate::validate(spec) {
        found.0.extend(violations.0);
    }
}

fn token(found: &mut Violations, token: Option<&str>) {
    let Some(token) = token else { return };
    length(found, "clientToken", token, 1, TOKEN_LENGTH);
    let accepted = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !token.chars().all(accepted) {
        found.push("clientToken", "must be letters, digits, hyphens and underscores");
    }
}

fn tags(found: &mut Violations, tags: &[Tag]) {
    let mut seen = HashSet::new();
    for (index, tag) in tags.iter().enumerate() {
        let path = format!("tags[{index}].key");
        length(found, &path, &tag.key, 1, TAG_KEY_LENGTH);
        if is_reserved(&tag.key) {
            found.push(&path, "keys that begin with aws: are reserved");
        }
        if !seen.insert(&tag.key) {
            found.push(&path, "is the key of an earlier tag too");
        }
        length(
            found,
            &format!("tags[{index}].value"),
            &tag.value,
            0,
            TAG_VALUE_LENGTH,
        );
    }
}

/// AWS keeps these to itself in any case of letters.
fn is_reserved(key: &str) -> bool {
    key.get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
}

fn length(found: &mut Violations, path: &str, text: &str, least: usize, most: usize) {
    let length = text.chars().count();
    if !(least..=most).contains(&length) {
        found.push(
            path,
            format!("must be {least} to {most} characters long, is {length}"),
        );
    }
}
