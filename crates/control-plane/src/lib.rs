//! The control plane in one process: store, service, AWS endpoints, pipeline, xDS, DNS.
//!
//! [`ControlPlane::start`] puts the parts together and answers once everything is served and a full configuration
//! has been built; it is used by `evermesh serve`, by the demonstration and by every end-to-end test. The parts
//! know each other only by their traits: nothing but this crate names them all.

pub mod admin;
mod beginning;
mod burst;
mod certificates;
mod configuration;
mod following;
mod index;
mod meshes;
mod metrics;
mod options;
mod pipeline;
mod proxy;
mod sockets;
mod sources;
mod supply;

#[cfg(feature = "testing")]
pub mod testing;

use std::net::{SocketAddr, TcpListener};
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Arc;
use std::{fmt, mem};

use evermesh_aws_api::ApiOptions;
use evermesh_discovery::{DnsError, DnsOptions, DnsServer, RegistryError, RegistryFile};
use evermesh_service::{MeshService, ServiceOptions, StoreService};
use evermesh_store::{SqliteOptions, SqliteStore, StoreError, Watch};
use evermesh_xds_server::{Options as XdsOptions, ServeError, XdsServer};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use certificates::CertificateDirectory;
pub use evermesh_discovery::Forward;
pub use evermesh_xds_server::ProxyStatus;
use metrics::{Metrics, StoreTimings, Timed};
pub use options::{DEFAULT_ACCOUNT, DEFAULT_REGION, Options};
use pipeline::Pipeline;
pub use sockets::Sockets;
pub use supply::{Supplies, Supply};

/// Connections that may wait to be accepted: all proxies of a large mesh come at once when the control plane is back.
/// The system may allow fewer (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;
/// The database within the data directory.
const DATABASE: &str = "evermesh.db";

