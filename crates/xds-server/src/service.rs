//! The gRPC service on one listener: its two methods, and who may open a stream. Never serves one.
//!
//! Written by hand where `tonic` would generate it, so that a stream keeps no buffers and responses are encoded from what
//! streams share: see [`requests`](crate::requests) and [`responses`].

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::{Ready, ready};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::metadata::GRPC_CONTENT_TYPE;
use tonic::server::NamedService;

use crate::connections::Origin;
use crate::delivery::{Delivery, Delta, StateOfTheWorld};
use crate::requests::Requests;
use crate::responses;
use crate::server::Shared;
use crate::stats::RefusalReason;
use crate::stream::{self, OUTBOUND, Wire};

/// See the module.
#[derive(Clone)]
pub(crate) struct Ads {
    shared: Arc<Shared>,
    stop: CancellationToken,
}

impl Ads {
    /// Its streams end when `stop` is cancelled.
    pub(crate) fn new(shared: Arc<Shared>, stop: CancellationToken) -> Self {
        Self { shared, stop }
    }

    /// Opens a stream, if there is a place for it.
    fn open<D: Delivery>(&self, request: http::Request<Body>) -> Result<http::Response<Body>, Status> {
        let shared = &self.shared;
        let Ok(permit) = Arc::clone(&shared.places).try_acquire_owned() else {
            shared.counters.refused(RefusalReason::Streams).add();
            let limit = shared.options.max_streams;
            return Err(Status::resource_exhausted(format!(
                "{limit} streams are open, which is the limit"
            )));
        };
        let origin = request.extensions().get::<Origin>().cloned().unwrap_or_default();
        let (sender, receiver) = mpsc::channel(OUTBOUND);
        let wire = Wire {
            peer: origin.peer,
            requests: Requests::<D::Request>::new(request.into_body(), shared.options.max_message_size),
            responses: sender,
            _connection: origin.open(),
        };
        let stop = self.stop.clone();
        tokio::spawn(stream::run::<D>(Arc::clone(shared), wire, stop, permit));
        let body = responses::body::<D::Response>(receiver, Arc::clone(&shared.identifier));
        let mut response = http::Response::new(body);
        response
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, GRPC_CONTENT_TYPE);
        Ok(response)
    }
}

impl NamedService for Ads {
    const NAME: &'static str = "envoy.service.discovery.v3.AggregatedDiscoveryService";
}

impl Service<http::Request<Body>> for Ads {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = request.uri().path().rsplit('/').next();
        let response = match method {
            Some("StreamAggregatedResources") => self.open::<StateOfTheWorld>(request),
            Some("DeltaAggregatedResources") => self.open::<Delta>(request),
            _ => Err(Status::unimplemented(
                "this service has StreamAggregatedResources and DeltaAggregatedResources",
            )),
        };
        ready(Ok(response.unwrap_or_else(Status::into_http)))
    }
}
