//! The gRPC server: listeners, limits, shutdown, and what it knows of its proxies. Never looks into a stream.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_server::{
    AggregatedDiscoveryService, AggregatedDiscoveryServiceServer,
};
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use futures::Stream;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::{Connected, TcpIncoming};
use tonic::{Request, Response, Status, Streaming};

use crate::counters::Counters;
use crate::options::Options;
use crate::registry::Registry;
use crate::source::ConfigSource;
use crate::stats::{RefusalReason, Stats};
use crate::status::ProxyStatus;
use crate::stream::{self, OUTBOUND, Wire};

/// An ADS server. Clones are handles on the same one, which may listen in several places.
#[derive(Clone)]
pub struct XdsServer {
    shared: Arc<Shared>,
}

/// What all streams of a server have in common.
pub(crate) struct Shared {
    pub(crate) source: Arc<dyn ConfigSource>,
    pub(crate) options: Options,
    pub(crate) registry: Arc<Registry>,
    pub(crate) counters: Counters,
    places: Arc<Semaphore>,
}

/// Why a listener could not be served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The transport failed as a whole, not for one connection.
    #[error("the xDS listener failed")]
    Transport(#[source] tonic::transport::Error),
}

impl XdsServer {
    /// A server that gets configuration from `source`. It listens nowhere yet.
    pub fn new(source: Arc<dyn ConfigSource>, mut options: Options) -> Self {
        options.max_streams = options.max_streams.min(Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(options.max_streams));
        let (registry, counters) = (Arc::default(), Counters::default());
        Self {
            shared: Arc::new(Shared {
                source,
                options,
                registry,
                counters,
                places,
            }),
        }
    }

    /// Serves a TCP listener, in plain text, until `shutdown` completes.
    ///
    /// Then its streams end with `UNAVAILABLE`, so that proxies connect elsewhere, and it returns when they have or
    /// after [`Options::drain_timeout`].
    ///
    /// # Errors
    ///
    /// When the listener itself fails.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        self.serve_incoming(incoming, shutdown).await
    }

    /// Serves a Unix socket, like [`serve`](Self::serve).
    ///
    /// # Errors
    ///
    /// When the listener itself fails.
    pub async fn serve_unix(
        &self,
        listener: UnixListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        self.serve_incoming(UnixListenerStream::new(listener), shutdown)
            .await
    }

    /// The proxies connected now, in the order in which they came.
    pub fn proxies(&self) -> Vec<ProxyStatus> {
        self.shared.registry.proxies()
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        self.shared.counters.read()
    }

    async fn serve_incoming<I, IO>(
        &self,
        incoming: I,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError>
    where
        I: Stream<Item = std::io::Result<IO>>,
        IO: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    {
        let options = &self.shared.options;
        let stop = CancellationToken::new();
        let ads = Ads {
            shared: Arc::clone(&self.shared),
            stop: stop.clone(),
        };
        let service =
            AggregatedDiscoveryServiceServer::new(ads).max_decoding_message_size(options.max_message_size);
        let serving = Server::builder()
            .http2_keepalive_interval(Some(options.keepalive_interval))
            .http2_keepalive_timeout(Some(options.keepalive_timeout))
            .max_concurrent_streams(u32::try_from(options.max_streams).ok())
            .add_service(service)
            .serve_with_incoming_shutdown(incoming, stop.cancelled());
        tokio::pin!(serving);
        tokio::select! {
            ended = &mut serving => return ended.map_err(ServeError::Transport),
            () = shutdown => stop.cancel(),
        }
        // A peer that does not read cannot hold up the end: what is left is cut.
        timeout(options.drain_timeout, serving)
            .await
            .unwrap_or(Ok(()))
            .map_err(ServeError::Transport)
    }
}

impl fmt::Debug for XdsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XdsServer")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// The service on one listener.
struct Ads {
    shared: Arc<Shared>,
    stop: CancellationToken,
}

#[tonic::async_trait]
impl AggregatedDiscoveryService for Ads {
    type StreamAggregatedResourcesStream = ReceiverStream<Result<DiscoveryResponse, Status>>;
    type DeltaAggregatedResourcesStream = ReceiverStream<Result<DeltaDiscoveryResponse, Status>>;

    async fn stream_aggregated_resources(
        &self,
        request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Self::StreamAggregatedResourcesStream>, Status> {
        let Ok(permit) = Arc::clone(&self.shared.places).try_acquire_owned() else {
            self.shared.counters.refused(RefusalReason::Streams).add();
            let limit = self.shared.options.max_streams;
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
        tokio::spawn(stream::run(
            Arc::clone(&self.shared),
            wire,
            self.stop.clone(),
            permit,
        ));
        Ok(Response::new(ReceiverStream::new(outbound)))
    }

    async fn delta_aggregated_resources(
        &self,
        _: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        Err(Status::unimplemented(
            "incremental xDS is not served; set the api_type of ads_config to GRPC",
        ))
    }
}
