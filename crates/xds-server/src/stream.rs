//! One stream of one proxy: the task between the transport, the watch of its configuration, and its session.
//! Never decides what to send.

use std::net::SocketAddr;
use std::sync::Arc;

use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};
use tracing::{debug, info, warn};

use crate::delivery::Heard;
use crate::registry::Entry;
use crate::resource::ResourceType;
use crate::server::Shared;
use crate::session::Session;
use crate::set::ResourceSet;
use crate::source::Refusal;
use crate::status::ProxyStatus;

/// A session has at most one unanswered response of each type; the last place is for the final status.
pub(crate) const OUTBOUND: usize = ResourceType::ALL.len() + 1;

/// The two ends of a stream as the transport gives them.
pub(crate) struct Wire {
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) requests: Streaming<DiscoveryRequest>,
    pub(crate) responses: mpsc::Sender<Result<DiscoveryResponse, Status>>,
}

/// Runs a stream to its end; the permit is its place among the open streams.
pub(crate) async fn run(
    shared: Arc<Shared>,
    wire: Wire,
    shutdown: CancellationToken,
    _permit: OwnedSemaphorePermit,
) {
    let peer = wire.peer;
    let responses = wire.responses.clone();
    let end = tokio::select! {
        () = shutdown.cancelled() => Err(End::ShuttingDown),
        end = serve(&shared, wire) => end,
    };
    let Err(end) = end else { return };
    if end.is_refusal() {
        shared.counters.refusals.add();
        warn!(?peer, "stream refused: {end}");
    } else {
        debug!(?peer, "stream ended: {end}");
    }
    // When the queue is full the proxy does not read, and the status would not reach it either.
    let _ = responses.try_send(Err(end.into()));
}

/// Why the server ends a stream.
#[derive(Debug, Error)]
enum End {
    #[error("no request came in {0:?}; the first one must carry node.id and type_url")]
    NoRequest(std::time::Duration),
    #[error("the first request of a stream must carry a node with an id")]
    NoNode,
    #[error("node.id has {length} bytes; the limit is {limit}")]
    LongNodeId { length: usize, limit: usize },
    #[error("node.id changed from {was:?} to {is:?}; a stream serves one node")]
    NodeChanged { was: String, is: String },
    #[error("a request names {count} resources of type {kind}; the limit is {limit}")]
    TooManyNames {
        kind: ResourceType,
        count: usize,
        limit: usize,
    },
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the configuration of this node has a new source; connect again")]
    SourceGone,
    #[error("this server is shutting down; connect again")]
    ShuttingDown,
    /// The transport failed, or a message could not be decoded or was too large.
    #[error("{}", .0.message())]
    Transport(Status),
}

impl End {
    fn is_refusal(&self) -> bool {
        !matches!(self, Self::SourceGone | Self::ShuttingDown | Self::Transport(_))
    }
}

impl From<End> for Status {
    fn from(end: End) -> Self {
        let text = end.to_string();
        match end {
            End::NoRequest(_) => Self::deadline_exceeded(text),
            End::NoNode | End::LongNodeId { .. } | End::NodeChanged { .. } => Self::invalid_argument(text),
            End::TooManyNames { .. } => Self::resource_exhausted(text),
            End::Refused(refusal) => refusal.into(),
            End::SourceGone | End::ShuttingDown => Self::unavailable(text),
            End::Transport(status) => status,
        }
    }
}

/// Meets the proxy and serves it. `Ok` when the proxy has ended the stream.
async fn serve(shared: &Arc<Shared>, mut wire: Wire) -> Result<(), End> {
    let patience = shared.options.initial_request_timeout;
    let first = timeout(patience, wire.requests.message())
        .await
        .map_err(|_| End::NoRequest(patience))?;
    let Some(mut first) = first.map_err(End::Transport)? else {
        return Ok(());
    };
    let node = identify(first.node.take(), shared.options.max_node_id)?;
    let sets = shared.source.subscribe(&node)?;
    let status = ProxyStatus::new(&node, wire.peer);
    info!(node = node.id, peer = ?wire.peer, user_agent = status.user_agent, "proxy connected");

    let mut conversation = Conversation {
        node_id: node.id,
        entry: shared.registry.enter(status),
        session: Session::new(shared.options.identifier.clone(), shared.options.warm_up),
        warned_of_unknown_type: false,
        shared,
        wire,
        sets,
    };
    conversation.sets.mark_changed(); // so that a set which is there already is seen
    let end = conversation.run(first).await;
    info!(node = conversation.node_id, "proxy disconnected");
    end
}

