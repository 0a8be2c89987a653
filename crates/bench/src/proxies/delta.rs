//! A proxy that speaks incremental xDS.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::listener::v3::Listener;
use envoy_types::pb::envoy::config::route::v3::RouteConfiguration;
use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use prost::Name;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::{Client, Progress, node, route_names};
use crate::arrivals::Arrivals;

/// Accepts everything, until the stream ends.
pub(super) async fn converse(mut client: Client, node_id: &str, arrivals: &Arrivals) -> Result<Infallible> {
    let (requests, outgoing) = mpsc::unbounded_channel();
    let mut proxy = Proxy::start(node_id, requests);
    let stream = client.delta_aggregated_resources(UnboundedReceiverStream::new(outgoing));
    let mut responses = stream.await.context("the stream was refused")?.into_inner();
    let mut progress = Progress::default();
    while let Some(response) = responses.message().await.context("the stream broke")? {
        let at = Instant::now();
        proxy.accept(&response)?;
        if response.type_url == RouteConfiguration::type_url() {
            progress.routes(at, encoded(&response), arrivals);
        }
    }
    bail!("the server ended the stream")
}

/// The protocol's state of one proxy.
struct Proxy {
    routes: BTreeSet<String>,
    requests: mpsc::UnboundedSender<DeltaDiscoveryRequest>,
}

impl Proxy {
    /// Asks for all clusters and listeners, as Envoy does at first.
    fn start(node_id: &str, requests: mpsc::UnboundedSender<DeltaDiscoveryRequest>) -> Self {
        let proxy = Self {
            routes: BTreeSet::new(),
            requests,
        };
        proxy.send(DeltaDiscoveryRequest {
            node: Some(node(node_id)),
            type_url: Cluster::type_url(),
            ..DeltaDiscoveryRequest::default()
        });
        proxy.send(DeltaDiscoveryRequest {
            type_url: Listener::type_url(),
            ..DeltaDiscoveryRequest::default()
        });
        proxy
    }

    /// Accepts a response, and asks for the routes that new listeners refer to.
    fn accept(&mut self, response: &DeltaDiscoveryResponse) -> Result<()> {
        self.send(DeltaDiscoveryRequest {
            type_url: response.type_url.clone(),
            response_nonce: response.nonce.clone(),
            ..DeltaDiscoveryRequest::default()
        });
        if response.type_url == Listener::type_url() {
            let names = route_names(encoded(response))?;
            let new: Vec<_> = names.difference(&self.routes).cloned().collect();
            if !new.is_empty() {
                self.routes.extend(new.iter().cloned());
                self.send(DeltaDiscoveryRequest {
                    type_url: RouteConfiguration::type_url(),
                    resource_names_subscribe: new,
                    ..DeltaDiscoveryRequest::default()
                });
            }
        }
        Ok(())
    }

    fn send(&self, request: DeltaDiscoveryRequest) {
        // A closed stream takes no requests, and the proxy is about to learn why.
        let _ = self.requests.send(request);
    }
}

fn encoded(response: &DeltaDiscoveryResponse) -> impl Iterator<Item = &[u8]> {
    let bodies = response
        .resources
        .iter()
        .filter_map(|named| named.resource.as_ref());
    bodies.map(|body| body.value.as_slice())
}