/// Why a control plane did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be made.
    #[error("cannot make the data directory {}", path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database cannot be opened.
    #[error("cannot open the database {}", path.display())]
    Store {
        /// The file.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
    /// What is stored cannot be read. A single record that cannot be understood is not among the reasons: its mesh
    /// stands still, and the others are served.
    #[error("cannot load the stored resources")]
    Load(#[source] StoreError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The file of instances cannot be used.
    #[error("cannot follow the instances of Cloud Map services")]
    Instances(#[source] RegistryError),
    /// The DNS server did not start.
    #[error("cannot serve DNS")]
    Dns(#[source] DnsError),
}

/// A running control plane. Dropping it stops it at once; [`ControlPlane::shut_down`] lets it finish.
pub struct ControlPlane {
    api_addresses: Vec<SocketAddr>,
    xds_addresses: Vec<SocketAddr>,
    dns_address: Option<SocketAddr>,
    store: Arc<SqliteStore>,
    store_timings: Arc<StoreTimings>,
    service: Arc<dyn MeshService>,
    pipeline: Arc<Pipeline>,
    certificates: Option<Arc<CertificateDirectory>>,
    xds: XdsServer,
    dns: Option<DnsServer>,
    stop: CancellationToken,
    servers: JoinSet<()>,
    follower: JoinHandle<()>,
}

impl fmt::Debug for ControlPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlPlane")
            .field("api", &self.api_addresses)
            .field("xds", &self.xds_addresses)
            .field("dns", &self.dns_address)
            .finish_non_exhaustive()
    }
}

impl ControlPlane {
    /// Opens the store, builds the configuration, and serves on `sockets`. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// What kept it from starting; nothing is left running then.
    pub async fn start(options: Options, mut sockets: Sockets) -> Result<Self, StartError> {
        let certificates = match &options.certificates {
            Some(directory) => Some(Arc::new(CertificateDirectory::open(directory.clone()).await)),
            None => None,
        };
        let dns = serve_dns(&options, &mut sockets)?;
        let supplies = supplies(&options, certificates.as_ref(), dns.as_ref())?;
        let store = Arc::new(open_store(options.data_dir.clone()).await?);
        let (pipeline, watch) = match Pipeline::load(&*store, options.account.clone(), supplies).await {
            Ok(loaded) => loaded,
            Err(failure) => {
                store.close().await;
                return Err(StartError::Load(failure));
            }
        };
        let mut plane = Self::assemble(store, Arc::new(pipeline), watch, dns, &options);
        plane.certificates = certificates;
        if let Err(failure) = plane.serve(options, sockets) {
            plane.shut_down().await;
            return Err(failure);
        }
        Ok(plane)
    }

    /// Follows the store, and serves neither the API nor proxies yet.
    fn assemble(
        store: Arc<SqliteStore>,
        pipeline: Arc<Pipeline>,
        watch: Watch,
        dns: Option<DnsServer>,
        options: &Options,
    ) -> Self {
        let store_timings = Arc::<StoreTimings>::default();
        let service = StoreService::new(
            Arc::new(Timed::new(Arc::clone(&store), Arc::clone(&store_timings))),
            ServiceOptions {
                partition: options.partition.clone(),
                quotas: options.quotas.clone(),
                ..ServiceOptions::default()
            },
        );
        let follower = {
            let (store, pipeline) = (Arc::clone(&store), Arc::clone(&pipeline));
            tokio::spawn(async move { pipeline.follow(&*store, watch).await })
        };
        Self {
            api_addresses: Vec::new(),
            xds_addresses: Vec::new(),
            dns_address: dns.as_ref().map(DnsServer::local_addr),
            store,
            store_timings,
            service: Arc::new(service),
            xds: XdsServer::new(Arc::<Pipeline>::clone(&pipeline), XdsOptions::default()),
            pipeline,
            certificates: None,
            dns,
            stop: CancellationToken::new(),
            servers: JoinSet::new(),
            follower,
        }
    }

    /// Where the AWS endpoints listen.
    pub fn api_addresses(&self) -> &[SocketAddr] {
        &self.api_addresses
    }

    /// Where proxies connect.
    pub fn xds_addresses(&self) -> &[SocketAddr] {
        &self.xds_addresses
    }

    /// Where name look-ups go.
    pub fn dns_address(&self) -> Option<SocketAddr> {
        self.dns_address
    }

    /// The application layer, for writers in the same process.
    pub fn service(&self) -> &Arc<dyn MeshService> {
        &self.service
    }

    /// The proxies connected now.
    pub fn proxies(&self) -> Vec<ProxyStatus> {
        self.xds.proxies()
    }

    /// Stops listening, lets open requests and streams end, closes the database, and waits for it all: another control
    /// plane can have the addresses and the data directory then.
    pub async fn shut_down(mut self) {
        self.stop.cancel();
        while self.servers.join_next().await.is_some() {}
        if let Some(dns) = self.dns.take()
            && let Err(failure) = dns.shutdown().await
        {
            error!(error = %failure, "the DNS server did not end well");
        }
        // What follows the store ends with it.
        self.store.close().await;
        if let Err(failure) = (&mut self.follower).await {
            error!(error = %failure, "what follows the store did not end well");
        }
    }

    fn serve(&mut self, options: Options, sockets: Sockets) -> Result<(), StartError> {
        self.serve_xds(sockets.xds)?;
        self.serve_api(options, sockets.api)?;
        info!(api = ?self.api_addresses, xds = ?self.xds_addresses, dns = ?self.dns_address, "serving");
        Ok(())
    }

    fn serve_xds(&mut self, listeners: Vec<TcpListener>) -> Result<(), StartError> {
        for listener in listeners {
            let (listener, address) = into_tokio(listener)?;
            self.xds_addresses.push(address);
            let (xds, stop) = (self.xds.clone(), self.stop.clone());
            self.servers
                .spawn(async move { report(xds.serve(listener, stop.cancelled_owned()).await) });
        }
        Ok(())
    }

    fn serve_api(&mut self, options: Options, listeners: Vec<TcpListener>) -> Result<(), StartError> {
        let mut api = Vec::new();
        for listener in listeners {
            let (listener, address) = into_tokio(listener)?;
            self.api_addresses.push(address);
            api.push(listener);
        }
        let limits = evermesh_aws_api::Limits::default();
        let metrics = Metrics {
            pipeline: Arc::clone(&self.pipeline),
            certificates: self.certificates.clone(),
            xds: self.xds.clone(),
            api: Arc::default(),
            store: Arc::clone(&self.store_timings),
        };
        let counters = Arc::clone(&metrics.api);
        let store = Arc::<SqliteStore>::clone(&self.store);
        let views = admin::router(metrics, store, options.credentials.clone(), limits);
        let router = evermesh_aws_api::router(
            ApiOptions {
                service: Arc::clone(&self.service),
                account: options.account,
                region: options.region,
                credentials: options.credentials,
                limits,
                counters,
            },
            views,
        );
        let stop = self.stop.clone();
        self.servers.spawn(evermesh_aws_api::serve(
            api,
            router,
            limits,
            stop.cancelled_owned(),
        ));
        Ok(())
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

/// Serves DNS, where there are sockets for it.
fn serve_dns(options: &Options, sockets: &mut Sockets) -> Result<Option<DnsServer>, StartError> {
    if sockets.dns_udp.is_empty() {
        return Ok(None);
    }
    let dns = DnsOptions {
        hosts: options
            .hosts
            .clone()
            .unwrap_or_else(|| PathBuf::from("/dev/null")),
        ttl: options.dns_ttl,
        forward: options.forward.clone(),
    };
    let (udp, tcp) = (mem::take(&mut sockets.dns_udp), mem::take(&mut sockets.dns_tcp));
    let server = DnsServer::serve(dns, udp, tcp).map_err(StartError::Dns)?;
    Ok(Some(server))
}

/// The supplies that were given, and over them those of the control plane itself.
fn supplies(
    options: &Options,
    certificates: Option<&Arc<CertificateDirectory>>,
    dns: Option<&DnsServer>,
) -> Result<Supplies, StartError> {
    let mut supplies = options.supplies.clone();
    if let Some(directory) = certificates {
        supplies.secrets = Arc::<CertificateDirectory>::clone(directory);
    }
    if let Some(path) = &options.cloud_map_file {
        let file = RegistryFile::follow(path).map_err(StartError::Instances)?;
        supplies.endpoints = Arc::new(file);
    }
    if let Some(dns) = dns {
        supplies.addresses = Arc::new(dns.names());
    }
    Ok(supplies)
}

async fn open_store(directory: PathBuf) -> Result<SqliteStore, StartError> {
    let open = move || {
        std::fs::create_dir_all(&directory).map_err(|source| StartError::DataDir {
            path: directory.clone(),
            source,
        })?;
        let path = directory.join(DATABASE);
        SqliteStore::open(&path, SqliteOptions::default())
            .map_err(|source| StartError::Store { path, source })
    };
    // Checking a large database takes a while, and other tasks share the thread.
    let opened = tokio::task::spawn_blocking(open).await;
    opened.unwrap_or_else(|failure| resume_unwind(failure.into_panic()))
}

fn into_tokio(listener: TcpListener) -> Result<(tokio::net::TcpListener, SocketAddr), StartError> {
    let address = listener
        .local_addr()
        .unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
    let convert = || {
        rustix::net::listen(&listener, BACKLOG)?;
        listener.set_nonblocking(true)?;
        tokio::net::TcpListener::from_std(listener)
    };
    convert()
        .map(|listener| (listener, address))
        .map_err(|source| StartError::Bind { address, source })
}

fn report(result: Result<(), ServeError>) {
    if let Err(failure) = result {
        error!(error = %failure, "xDS is no longer served");
    }
}
