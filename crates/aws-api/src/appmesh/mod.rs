//! The App Mesh API, version 2019-01-25, over rest-json: 38 operations.
//!
//! What cannot be routed is refused with `BadRequestException` and status 400, as every malformed request: an unknown
//! path and a method that a path does not have (which then names the others in `Allow`). 404 always means that a
//! resource does not exist.

mod decode;
mod encode;
mod errors;
mod input;
mod operations;

use evermesh_service::{Caller, MeshService};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::protocol::Answer;
use crate::request::Request;
use crate::router::ApiOptions;
use input::Input;
use operations::Action;

/// The operation's name for counters, and what it answers.
pub(crate) async fn answer(
    api: &ApiOptions,
    caller: &Caller,
    request: &Request,
) -> (&'static str, Result<Answer, ApiError>) {
    let found = match operations::find(&request.head.method, request.path()) {
        Ok(found) => found,
        Err(error) => return ("Unknown", Err(error)),
    };
    let input = Input::read(&found, request, caller, &api.limits);
    let call = carry_out(api.service.as_ref(), caller, found.operation.action, input);
    let result = tokio::time::timeout(api.limits.operation_time, call)
        .await
        .unwrap_or_else(|_| Err(errors::timed_out(api.limits.operation_time)));
    (found.operation.name, result.map(Answer::Json))
}

async fn carry_out(
    service: &dyn MeshService,
    caller: &Caller,
    action: Action,
    input: Input<'_>,
) -> Result<Value, ApiError> {
    Ok(match action {
        Action::Create(kind) => encode::resource(&service.create(caller, input.create(kind)?).await?),
        Action::Describe(kind) => encode::resource(&service.describe(caller, &input.id(kind)?).await?),
        Action::Update(kind) => encode::resource(&service.update(caller, input.update(kind)?).await?),
        Action::Delete(kind) => encode::resource(&service.delete(caller, &input.id(kind)?).await?),
        Action::List(kind) => encode::list(kind, &service.list(caller, input.list(kind)?).await?),
        Action::Tag => {
            let (arn, tags) = input.tag()?;
            service.tag(caller, &arn, tags).await?;
            json!({})
        }
        Action::Untag => {
            let (arn, keys) = input.untag()?;
            service.untag(caller, &arn, keys).await?;
            json!({})
        }
        Action::ListTags => {
            let page = input.list_tags()?;
            encode::tags(
                &service
                    .list_tags(caller, &page.arn, page.limit, page.next_token)
                    .await?,
            )
        }
    })
}
