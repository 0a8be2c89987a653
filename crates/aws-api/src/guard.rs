//! Signatures for routes that are no AWS service: the same verification, for whatever is beside the services.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use bytes::Bytes;
use tracing::info;
use uuid::Uuid;

use crate::credentials::Credentials;
use crate::error::ApiError;
use crate::limits::Limits;
use crate::protocol::{self, Protocol};
use crate::request::{Request, read_body};
use crate::sigv4::{self, Authorization, SignatureError};

/// Who may ask, and what for.
struct Guard {
    credentials: Credentials,
    service: &'static str,
    limits: Limits,
}

/// `routes` for those only whose requests are signed with known credentials, for `service` in any region; for
/// everybody when there are no credentials. Others are refused as the App Mesh API refuses them.
///
/// # Panics
/// When there is no route.
pub fn signed_only(
    routes: Router,
    service: &'static str,
    credentials: Option<Credentials>,
    limits: Limits,
) -> Router {
    let Some(credentials) = credentials else {
        return routes;
    };
    let guard = Guard {
        credentials,
        service,
        limits,
    };
    routes.route_layer(from_fn_with_state(Arc::new(guard), pass))
}

async fn pass(State(guard): State<Arc<Guard>>, request: http::Request<Body>, next: Next) -> Response {
    match guard.check(request).await {
        Ok(request) => next.run(request).await,
        Err(error) => {
            let request_id = Uuid::new_v4().to_string();
            info!(request_id, service = guard.service, code = error.code, "refused");
            protocol::refusal(Protocol::RestJson, &error, &request_id)
        }
    }
}

impl Guard {
    /// The request as it came.
    async fn check(&self, request: http::Request<Body>) -> Result<http::Request<Body>, ApiError> {
        let (head, body) = request.into_parts();
        // Who does not even say who they are need not be listened to.
        let mut request = Request {
            head,
            body: Bytes::new(),
        };
        let refused = |error: SignatureError| error.in_protocol(Protocol::RestJson);
        let authorization = Authorization::find(&request)
            .and_then(|found| found.ok_or(SignatureError::Missing))
            .map_err(refused)?;
        request.body = read_body(body, &self.limits).await?;
        sigv4::verify(&request, &authorization, &self.credentials, SystemTime::now()).map_err(refused)?;
        let signed_for = authorization.scope().service();
        if signed_for != self.service {
            return Err(refused(SignatureError::OtherService {
                found: signed_for.to_owned(),
                expected: self.service,
            }));
        }
        Ok(http::Request::from_parts(request.head, Body::from(request.body)))
    }
}
