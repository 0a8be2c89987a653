//! Tags of resources. They do not count as a change of the resource: its version and times stay.

use std::collections::BTreeMap;
use std::ops::Bound;

use evermesh_model::{Arn, Tag};
use evermesh_store::Txn;

use super::view::View;
use super::{ATTEMPTS, StoreService, check_owner, contended};
use crate::record::{Record, key};
use crate::request::{self, MOST_TAGS};
use crate::{Caller, ServiceError, TagPage, page};

/// Tags by key.
type Tags = BTreeMap<String, String>;

/// Most items of a page (API shape `TagsLimit`).
const LARGEST_PAGE: u32 = 50;

impl StoreService {
    pub(super) async fn add_tags(
        &self,
        caller: &Caller,
        arn: &Arn,
        tags: &[Tag],
    ) -> Result<(), ServiceError> {
        request::check_tags(tags)?;
        let add = |before: &Tags| {
            let mut after = before.clone();
            after.extend(tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())));
            match after.len() {
                0..=MOST_TAGS => Ok(after),
                count => Err(ServiceError::TooManyTags(format!(
                    "{arn} would have {count} tags, at most {MOST_TAGS} are possible"
                ))),
            }
        };
        self.retag(caller, arn, add).await
    }

    pub(super) async fn remove_tags(
        &self,
        caller: &Caller,
        arn: &Arn,
        keys: &[String],
    ) -> Result<(), ServiceError> {
        request::check_tag_keys(keys)?;
        let remove = |before: &Tags| {
            let mut after = before.clone();
            after.retain(|key, _| !keys.contains(key));
            Ok(after)
        };
        self.retag(caller, arn, remove).await
    }

    pub(super) async fn tags_page(
        &self,
        caller: &Caller,
        arn: &Arn,
        limit: Option<u32>,
        next_token: Option<&str>,
    ) -> Result<TagPage, ServiceError> {
        let limit = page::size(limit, LARGEST_PAGE)?;
        let list = format!("{arn} ");
        let after = page::decode(&list, next_token)?;
        let record = self.record(&arn.resource).await?;
        check_tagger(caller, arn, &record)?;
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = record.facts.tags.range((start, Bound::Unbounded));
        let items: Vec<Tag> = rest
            .by_ref()
            .take(limit)
            .map(|(key, value)| Tag {
                key: key.clone(),
                value: value.clone(),
            })
            .collect();
        let last = items.last().filter(|_| rest.next().is_some());
        let next_token = last.map(|tag| page::encode(&list, &tag.key));
        Ok(TagPage { items, next_token })
    }

    /// Replaces the tags of a resource by what `change` makes of them.
    async fn retag(
        &self,
        caller: &Caller,
        arn: &Arn,
        change: impl Fn(&Tags) -> Result<Tags, ServiceError> + Send,
    ) -> Result<(), ServiceError> {
        request::check_id(&arn.resource)?;
        let key = key::of(&arn.resource);
        for _ in 0..ATTEMPTS {
            let view = View::read(self.store.as_ref(), std::slice::from_ref(&key)).await?;
            let Some(mut record) = view.record(&key)? else {
                return Err(self.missing(&arn.resource).await?);
            };
            check_tagger(caller, arn, &record)?;
            let after = change(&record.facts.tags)?;
            if after == record.facts.tags {
                return Ok(());
            }
            record.facts.tags = after;
            let txn = Txn::new()
                .at(&key, view.revision(&key))
                .put(&key, record.encode());
            if self.store.commit(txn).await?.committed().is_some() {
                return Ok(());
            }
        }
        Err(contended(&arn.resource))
    }
}

/// The ARN must be the resource's own, account and region included, and the caller its owner.
fn check_tagger(caller: &Caller, arn: &Arn, record: &Record) -> Result<(), ServiceError> {
    let own = &record.facts.arn;
    if arn.to_string() != *own {
        return Err(ServiceError::NotFound(format!(
            "{arn} does not exist; the ARN of that resource is {own}"
        )));
    }
    check_owner(caller, record)
}
