//! Simulated proxies: real ADS streams, one connection each, that accept everything, on one thread of their own.
//! They do as little as they can with what they get, for their work takes the cores that are measured.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::config::listener::v3::{Listener, filter::ConfigType};
use envoy_types::pb::envoy::config::route::v3::RouteConfiguration;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use envoy_types::pb::google::protobuf::Any;
use prost::{Message, Name};
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::Endpoint;

use crate::arrivals::Arrivals;
use crate::mesh;

/// Connected proxies. They disconnect when dropped.
#[derive(Debug)]
pub(crate) struct Proxies {
    count: usize,
    arrivals: Arc<Arrivals>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxies {
    /// Begins to connect proxies of these node ids; [`Arrivals::all_configured`] tells when they are.
    pub(crate) fn connect(server: SocketAddr, node_ids: Vec<String>) -> Result<Self> {
        let (count, arrivals) = (node_ids.len(), Arc::<Arrivals>::default());
        let (stop, stopped) = oneshot::channel();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start a runtime for proxies")?;
        let board = Arc::clone(&arrivals);
        let run = move || {
            for node_id in node_ids {
                runtime.spawn(live(server, node_id, Arc::clone(&board)));
            }
            // Dropping the sender means the same.
            let _ = runtime.block_on(stopped);
        };
        let thread = thread::Builder::new().name("proxies".to_owned()).spawn(run);
        Ok(Self {
            count,
            arrivals,
            stop: Some(stop),
            thread: Some(thread.context("cannot start a thread for proxies")?),
        })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
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

async fn live(server: SocketAddr, node_id: String, arrivals: Arc<Arrivals>) {
    let Err(failure) = converse(server, &node_id, &arrivals).await;
    arrivals.failed(format!("{node_id}: {failure:#}"));
}

async fn converse(
    server: SocketAddr,
    node_id: &str,
    arrivals: &Arrivals,
) -> Result<std::convert::Infallible> {
    let channel = Endpoint::from_shared(format!("http://{server}"))
        .context("no endpoint")?
        .tcp_nodelay(true)
        .connect()
        .await
        .with_context(|| format!("cannot connect to {server}"))?;
    let (requests, outgoing) = mpsc::unbounded_channel();
    let mut proxy = Proxy::start(node_id, requests);
    let mut client = AggregatedDiscoveryServiceClient::new(channel).max_decoding_message_size(usize::MAX);
    let stream = client.stream_aggregated_resources(UnboundedReceiverStream::new(outgoing));
    let mut responses = stream.await.context("the stream was refused")?.into_inner();
    let mut newest = None;
    while let Some(response) = responses.message().await.context("the stream broke")? {
        let at = Instant::now();
        if response.type_url == RouteConfiguration::type_url() {
            let update = response
                .resources
                .iter()
                .filter_map(|routes| mesh::update_in(&routes.value))
                .max();
            if newest.is_none() {
                arrivals.configured();
            }
            if let Some(update) = update.filter(|_| update != newest) {
                arrivals.has(update, at);
            }
            newest = update;
        }
        proxy.accept(response)?;
    }
    bail!("the server ended the stream")
}

/// The protocol's state of one proxy.
struct Proxy {
    subscriptions: HashMap<String, Subscription>,
    requests: mpsc::UnboundedSender<DiscoveryRequest>,
}

/// What a proxy wants and has of one type.
#[derive(Default)]
struct Subscription {
    names: BTreeSet<String>,
    version: String,
    nonce: String,
}

impl Proxy {
    /// Asks for all clusters and listeners, as Envoy does at first.
    fn start(node_id: &str, requests: mpsc::UnboundedSender<DiscoveryRequest>) -> Self {
        let mut proxy = Self {
            subscriptions: HashMap::new(),
            requests,
        };
        let node = Node {
            id: node_id.to_owned(),
            user_agent_name: "evermesh-bench".to_owned(),
            ..Node::default()
        };
        proxy.ask(&Cluster::type_url(), Some(node));
        proxy.ask(&Listener::type_url(), None);
        proxy
    }

    /// Accepts a response, and asks for the routes that new listeners refer to.
    fn accept(&mut self, response: DiscoveryResponse) -> Result<()> {
        if response.type_url == Listener::type_url() {
            let names = route_names(&response.resources)?;
            let routes = self
                .subscriptions
                .entry(RouteConfiguration::type_url())
                .or_default();
            if routes.names != names {
                routes.names = names;
                self.ask(&RouteConfiguration::type_url(), None);
            }
        }
        let subscription = self.subscriptions.entry(response.type_url.clone()).or_default();
        (subscription.version, subscription.nonce) = (response.version_info, response.nonce);
        self.ask(&response.type_url, None);
        Ok(())
    }

    fn ask(&mut self, type_url: &str, node: Option<Node>) {
        let subscription = self.subscriptions.entry(type_url.to_owned()).or_default();
        // A closed stream takes no requests, and the proxy is about to learn why.
        let _ = self.requests.send(DiscoveryRequest {
            version_info: subscription.version.clone(),
            node,
            resource_names: subscription.names.iter().cloned().collect(),
            type_url: type_url.to_owned(),
            response_nonce: subscription.nonce.clone(),
            ..DiscoveryRequest::default()
        });
    }
}

/// The route configurations that listeners refer to.
fn route_names(listeners: &[Any]) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for body in listeners {
        let listener = Listener::decode(body.value.as_slice()).context("an undecodable listener")?;
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
