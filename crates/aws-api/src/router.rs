//! One request from arrival to answer.

use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use evermesh_service::{Caller, MeshService};
use evermesh_sigv4::Scope;
use tracing::{Instrument, Span, field, info, info_span};
use uuid::Uuid;

use crate::counters::Counters;
use crate::credentials::Credentials;
use crate::dispatch::{self, Destination};
use crate::error::ApiError;
use crate::limits::Limits;
use crate::protocol::{self, Answer, Protocol};
use crate::request::{Request, read_body};
use crate::sigv4::{self, Authorization, Principal, SignatureError};
use crate::{appmesh, origin, sts};

/// What the endpoints need.
pub struct ApiOptions {
    /// Who carries out App Mesh operations.
    pub service: Arc<dyn MeshService>,
    /// Account of callers whose credentials do not say another, twelve digits.
    pub account: String,
    /// Region of requests that are not signed for another.
    pub region: String,
    /// Who may call. `None`: everybody, signed or not, so the caller of [`serve`](crate::serve) must see to it that
    /// only trusted clients can connect.
    pub credentials: Option<Credentials>,
    /// Limits on requests.
    pub limits: Limits,
    /// Where requests are counted.
    pub counters: Arc<Counters>,
}

impl fmt::Debug for ApiOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiOptions")
            .field("account", &self.account)
            .field("region", &self.region)
            .field("credentials", &self.credentials)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Everything on one port: the routes of `extra`, and AWS services for whatever those do not match.
///
/// A path of `extra` that is asked for with a method it does not have goes to the AWS services too, so a page at `/`
/// does not hide `POST /`; but no route of `extra` may begin with `/v20190125`. Nobody asks for signatures on those
/// routes, unless [`signed_only`](crate::signed_only) does.
pub fn router(options: ApiOptions, extra: Router) -> Router {
    let api = Arc::new(options);
    let handle = move |request: http::Request<Body>| {
        let api = Arc::clone(&api);
        async move { handle(&api, request).await }
    };
    extra.method_not_allowed_fallback(handle.clone()).fallback(handle)
}

/// What became of a request.
struct Outcome {
    service: &'static str,
    operation: &'static str,
    protocol: Protocol,
    result: Result<Answer, ApiError>,
}

impl Outcome {
    /// Refused before anybody knew the operation.
    fn refused(destination: &Destination, error: ApiError) -> Self {
        Self::of(destination, ("Unknown", Err(error)))
    }

    fn of(destination: &Destination, (operation, result): (&'static str, Result<Answer, ApiError>)) -> Self {
        Self {
            service: destination.label(),
            operation,
            protocol: destination.protocol(),
            result,
        }
    }
}

async fn handle(api: &ApiOptions, request: http::Request<Body>) -> Response {
    let request_id = Uuid::new_v4().to_string();
    let span = info_span!(
        "aws_request",
        request_id,
        service = field::Empty,
        operation = field::Empty,
        code = field::Empty,
        duration_ms = field::Empty,
    );
    async {
        let started = Instant::now();
        let outcome = carry_out(api, request, &request_id).await;
        record(&api.counters, &outcome, started);
        match &outcome.result {
            Ok(answer) => protocol::success(answer, &request_id),
            Err(error) => protocol::refusal(outcome.protocol, error, &request_id),
        }
    }
    .instrument(span)
    .await
}

fn record(counters: &Counters, outcome: &Outcome, started: Instant) {
    let code = outcome.result.as_ref().map_or_else(|error| error.code, |_| "OK");
    let took = started.elapsed();
    counters.add(outcome.service, outcome.operation, code, took);
    Span::current()
        .record("service", outcome.service)
        .record("operation", outcome.operation)
        .record("code", code)
        .record("duration_ms", took.as_secs_f64() * 1e3);
    info!("answered");
}

async fn carry_out(api: &ApiOptions, request: http::Request<Body>, request_id: &str) -> Outcome {
    let (head, body) = request.into_parts();
    let mut request = Request {
        head,
        body: bytes::Bytes::new(),
    };
    let authorization = Authorization::find(&request);
    let scope = authorization
        .as_ref()
        .ok()
        .and_then(Option::as_ref)
        .map(Authorization::scope);
    let scope_service = scope.map(Scope::service);
    match read_body(body, &api.limits).await {
        Ok(body) => request.body = body,
        Err(error) => return Outcome::refused(&Destination::of(&request, scope_service), error.into()),
    }
    let destination = Destination::of(&request, scope_service);
    if api.credentials.is_none()
        && let Err(error) = origin::check(&request.head.headers)
    {
        return Outcome::refused(&destination, error);
    }
    let principal = match identify(api, &request, authorization) {
        Ok(principal) => principal,
        Err(error) => {
            let error = error.in_protocol(destination.protocol());
            return Outcome::refused(&destination, error);
        }
    };
    let answered = match &destination {
        Destination::AppMesh => appmesh::answer(api, &principal.caller, &request).await,
        Destination::Sts => sts::answer(&request, &principal, request_id),
        Destination::Elsewhere { service, protocol } => {
            ("Unknown", Err(dispatch::no_such_service(service, *protocol)))
        }
        Destination::Nowhere => ("Unknown", Err(dispatch::nothing_here(&request))),
    };
    Outcome::of(&destination, answered)
}

/// Who calls. Without a credentials file nobody is checked, and a signature serves only to tell the region.
fn identify(
    api: &ApiOptions,
    request: &Request,
    authorization: Result<Option<Authorization>, SignatureError>,
) -> Result<Principal, SignatureError> {
    let Some(credentials) = &api.credentials else {
        let region = authorization
            .ok()
            .flatten()
            .map(|found| found.scope().region().to_owned());
        return Ok(Principal {
            caller: caller(api, None, region),
            user: None,
        });
    };
    let authorization = authorization?.ok_or(SignatureError::Missing)?;
    let profile = sigv4::verify(request, &authorization, credentials, SystemTime::now())?;
    Ok(Principal {
        caller: caller(
            api,
            profile.account.clone(),
            Some(authorization.scope().region().to_owned()),
        ),
        user: Some(profile.user()),
    })
}

fn caller(api: &ApiOptions, account: Option<String>, region: Option<String>) -> Caller {
    Caller {
        account: account.unwrap_or_else(|| api.account.clone()),
        region: region.unwrap_or_else(|| api.region.clone()),
    }
}
