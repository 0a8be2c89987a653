//! Creation of resources.
//!
//! How quotas stay exact although creations in one place do not wait for each other: a creation reads the number of
//! resources from the counters. If at most [`IN_FLIGHT`] more fit, it commits under the condition that nobody has
//! created since. Otherwise it commits without: at most [`IN_FLIGHT`] creations are between their read and the end
//! of their commit at any time, so those that read "there is room for more than that" fit, all of them, even if they
//! commit together. Whoever reads later sees what they created.

use std::sync::Arc;

use evermesh_model::reference::{references, targets};
use evermesh_model::{Arn, Kind, Resource, ResourceId, Status};
use evermesh_store::{Outcome, Txn};
use tokio::sync::OwnedSemaphorePermit;

use super::view::{View, lineage, target_keys};
use super::{ATTEMPTS, StoreService, absent, contended};
use crate::record::{Record, key, key::Counters};
use crate::token::ClientToken;
use crate::{Caller, CreateRequest, ServiceError, request};

/// Creations that may be between their read and the end of their commit. More would gain nothing: so many share one
/// fsync already.
pub(super) const IN_FLIGHT: usize = 64;

impl StoreService {
    pub(super) async fn create_resource(
        &self,
        caller: &Caller,
        request: CreateRequest,
    ) -> Result<Resource, ServiceError> {
        request::check_create(&request)?;
        check_mesh_owner(caller, &request.id)?;
        self.options.quotas.check_spec(&request.id, &request.spec)?;
        let token = ClientToken::of_create(&caller.account, &request);
        let record = self.new_record(caller, request);
        for _ in 0..ATTEMPTS {
            if let Some(created) = self.try_create(&record, token.as_ref()).await? {
                return Ok(created.into_resource(Status::Active));
            }
        }
        Err(contended(&record.id))
    }

    fn new_record(&self, caller: &Caller, request: CreateRequest) -> Record {
        let arn = Arn {
            partition: self.options.partition.clone(),
            region: caller.region.clone(),
            account: caller.account.clone(),
            resource: request.id,
        };
        let mut record = Record::new(arn, request.spec, (self.options.clock)());
        record.facts.tags = request.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        record.facts.client_tokens.extend(request.client_token);
        record
    }

    /// One attempt; `None` when something has changed between its read and its commit.
    async fn try_create(
        &self,
        record: &Record,
        token: Option<&ClientToken>,
    ) -> Result<Option<Record>, ServiceError> {
        let permit = Arc::clone(&self.creations).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        let (id, key, counters) = (&record.id, key::of(&record.id), key::counters(&record.id));
        let view = self.read_for_create(record, token, &counters).await?;
        if let Some(existing) = view.record(&key)? {
            return match view.is_repeat(token)? {
                true => Ok(Some(existing)),
                false => Err(ServiceError::Conflict(format!("{id} already exists"))),
            };
        }
        view.is_repeat(token)?;
        for ancestor in lineage(id).iter().filter(|ancestor| *ancestor != id) {
            if !view.has(&key::of(ancestor)) {
                return Err(absent(ancestor));
            }
        }
        view.check_references(&references(id.mesh(), &record.spec))?;
        let existing = view
            .puts(&counters.created)
            .saturating_sub(view.puts(&counters.deleted));
        let room = self.options.quotas.check_room(id, existing)?;
        let mut txn = creation(record, token).put(&counters.created, "");
        if room <= IN_FLIGHT as u64 {
            txn = txn.at(&counters.created, view.revision(&counters.created));
        }
        let outcome = self.commit_holding(permit, txn).await?;
        Ok(outcome.committed().map(|_| record.clone()))
    }

    async fn read_for_create(
        &self,
        record: &Record,
        token: Option<&ClientToken>,
        counters: &Counters,
    ) -> Result<View, ServiceError> {
        let mut keys: Vec<String> = lineage(&record.id).iter().map(key::of).collect();
        keys.extend(token.map(|token| token.key.clone()));
        keys.extend(target_keys(&references(record.id.mesh(), &record.spec)));
        keys.extend([counters.created.clone(), counters.deleted.clone()]);
        View::read(self.store.as_ref(), &keys).await
    }

    /// Commits, and gives the permit back when that has ended, even if nobody waits for it any more: a transaction
    /// whose caller has gone is still in the store's queue.
    async fn commit_holding(&self, permit: OwnedSemaphorePermit, txn: Txn) -> Result<Outcome, ServiceError> {
        let store = Arc::clone(&self.store);
        let commit = tokio::spawn(async move {
            let outcome = store.commit(txn).await;
            drop(permit);
            outcome
        });
        let stopped = |_| {
            ServiceError::Unavailable(
                "the server stopped; whether the resource was created is unknown".to_owned(),
            )
        };
        Ok(commit.await.map_err(stopped)??)
    }
}

/// The transaction of a creation, without regard to quotas.
fn creation(record: &Record, token: Option<&ClientToken>) -> Txn {
    let (id, key) = (&record.id, key::of(&record.id));
    let mut txn = Txn::new().absent(&key).put(&key, record.encode());
    if let Some(parent) = id.parent() {
        txn = txn.exists(key::of(&parent));
    }
    for target in targets(id.mesh(), &record.spec) {
        let reference = key::reference(&target, &record.facts.uid);
        txn = txn.exists(key::of(&target)).put(reference, id.to_string());
    }
    if let Some(token) = token {
        txn = txn.absent(&token.key).put(&token.key, token.encode());
    }
    txn
}

fn check_mesh_owner(caller: &Caller, id: &ResourceId) -> Result<(), ServiceError> {
    if id.kind() != Kind::Mesh || id.mesh().owner == caller.account {
        return Ok(());
    }
    Err(ServiceError::Forbidden(format!(
        "account {} may not create {id} for account {}",
        caller.account,
        id.mesh().owner
    )))
}
