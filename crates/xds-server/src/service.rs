//! The gRPC service on one listener: its two methods, and who may open a stream. Never serves one.
//!
//! Written by hand where `tonic` would generate it, so that messages are encoded from what streams share: see
//! [`codec`](crate::codec).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::{BoxFuture, Ready, ready};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::{Request, Response, Status, Streaming};

use crate::codec::Codec;
use crate::delivery::{Delivery, Delta, StateOfTheWorld};
use crate::push::Push;
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

    async fn serve<D: Delivery>(self, request: http::Request<Body>) -> http::Response<Body> {
        let identifier = Arc::clone(&self.shared.identifier);
        let limit = self.shared.options.max_message_size;
        Grpc::new(Codec::<D>::new(identifier))
            .max_decoding_message_size(limit)
            .streaming(Method::<D>::new(self), request)
            .await
    }
}

impl NamedService for Ads {
    const NAME: &'static str = "envoy.service.discovery.v3.AggregatedDiscoveryService";
}

impl Service<http::Request<Body>> for Ads {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let ads = self.clone();
        Box::pin(async move {
            let method = request.uri().path().rsplit('/').next();
            Ok(match method {
                Some("StreamAggregatedResources") => ads.serve::<StateOfTheWorld>(request).await,
                Some("DeltaAggregatedResources") => ads.serve::<Delta>(request).await,
                _ => Status::unimplemented(
                    "this service has StreamAggregatedResources and DeltaAggregatedResources",
                )
                .into_http(),
            })
        })
    }
}

/// A method of the service.
struct Method<D> {
    ads: Ads,
    form: std::marker::PhantomData<fn() -> D>,
}

impl<D: Delivery> Method<D> {
    fn new(ads: Ads) -> Self {
        Self {
            ads,
            form: std::marker::PhantomData,
        }
    }

    fn open(&self, request: Request<Streaming<D::Request>>) -> Result<Response<Pushes>, Status> {
        let shared = &self.ads.shared;
        let Ok(permit) = Arc::clone(&shared.places).try_acquire_owned() else {
            shared.counters.refused(RefusalReason::Streams).add();
            let limit = shared.options.max_streams;
            return Err(Status::resource_exhausted(format!(
                "{limit} streams are open, which is the limit"
            )));
        };
        let peer: Option<SocketAddr> = request.remote_addr();
        let (responses, outbound) = mpsc::channel(OUTBOUND);
        let wire = Wire {
            peer,
            requests: request.into_inner(),
            responses,
        };
        let (shared, stop) = (Arc::clone(shared), self.ads.stop.clone());
        tokio::spawn(stream::run::<D>(shared, wire, stop, permit));
        Ok(Response::new(ReceiverStream::new(outbound)))
    }
}

type Pushes = ReceiverStream<Result<Push, Status>>;

impl<D: Delivery> StreamingService<D::Request> for Method<D> {
    type Response = Push;
    type ResponseStream = Pushes;
    type Future = Ready<Result<Response<Pushes>, Status>>;

    fn call(&mut self, request: Request<Streaming<D::Request>>) -> Self::Future {
        ready(self.open(request))
    }
}
