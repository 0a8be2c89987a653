//! Connections: how many there may be, and for how long without a stream. Never reads what comes over one.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};
use tonic::transport::server::Connected;
use tracing::{info, warn};

use crate::server::Shared;
use crate::stats::RefusalReason;

/// Pause after a failure to accept, such as too many open files, which another attempt at once would only repeat.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The connections of a listener that there is a place for; others are closed at once.
pub(crate) fn admitted<IO>(
    incoming: impl Stream<Item = io::Result<(IO, Option<SocketAddr>)>>,
    shared: &Arc<Shared>,
) -> impl Stream<Item = io::Result<Connection<IO>>> {
    incoming.filter_map(async move |accepted| match accepted {
        Ok((io, peer)) => Connection::admit(io, peer, shared).map(Ok),
        Err(error) => {
            warn!(%error, "cannot accept a connection");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    })
}

/// A connection in its place. Fails as [`io::ErrorKind::TimedOut`] after [`Options::idle_timeout`] without a stream.
///
/// [`Options::idle_timeout`]: crate::Options::idle_timeout
pub(crate) struct Connection<IO> {
    io: IO,
    shared: Arc<Shared>,
    origin: Origin,
    /// When it has been idle for too long; `None` while it is not.
    idle: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl<IO> Connection<IO> {
    fn admit(io: IO, peer: Option<SocketAddr>, shared: &Arc<Shared>) -> Option<Self> {
        let Ok(place) = Arc::clone(&shared.connections).try_acquire_owned() else {
            shared.counters.refused(RefusalReason::Connections).add();
            let limit = shared.options.max_connections;
            warn!(?peer, "connection refused: {limit} are open, which is the limit");
            return None;
        };
        let streams = Arc::default();
        Some(Self {
            io,
            shared: Arc::clone(shared),
            origin: Origin { peer, streams },
            idle: None,
            _place: place,
        })
    }

    /// Whether it has been idle for too long; else whoever asks is woken when it has.
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        if self.origin.streams.load(Ordering::Relaxed) > 0 {
            self.idle = None;
            return false;
        }
        let patience = self.shared.options.idle_timeout;
        let idle = self.idle.get_or_insert_with(|| Box::pin(sleep(patience)));
        let is_over = idle.as_mut().poll(context).is_ready();
        if is_over {
            self.shared.counters.refused(RefusalReason::IdleConnection).add();
            info!(peer = ?self.origin.peer, "connection closed: it had no stream in {patience:?}");
        }
        is_over
    }
}

/// Where a stream comes from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// `None` on a Unix socket.
    pub(crate) peer: Option<SocketAddr>,
    /// How many streams the connection has.
    streams: Arc<AtomicUsize>,
}

impl Origin {
    /// Counts a stream of the connection until the result is dropped.
    pub(crate) fn open(&self) -> Use {
        self.streams.fetch_add(1, Ordering::Relaxed);
        Use(Arc::clone(&self.streams))
    }
}

/// That a connection has a stream.
#[derive(Debug)]
pub(crate) struct Use(Arc<AtomicUsize>);

impl Drop for Use {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<IO> Connected for Connection<IO> {
    type ConnectInfo = Origin;

    fn connect_info(&self) -> Origin {
        self.origin.clone()
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Connection<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.is_over(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut this.io).poll_read(context, buffer)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Connection<IO> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }
}
