//! The one operation of the Security Token Service that deployment tools need: `GetCallerIdentity`.

use http::StatusCode;

use crate::error::ApiError;
use crate::protocol::Answer;
use crate::request::Request;
use crate::sigv4::Principal;
use crate::text::{excerpt, xml_escape};

/// XML namespace of STS answers.
pub(crate) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The operation's name for counters, and what it answers.
pub(crate) fn answer(
    request: &Request,
    principal: &Principal,
    request_id: &str,
) -> (&'static str, Result<Answer, ApiError>) {
    match request.parameter("Action").as_deref() {
        Some("GetCallerIdentity") => (
            "GetCallerIdentity",
            Ok(Answer::Xml(caller_identity(principal, request_id))),
        ),
        Some(other) => ("Unknown", Err(invalid_action(other))),
        None => (
            "Unknown",
            Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "MissingAction",
                "the parameter Action is missing",
            )),
        ),
    }
}

/// Without verified signatures everybody is the account's root, which is what AWS calls whoever may do everything.
fn caller_identity(principal: &Principal, request_id: &str) -> String {
    let account = &principal.caller.account;
    let partition = partition(&principal.caller.region);
    let (user_id, resource) = match &principal.user {
        None => (account.as_str(), "root".to_owned()),
        Some(user) => (user.access_key.as_str(), format!("user/{}", user.name)),
    };
    format!(
        "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\"><GetCallerIdentityResult>\
         <Arn>arn:{partition}:iam::{account}:{}</Arn><UserId>{}</UserId><Account>{account}</Account>\
         </GetCallerIdentityResult><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>\
         </GetCallerIdentityResponse>",
        xml_escape(&resource),
        xml_escape(user_id)
    )
}

fn invalid_action(action: &str) -> ApiError {
    let message = format!(
        "the action {} is not available at this endpoint; STS has GetCallerIdentity here",
        excerpt(action)
    );
    ApiError::new(StatusCode::BAD_REQUEST, "InvalidAction", message)
}

fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}
