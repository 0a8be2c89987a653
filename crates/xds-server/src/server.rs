//! The gRPC server: listeners, limits, shutdown, and what it knows of its proxies. Never looks into a stream.

use std::net::SocketAddr;
use std::sync::Arc;
use std::{fmt, io};

use futures::{Stream, StreamExt};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::connections;
use crate::counters::Counters;
use crate::options::Options;
use crate::registry::Registry;
use crate::service::Ads;
use crate::source::ConfigSource;
use crate::stats::Stats;
use crate::status::ProxyStatus;

/// Bytes that a proxy may send before they are read: HTTP/2's own default (RFC 9113, section 6.9.2). `hyper` has 1 MiB,
/// which as many streams as there may be could fill while their proxies do not read what would let them go on.
const UNREAD: u32 = 65_535;

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
    /// Places of connections.
    pub(crate) connections: Arc<Semaphore>,
    /// Places of streams.
    pub(crate) places: Arc<Semaphore>,
    /// Of [`Options::identifier`].
    pub(crate) identifier: Arc<str>,
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
        options.max_connections = options.max_connections.min(Semaphore::MAX_PERMITS);
        options.max_streams = options.max_streams.min(Semaphore::MAX_PERMITS);
        let connections = Arc::new(Semaphore::new(options.max_connections));
        let places = Arc::new(Semaphore::new(options.max_streams));
        let registry = Arc::new(Registry::new(options.max_streams));
        Self {
            shared: Arc::new(Shared {
                identifier: options.identifier.as_str().into(),
                source,
                options,
                registry,
                counters: Counters::default(),
                connections,
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
        let incoming = incoming.map(|accepted| {
            let stream = accepted?;
            let peer = stream.peer_addr().ok();
            Ok((stream, peer))
        });
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
        let incoming = UnixListenerStream::new(listener).map(|accepted| Ok((accepted?, None)));
        self.serve_incoming(incoming, shutdown).await
    }

    /// The proxies connected now, in the order in which they came.
    pub fn proxies(&self) -> Vec<ProxyStatus> {
        self.shared.registry.proxies()
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        let shared = &self.shared;
        let connections = shared.options.max_connections - shared.connections.available_permits();
        shared.counters.read(connections as u64)
    }

    /// The service without a listener; its streams end when `stop` is cancelled.
    pub(crate) fn service(&self, stop: CancellationToken) -> Ads {
        Ads::new(Arc::clone(&self.shared), stop)
    }

    async fn serve_incoming<IO: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        incoming: impl Stream<Item = io::Result<(IO, Option<SocketAddr>)>>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let options = &self.shared.options;
        let stop = CancellationToken::new();
        let ads = self.service(stop.clone());
        let serving = Server::builder()
            .initial_stream_window_size(UNREAD)
            .initial_connection_window_size(UNREAD)
            .http2_keepalive_interval(Some(options.keepalive_interval))
            .http2_keepalive_timeout(Some(options.keepalive_timeout))
            .max_concurrent_streams(u32::try_from(options.max_streams).ok())
            .add_service(ads)
            .serve_with_incoming_shutdown(connections::admitted(incoming, &self.shared), stop.cancelled());
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
