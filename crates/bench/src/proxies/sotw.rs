//! A proxy that speaks state of the world.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::config::listener::v3::Listener;
use envoy_types::pb::envoy::config::route::v3::RouteConfiguration;
use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use prost::Name;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::{Client, Progress, node, route_names};
use crate::arrivals::Arrivals;

/// Accepts everything, until the stream ends.
pub(super) async fn converse(mut client: Client, node_id: &str, arrivals: &Arrivals) -> Result<Infallible> {
    let (requests, outgoing) = mpsc::unbounded_channel();
    let mut proxy = Proxy::start(node_id, requests);
    let stream = client.stream_aggregated_resources(UnboundedReceiverStream::new(outgoing));
    let mut responses = stream.await.context("the stream was refused")?.into_inner();
    let mut progress = Progress::default();
    while let Some(response) = responses.message().await.context("the stream broke")? {
        let at = Instant::now();
        proxy.accept(&response)?;
        if response.type_url == RouteConfiguration::type_url() {
            let encoded = response.resources.iter().map(|routes| routes.value.as_slice());
            progress.routes(at, encoded, arrivals);
        }
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
        proxy.ask(&Cluster::type_url(), Some(node(node_id)));
        proxy.ask(&Listener::type_url(), None);
        proxy
    }

    /// Accepts a response, and asks for the routes that new listeners refer to.
    fn accept(&mut self, response: &DiscoveryResponse) -> Result<()> {
        if response.type_url == Listener::type_url() {
            let names = route_names(
                response
                    .resources
                    .iter()
                    .map(|listener| listener.value.as_slice()),
            )?;
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
        subscription.version.clone_from(&response.version_info);
        subscription.nonce.clone_from(&response.nonce);
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
