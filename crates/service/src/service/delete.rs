//! Deletion of resources, and what stands in its way.

use evermesh_model::reference::targets;
use evermesh_model::{Kind, Resource, ResourceId, Status};
use evermesh_store::{ListOptions, Outcome, Revision, Txn};

use super::view::View;
use super::{ATTEMPTS, StoreService, check_owner, contended};
use crate::record::{Record, RecordError, key};
use crate::{Caller, ServiceError, request};

/// Dependants that an error names.
const NAMED: usize = 3;

impl StoreService {
    pub(super) async fn delete_resource(
        &self,
        caller: &Caller,
        id: &ResourceId,
    ) -> Result<Resource, ServiceError> {
        request::check_id(id)?;
        for _ in 0..ATTEMPTS {
            if let Some(deleted) = self.try_delete(caller, id).await? {
                return Ok(deleted.into_resource(Status::Deleted));
            }
        }
        Err(contended(id))
    }

    /// One attempt; `None` when something has changed between its read and its commit.
    async fn try_delete(&self, caller: &Caller, id: &ResourceId) -> Result<Option<Record>, ServiceError> {
        let key = key::of(id);
        let view = View::read(self.store.as_ref(), std::slice::from_ref(&key)).await?;
        let Some(mut record) = view.record(&key)? else {
            return Err(self.missing(id).await?);
        };
        if caller.account != id.mesh().owner {
            check_owner(caller, &record)?;
        }
        match self.store.commit(deletion(&record, view.revision(&key))).await? {
            Outcome::Committed(_) => {
                record.facts.advance((self.options.clock)());
                Ok(Some(record))
            }
            // The other conditions are that nothing depends on it.
            Outcome::Refused(refusal) if refusal.condition > 0 => self.check_unused(id).await.map(|()| None),
            Outcome::Refused(_) => Ok(None),
        }
    }

    /// `ResourceInUse` while something depends on a resource.
    async fn check_unused(&self, id: &ResourceId) -> Result<(), ServiceError> {
        let mut dependants = Vec::new();
        let mut more = false;
        if let Some(children) = key::children(id) {
            let listing = self.store.list(&children, first(NAMED)).await?;
            for entry in listing.entries {
                let child = key::parse(&entry.key).ok_or(RecordError::Key { key: entry.key })?;
                dependants.push(child.to_string());
            }
            more |= listing.more;
        }
        if is_referred_to(id.kind()) {
            let listing = self.store.list(&key::references_to(id), first(NAMED)).await?;
            let referrers = listing.entries.iter();
            dependants.extend(referrers.map(|entry| String::from_utf8_lossy(&entry.value).into_owned()));
            more |= listing.more;
        }
        if dependants.is_empty() {
            return Ok(());
        }
        more |= dependants.len() > NAMED;
        dependants.truncate(NAMED);
        let others = if more { " and others" } else { "" };
        Err(ServiceError::ResourceInUse(format!(
            "{id} is in use by {}{others}; delete or change them first",
            dependants.join(", ")
        )))
    }
}

/// The transaction of a deletion. Its first condition is that the record is as it was read, all others that nothing
/// depends on it.
fn deletion(record: &Record, revision: Revision) -> Txn {
    let (id, facts) = (&record.id, &record.facts);
    let key = key::of(id);
    let mut txn = Txn::new().at(&key, revision).delete(&key);
    txn = txn.put(key::counters(id).deleted, "");
    if let Some(children) = key::children(id) {
        txn = txn.prefix_empty(children);
    }
    if is_referred_to(id.kind()) {
        txn = txn.prefix_empty(key::references_to(id));
    }
    if let Some(counters) = key::counters_inside(id) {
        txn = txn.delete_prefix(counters);
    }
    for target in targets(id.mesh(), &record.spec) {
        txn = txn.delete(key::reference(&target, &facts.uid));
    }
    for token in &facts.client_tokens {
        txn = txn.delete(key::token(&facts.resource_owner, token));
    }
    txn
}

/// Whether specs can refer to resources of this kind.
fn is_referred_to(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::VirtualNode | Kind::VirtualRouter | Kind::VirtualService
    )
}

fn first(limit: usize) -> ListOptions {
    ListOptions {
        limit: Some(limit),
        ..ListOptions::default()
    }
}
