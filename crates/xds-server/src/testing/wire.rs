//! A stream driven by hand, for cases that no well-behaved proxy brings about. Never answers by itself.

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use envoy_types::pb::google::rpc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

use super::peer::PATIENCE;
use crate::resource::ResourceType;

/// An open stream, state of the world unless said otherwise. It ends when dropped.
#[derive(Debug)]
pub struct Wire<Q = DiscoveryRequest, R = DiscoveryResponse> {
    requests: Option<mpsc::UnboundedSender<Q>>,
    responses: Streaming<R>,
}

/// An open stream of the incremental form of the protocol. It ends when dropped.
pub type DeltaWire = Wire<DeltaDiscoveryRequest, DeltaDiscoveryResponse>;

impl<Q, R> Wire<Q, R> {
    /// Sends any request.
    pub fn send(&self, request: Q) {
        if let Some(requests) = &self.requests {
            // A stream that the server ended takes none: `next` tells how it ended.
            let _ = requests.send(request);
        }
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
    pub async fn next(&mut self) -> Result<Option<R>, Status> {
        tokio::time::timeout(PATIENCE, self.responses.message())
            .await
            .expect("the server answers")
    }

    /// Ends the client's half of the stream.
    pub fn close(&mut self) {
        self.requests = None;
    }
}

impl DeltaWire {
    /// Opens an incremental stream and sends a first request, of a node, on it.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    pub async fn delta(
        channel: Channel,
        node_id: &str,
        request: DeltaDiscoveryRequest,
    ) -> Result<Self, Status> {
        let (requests, outgoing) = mpsc::unbounded_channel();
        let mut client = AggregatedDiscoveryServiceClient::new(channel);
        let responses = client
            .delta_aggregated_resources(UnboundedReceiverStream::new(outgoing))
            .await?;
        let wire = Self {
            requests: Some(requests),
            responses: responses.into_inner(),
        };
        let node = Some(node_of(node_id));
        wire.send(DeltaDiscoveryRequest { node, ..request });
        Ok(wire)
    }
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
        wire.send(DiscoveryRequest {
            node: Some(node_of(node_id)),
            ..request(kind, names)
        });
        Ok(wire)
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
}

/// A request of a type for names, with nothing else in it.
pub fn request(kind: ResourceType, names: &[&str]) -> DiscoveryRequest {
    DiscoveryRequest {
        resource_names: names.iter().map(ToString::to_string).collect(),
        type_url: kind.type_url().to_owned(),
        ..DiscoveryRequest::default()
    }
}

/// An incremental request of a type that adds and drops names, with nothing else in it.
pub fn delta_request(kind: ResourceType, subscribe: &[&str], unsubscribe: &[&str]) -> DeltaDiscoveryRequest {
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    DeltaDiscoveryRequest {
        type_url: kind.type_url().to_owned(),
        resource_names_subscribe: owned(subscribe),
        resource_names_unsubscribe: owned(unsubscribe),
        ..DeltaDiscoveryRequest::default()
    }
}

fn node_of(id: &str) -> Node {
    Node {
        id: id.to_owned(),
        ..Node::default()
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
