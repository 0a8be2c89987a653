//! Replacement of specs.

use evermesh_model::reference::{references, targets};
use evermesh_model::{Resource, Status};
use evermesh_store::{Revision, Txn};

use super::view::{View, target_keys};
use super::{ATTEMPTS, StoreService, check_owner, contended};
use crate::record::{Record, key};
use crate::token::{self, ClientToken};
use crate::{Caller, ServiceError, UpdateRequest, request};

impl StoreService {
    pub(super) async fn update_resource(
        &self,
        caller: &Caller,
        request: UpdateRequest,
    ) -> Result<Resource, ServiceError> {
        request::check_update(&request)?;
        self.options.quotas.check_spec(&request.id, &request.spec)?;
        let token = ClientToken::of_update(&caller.account, &request);
        for _ in 0..ATTEMPTS {
            if let Some(updated) = self.try_update(caller, &request, token.as_ref()).await? {
                return Ok(updated.into_resource(Status::Active));
            }
        }
        Err(contended(&request.id))
    }

    /// One attempt; `None` when something has changed between its read and its commit.
    async fn try_update(
        &self,
        caller: &Caller,
        request: &UpdateRequest,
        token: Option<&ClientToken>,
    ) -> Result<Option<Record>, ServiceError> {
        let key = key::of(&request.id);
        let references = references(request.id.mesh(), &request.spec);
        let mut keys = vec![key.clone()];
        keys.extend(token.map(|token| token.key.clone()));
        keys.extend(target_keys(&references));
        let view = View::read(self.store.as_ref(), &keys).await?;
        let Some(before) = view.record(&key)? else {
            return Err(self.missing(&request.id).await?);
        };
        check_owner(caller, &before)?;
        if view.is_repeat(token)? {
            return Ok(Some(before));
        }
        view.check_references(&references)?;
        let mut after = before.clone();
        after.spec = request.spec.clone();
        after.facts.advance((self.options.clock)());
        after.facts.client_tokens.extend(request.client_token.clone());
        let forgotten = forget_tokens(&mut after);
        let txn = replacement(&before, view.revision(&key), &after);
        let txn = exchange_tokens(txn, &after.facts.resource_owner, token, &forgotten);
        let outcome = self.store.commit(txn).await?;
        Ok(outcome.committed().map(|_| after))
    }
}

/// The transaction that replaces a record, and its references where they differ.
fn replacement(before: &Record, revision: Revision, after: &Record) -> Txn {
    let (mesh, uid) = (after.id.mesh(), &after.facts.uid);
    let key = key::of(&after.id);
    let mut txn = Txn::new().at(&key, revision).put(&key, after.encode());
    let (old, new) = (targets(mesh, &before.spec), targets(mesh, &after.spec));
    for target in new.difference(&old) {
        let reference = key::reference(target, uid);
        txn = txn.exists(key::of(target)).put(reference, after.id.to_string());
    }
    for target in old.difference(&new) {
        txn = txn.delete(key::reference(target, uid));
    }
    txn
}

fn exchange_tokens(mut txn: Txn, account: &str, token: Option<&ClientToken>, forgotten: &[String]) -> Txn {
    if let Some(token) = token {
        txn = txn.absent(&token.key).put(&token.key, token.encode());
    }
    for token in forgotten {
        txn = txn.delete(key::token(account, token));
    }
    txn
}

/// Takes the tokens out of a record that are over the number kept.
fn forget_tokens(record: &mut Record) -> Vec<String> {
    let tokens = &mut record.facts.client_tokens;
    tokens.drain(..tokens.len().saturating_sub(token::KEPT)).collect()
}
