//! Connections: accepting them within limits, and letting them end in peace.

use std::io;
use std::pin::pin;

use axum::Router;
use futures::stream::{self, StreamExt};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::TcpListenerStream;
use tracing::{debug, warn};

use crate::limits::Limits;

/// Pause after a failure to accept, such as too many open files, which another attempt at once would only repeat.
const ACCEPT_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// Serves `router` over HTTP/1.1 on every listener until `shutdown` is done, then lets open requests end within
/// [`Limits::drain_time`] and returns. HTTP/2 is not offered: no AWS client of these services uses it without TLS.
///
/// Cancel safe: dropping it closes every connection.
pub async fn serve(
    listeners: Vec<TcpListener>,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let mut incoming = stream::select_all(listeners.into_iter().map(TcpListenerStream::new));
    let mut shutdown = pin!(shutdown);
    let mut connections = JoinSet::new();
    let graceful = GracefulShutdown::new();
    let http = http(&limits);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            Some(accepted) = incoming.next(), if connections.len() < limits.connections => match accepted {
                Ok(stream) => {
                    prepare(&stream, &limits);
                    connections.spawn(converse(http.clone(), stream, router.clone(), graceful.watcher()));
                }
                Err(error) => pause(&error).await,
            },
        }
    }
    drop(incoming);
    if timeout(limits.drain_time, graceful.shutdown()).await.is_err() {
        warn!(
            open = connections.len(),
            "closing connections that did not end in time"
        );
    }
    connections.shutdown().await;
}

fn http(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(limits.header_bytes);
    http
}

fn prepare(stream: &TcpStream, limits: &Limits) {
    // Answers are small and written whole; waiting to fill a packet only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "cannot set TCP_NODELAY");
    }
    // A client that does not read would keep its place for ever.
    let patience = u32::try_from(limits.answer_time.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = set_tcp_user_timeout(stream, patience) {
        debug!(%error, "cannot set TCP_USER_TIMEOUT");
    }
}

async fn converse(http: http1::Builder, stream: TcpStream, router: Router, watcher: Watcher) {
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        debug!(%error, "connection ended early");
    }
}

async fn pause(error: &io::Error) {
    warn!(%error, "cannot accept a connection");
    sleep(ACCEPT_PAUSE).await;
}
