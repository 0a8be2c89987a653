//! A server on a free port of loopback, and what the tests ask of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use evermesh_xds_server::testing::fixtures::{
    MemorySource, eds_cluster, endpoints, listener, routes, static_cluster,
};
use evermesh_xds_server::{Options, ProxyStatus, ResourceSet, ServeError, XdsServer};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};

/// Nothing on loopback takes this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Harness {
    pub(crate) server: XdsServer,
    pub(crate) source: Arc<MemorySource>,
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), ServeError>>,
}

impl Harness {
    pub(crate) async fn start(options: Options) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), options).await
    }

    pub(crate) async fn start_at(address: SocketAddr, options: Options) -> Self {
        let source = Arc::new(MemorySource::default());
        let server = XdsServer::new(source.clone(), options);
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let running = server.clone();
        let serving = tokio::spawn(async move {
            let until = async {
                let _ = stopped.await;
            };
            running.serve(listener, until).await
        });
        Self {
            server,
            source,
            address,
            stop,
            serving,
        }
    }

    pub(crate) async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address))
            .unwrap()
            .connect()
            .await
            .unwrap()
    }

    /// Shuts down gracefully, and waits for the end.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        self.serving.await.unwrap().unwrap();
    }

    /// Waits until the one connected proxy is as wanted.
    pub(crate) async fn proxy(&self, what: &str, wanted: impl Fn(&ProxyStatus) -> bool) -> ProxyStatus {
        until(what, || match self.server.proxies().as_slice() {
            [proxy] if wanted(proxy) => Ok(proxy.clone()),
            others => Err(format!("{others:#?}")),
        })
        .await
    }

    /// Waits until so many streams are open.
    pub(crate) async fn streams(&self, count: u64) {
        let is_so = || match self.server.stats().open_streams() {
            open if open == count => Ok(()),
            open => Err(format!("{open} streams are open")),
        };
        until("the number of streams", is_so).await;
    }

    /// Waits until so many connections are open.
    pub(crate) async fn connections(&self, count: u64) {
        let is_so = || match self.server.stats().connections {
            open if open == count => Ok(()),
            open => Err(format!("{open} connections are open")),
        };
        until("the number of connections", is_so).await;
    }
}

/// Asks again until there is an answer; fails with the last reason after half a minute.
pub(crate) async fn until<T>(what: &str, ask: impl Fn() -> Result<T, String>) -> T {
    let give_up = tokio::time::Instant::now() + PATIENCE;
    loop {
        match ask() {
            Ok(value) => return value,
            Err(reason) if tokio::time::Instant::now() > give_up => {
                panic!("{what} did not come true: {reason}")
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// A listener and its routes to static clusters.
pub(crate) fn set_of(clusters: &[&str]) -> ResourceSet {
    let builder = ResourceSet::builder()
        .listener(&listener("in", 0, "out"))
        .route(&routes("out", clusters));
    clusters
        .iter()
        .fold(builder, |set, name| set.cluster(&static_cluster(name, 1)))
        .build()
}

/// A listener and its routes to EDS clusters with endpoints on a port.
pub(crate) fn eds_set_of(clusters: &[&str], port: u16) -> ResourceSet {
    let builder = ResourceSet::builder()
        .listener(&listener("in", 0, "out"))
        .route(&routes("out", clusters));
    clusters
        .iter()
        .fold(builder, |set, name| {
            set.cluster(&eds_cluster(name))
                .endpoints(&endpoints(name, &[port]))
        })
        .build()
}
