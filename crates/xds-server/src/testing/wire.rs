//! A stream driven by hand, for cases that no well-behaved proxy brings about. Never answers by itself.

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use envoy_types::pb::google::rpc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

use super::peer::PATIENCE;
use crate::resource::ResourceType;

/// An open stream. It ends when dropped.
#[derive(Debug)]
pub struct Wire {
    requests: Option<mpsc::UnboundedSender<DiscoveryRequest>>,
    responses: Streaming<DiscoveryResponse>,
}

impl Wire {
    /// Opens a stream and sends nothing on it.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    pub async fn open(channel: Channel) -> Result<Self, Status> {
        let (requests, outgoing) = mpsc::unbounded_channel();
        let mut client = AggregatedDiscoveryServiceClient::new(channel);
        let responses = client
            .stream_aggregated_resources(UnboundedReceiverStream::new(outgoing))
            .await?;
        Ok(Self {
            requests: Some(requests),
            responses: responses.into_inner(),
        })
    }

    /// Opens a stream and subscribes, as the first request of a node.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    pub async fn subscribed(
        channel: Channel,
        node_id: &str,
        kind: ResourceType,
        names: &[&str],
    ) -> Result<Self, Status> {
        let wire = Self::open(channel).await?;
        let node = Some(Node {
            id: node_id.to_owned(),
            ..Node::default()
        });
        wire.send(DiscoveryRequest {
            node,
            ..request(kind, names)
        });
        Ok(wire)
    }

    /// Sends any request.
    pub fn send(&self, request: DiscoveryRequest) {
        if let Some(requests) = &self.requests {
            // A stream that the server ended takes none: `next` tells how it ended.
            let _ = requests.send(request);
        }
    }

    /// Accepts a response, and states the names subscribed to.
    pub fn ack(&self, response: &DiscoveryResponse, names: &[&str]) {
        self.send(DiscoveryRequest {
            version_info: response.version_info.clone(),
            ..answer(response, names)
        });
    }

    /// Rejects a response, and states the names subscribed to.
    pub fn nack(&self, response: &DiscoveryResponse, names: &[&str], reason: &str) {
        let error = rpc::Status {
            code: 13,
            message: reason.to_owned(),
            ..rpc::Status::default()
        };
        self.send(DiscoveryRequest {
            error_detail: Some(error),
            ..answer(response, names)
        });
    }

    /// The next response; `None` when the server ended the stream without an error.
    ///
    /// # Errors
    ///
    /// The status with which the server ended the stream.
    ///
    /// # Panics
    ///
    /// When nothing comes within half a minute.
    pub async fn next(&mut self) -> Result<Option<DiscoveryResponse>, Status> {
        tokio::time::timeout(PATIENCE, self.responses.message())
            .await
            .expect("the server answers")
    }

    /// Ends the client's half of the stream.
    pub fn close(&mut self) {
        self.requests = None;
    }
}

/// A request of a type for names, with nothing else in it.
pub fn request(kind: ResourceType, names: &[&str]) -> DiscoveryRequest {
    DiscoveryRequest {
        resource_names: names.iter().map(ToString::to_string).collect(),
        type_url: kind.type_url().to_owned(),
        ..DiscoveryRequest::default()
    }
}

fn answer(response: &DiscoveryResponse, names: &[&str]) -> DiscoveryRequest {
    DiscoveryRequest {
        response_nonce: response.nonce.clone(),
        type_url: response.type_url.clone(),
        resource_names: names.iter().map(ToString::to_string).collect(),
        ..DiscoveryRequest::default()
    }
}