fn identify(node: Option<Node>, limit: usize) -> Result<Node, End> {
    let node = node.filter(|node| !node.id.is_empty()).ok_or(End::NoNode)?;
    match node.id.len() {
        length if length > limit => Err(End::LongNodeId { length, limit }),
        _ => Ok(node),
    }
}

struct Conversation<'a> {
    shared: &'a Shared,
    node_id: String,
    wire: Wire,
    sets: watch::Receiver<Option<Arc<ResourceSet>>>,
    session: Session,
    entry: Entry,
    warned_of_unknown_type: bool,
}

/// What a stream wakes up for.
enum Event {
    Request(Box<DiscoveryRequest>),
    NewSet,
    Time,
    Gone,
}

impl Conversation<'_> {
    async fn run(&mut self, first: DiscoveryRequest) -> Result<(), End> {
        let mut event = Event::Request(Box::new(first));
        loop {
            let responses = match event {
                Event::Request(request) => self.hear(*request)?,
                Event::NewSet => self.update(),
                Event::Time => self.session.tick(Instant::now()),
                Event::Gone => return Ok(()),
            };
            self.entry.update(&self.session);
            for response in responses {
                self.shared.counters.pushes.add();
                if self.wire.responses.send(Ok(response)).await.is_err() {
                    return Ok(());
                }
            }
            event = self.next_event().await?;
        }
    }

    async fn next_event(&mut self) -> Result<Event, End> {
        let wake_at = self.session.wake_at();
        tokio::select! {
            request = self.wire.requests.message() => match request {
                Ok(Some(request)) => Ok(Event::Request(Box::new(request))),
                Ok(None) => Ok(Event::Gone),
                Err(status) => Err(End::Transport(status)),
            },
            changed = self.sets.changed() => changed.map(|()| Event::NewSet).map_err(|_| End::SourceGone),
            () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() => Ok(Event::Time),
            () = self.wire.responses.closed() => Ok(Event::Gone),
        }
    }

    fn update(&mut self) -> Vec<DiscoveryResponse> {
        let newest = self.sets.borrow_and_update().clone();
        newest.map_or_else(Vec::new, |set| self.session.update(set, Instant::now()))
    }

    fn hear(&mut self, request: DiscoveryRequest) -> Result<Vec<DiscoveryResponse>, End> {
        self.check_node(request.node.as_ref())?;
        let Some(kind) = ResourceType::from_type_url(&request.type_url) else {
            self.ignore(&request.type_url);
            return Ok(Vec::new());
        };
        let (count, limit) = (
            request.resource_names.len(),
            self.shared.options.max_resource_names,
        );
        if count > limit {
            return Err(End::TooManyNames { kind, count, limit });
        }
        let (heard, responses) = self.session.request(kind, request, Instant::now());
        self.count(kind, &heard);
        Ok(responses)
    }

    /// A proxy may repeat its node in every request, and may leave it out.
    fn check_node(&self, node: Option<&Node>) -> Result<(), End> {
        match node
            .map(|node| &node.id)
            .filter(|id| !id.is_empty() && **id != self.node_id)
        {
            Some(id) => {
                let is = id.chars().take(self.shared.options.max_node_id).collect();
                Err(End::NodeChanged {
                    was: self.node_id.clone(),
                    is,
                })
            }
            None => Ok(()),
        }
    }

    /// Silence is right: a proxy goes on without the types that a control plane does not know.
    fn ignore(&mut self, type_url: &str) {
        self.shared.counters.unknown_types.add();
        if !std::mem::replace(&mut self.warned_of_unknown_type, true) {
            let type_url: String = type_url.chars().take(256).collect();
            warn!(
                node = self.node_id,
                type_url, "request for a type that is not served, ignored"
            );
        }
    }

    fn count(&self, kind: ResourceType, heard: &Heard) {
        let counters = &self.shared.counters;
        match heard {
            Heard::Subscribed | Heard::Asked => {}
            Heard::Stale => counters.stale_requests.add(),
            Heard::Acknowledged => counters.acks.add(),
            Heard::Rejected(nack) => {
                counters.nacks.add();
                let (node, version) = (&self.node_id, nack.version);
                warn!(node, %kind, %version, "proxy rejected its configuration and keeps the last: {}", nack.reason);
            }
        }
    }
}
