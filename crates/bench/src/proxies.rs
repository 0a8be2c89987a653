//! Simulated proxies: real ADS streams, one connection each, that accept everything, on one thread of their own.
//! They do as little as they can with what they get, for their work takes the cores that are measured.

mod delta;
mod sotw;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use anyhow::{Context, Result};
use envoy_types::pb::envoy::config::core::v3::{Extension, Node};
use envoy_types::pb::envoy::config::listener::v3::{Listener, filter::ConfigType};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use prost::{Message, Name};
use tokio::runtime;
use tokio::sync::oneshot;
use tonic::transport::{Channel, Endpoint};

use crate::arrivals::Arrivals;
use crate::mesh::{self, Fleet, Protocol, Shape};

/// Connected proxies. They disconnect when dropped.
#[derive(Debug)]
pub(crate) struct Proxies {
    fleet: Fleet,
    concerned: usize,
    arrivals: Arc<Arrivals>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxies {
    /// Begins to connect a fleet; [`Arrivals::all_configured`] tells when it is.
    pub(crate) fn connect(server: SocketAddr, mesh: &Shape, fleet: Fleet) -> Result<Self> {
        let arrivals = Arc::<Arrivals>::default();
        let (stop, stopped) = oneshot::channel();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start a runtime for proxies")?;
        let (board, node_ids) = (Arc::clone(&arrivals), mesh.proxies(fleet));
        let run = move || {
            for node_id in node_ids {
                runtime.spawn(live(server, fleet.protocol, node_id, Arc::clone(&board)));
            }
            // Dropping the sender means the same.
            let _ = runtime.block_on(stopped);
        };
        let thread = thread::Builder::new().name("proxies".to_owned()).spawn(run);
        Ok(Self {
            fleet,
            concerned: mesh.concerned(fleet),
            arrivals,
            stop: Some(stop),
            thread: Some(thread.context("cannot start a thread for proxies")?),
        })
    }

    /// Which they are.
    pub(crate) fn fleet(&self) -> Fleet {
        self.fleet
    }

    /// How many of them get a changed route.
    pub(crate) fn concerned(&self) -> usize {
        self.concerned
    }

    /// What they have.
    pub(crate) fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }
}

impl Drop for Proxies {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has been printed.
            let _ = thread.join();
        }
    }
}

async fn live(server: SocketAddr, protocol: Protocol, node_id: String, arrivals: Arc<Arrivals>) {
    let outcome = match connect(server).await {
        Ok(client) => match protocol {
            Protocol::Sotw => sotw::converse(client, &node_id, &arrivals).await,
            Protocol::Delta => delta::converse(client, &node_id, &arrivals).await,
        },
        Err(failure) => Err(failure),
    };
    let Err(failure) = outcome;
    arrivals.failed(format!("{node_id}: {failure:#}"));
}

type Client = AggregatedDiscoveryServiceClient<Channel>;

async fn connect(server: SocketAddr) -> Result<Client> {
    let channel = Endpoint::from_shared(format!("http://{server}"))
        .context("no endpoint")?
        .tcp_nodelay(true)
        .connect()
        .await
        .with_context(|| format!("cannot connect to {server}"))?;
    Ok(AggregatedDiscoveryServiceClient::new(channel).max_decoding_message_size(usize::MAX))
}

/// What a proxy says of itself first.
fn node(node_id: &str) -> Node {
    Node {
        id: node_id.to_owned(),
        user_agent_name: "evermesh-bench".to_owned(),
        extensions: EXTENSIONS.clone(),
        ..Node::default()
    }
}

/// As many as Envoy 1.40 names, with names as long as those: 60 KiB, which is most of what a proxy ever sends.
static EXTENSIONS: LazyLock<Vec<Extension>> = LazyLock::new(|| {
    let extension = |number| Extension {
        name: format!("envoy.filters.http.extension_{number:03}"),
        category: "envoy.filters.http".to_owned(),
        type_urls: vec![format!(
            "envoy.extensions.filters.http.extension.v3.Extension{number:03}"
        )],
        ..Extension::default()
    };
    (0..516).map(extension).collect()
});

/// Tells the board what routes a proxy has.
#[derive(Default)]
struct Progress {
    is_configured: bool,
    newest: Option<u64>,
}

impl Progress {
    /// Routes have arrived and are accepted.
    fn routes<'a>(&mut self, at: Instant, encoded: impl Iterator<Item = &'a [u8]>, arrivals: &Arrivals) {
        let update = encoded.filter_map(mesh::update_in).max();
        if let Some(update) = update.filter(|update| Some(*update) > self.newest) {
            self.newest = Some(update);
            arrivals.has(update, at);
        }
        if !self.is_configured {
            self.is_configured = true;
            arrivals.configured();
        }
    }
}

/// The route configurations that listeners refer to.
fn route_names<'a>(listeners: impl Iterator<Item = &'a [u8]>) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for encoded in listeners {
        let listener = Listener::decode(encoded).context("an undecodable listener")?;
        let chains = listener
            .filter_chains
            .iter()
            .chain(&listener.default_filter_chain);
        for filter in chains.flat_map(|chain| &chain.filters) {
            let Some(ConfigType::TypedConfig(config)) = &filter.config_type else {
                continue;
            };
            if config.type_url != HttpConnectionManager::type_url() {
                continue;
            }
            let manager = HttpConnectionManager::decode(config.value.as_slice());
            if let Some(RouteSpecifier::Rds(rds)) = manager
                .context("an undecodable connection manager")?
                .route_specifier
            {
                names.insert(rds.route_config_name);
            }
        }
    }
    Ok(names)
}
