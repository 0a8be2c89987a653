//! One stream of one proxy: the task between the transport, the watch of its configuration, and its session.
//! Never decides what to send.

use std::net::SocketAddr;
use std::sync::Arc;

use envoy_types::pb::envoy::config::core::v3::Node;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tracing::{debug, info, warn};

use crate::budget::Budget;
use crate::connections::Use;
use crate::delivery::{Delivery, Heard, Request};
use crate::end::End;
use crate::push::Push;
use crate::registry::Entry;
use crate::requests::Requests;
use crate::resource::ResourceType;
use crate::server::Shared;
use crate::session::Session;
use crate::set::ResourceSet;
use crate::source::ConfigSource;
use crate::status::{ProxyStatus, SyncState};

/// A session has at most one unanswered response of each type; the last place is for the final status.
pub(crate) const OUTBOUND: usize = ResourceType::ALL.len() + 1;

/// The two ends of a stream as the transport gives them.
pub(crate) struct Wire<R> {
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) requests: Requests<R>,
    pub(crate) responses: mpsc::Sender<Result<Box<Push>, Status>>,
    pub(crate) _connection: Use,
}

/// Runs a stream to its end; the permit is its place among the open streams.
pub(crate) async fn run<D: Delivery>(
    shared: Arc<Shared>,
    wire: Wire<D::Request>,
    shutdown: CancellationToken,
    permit: OwnedSemaphorePermit,
) {
    let open = shared.counters.streams(D::PROTOCOL).open();
    let peer = wire.peer;
    let responses = wire.responses.clone();
    let end = tokio::select! {
        () = shutdown.cancelled() => Err(End::ShuttingDown),
        end = serve::<D>(&shared, wire) => end,
    };
    drop(permit);
    drop(open);
    let Err(end) = end else { return };
    match end.reason() {
        Some(reason) => {
            shared.counters.refused(reason).add();
            warn!(?peer, "stream refused: {end}");
        }
        None => debug!(?peer, "stream ended: {end}"),
    }
    // When the queue is full the proxy does not read, and the status would not reach it either.
    let _ = responses.try_send(Err(end.into()));
}

/// Serves a proxy. `Ok` when the proxy has ended the stream.
async fn serve<D: Delivery>(shared: &Shared, wire: Wire<D::Request>) -> Result<(), End> {
    let Some((mut conversation, first)) = meet::<D>(shared, wire).await? else {
        return Ok(());
    };
    let end = conversation.run(first).await;
    info!(node = conversation.node_id, "proxy disconnected");
    end
}

/// Waits for the first request; `None` when there is none. Of the node in it, which is most of it, nothing is kept but
/// what the list of proxies shows.
async fn meet<D: Delivery>(
    shared: &Shared,
    mut wire: Wire<D::Request>,
) -> Result<Option<(Conversation<'_, D>, D::Request)>, End> {
    let options = &shared.options;
    let patience = options.initial_request_timeout;
    let first = timeout(patience, wire.requests.next())
        .await
        .map_err(|_| End::NoRequest(patience))?;
    let Some(mut first) = first.map_err(End::Transport)? else {
        return Ok(None);
    };
    let node = identify(first.take_node(), options.max_node_id)?;
    let mut sets = shared.source.subscribe(&node)?;
    sets.mark_changed(); // so that a set which is there already is seen
    let status = ProxyStatus::new(&node, wire.peer);
    let earlier = earlier(&*shared.source, &node, &first, sets.borrow().as_deref());
    let (node_id, user_agent) = (node.id, status.user_agent.clone());
    let limit = options.max_streams_per_node;
    let Some(entry) = shared.registry.enter(status, sets.clone(), limit) else {
        return Err(End::TooManyStreams { node_id, limit });
    };
    info!(node = node_id, peer = ?wire.peer, user_agent, protocol = %D::PROTOCOL, "proxy connected");
    let conversation = Conversation {
        shared,
        node_id,
        wire,
        sets,
        session: Session::new(options.warm_up),
        earlier,
        entry,
        budget: Budget::new(options.request_burst, options.request_rate, Instant::now()),
        since: Instant::now().into_std(),
        lag: None,
        warned_of_unknown_type: false,
    };
    Ok(Some((conversation, first)))
}

/// What a proxy may hold of an earlier server, unless it says that it holds the newest.
fn earlier(
    source: &dyn ConfigSource,
    node: &Node,
    first: &impl Request,
    newest: Option<&ResourceSet>,
) -> Option<Arc<ResourceSet>> {
    let version = first.version()?;
    let is_newest = |kind| newest.is_some_and(|set| set.collection(kind).version() == version);
    if ResourceType::ALL.into_iter().any(is_newest) {
        return None;
    }
    source.earlier(node)
}

fn identify(node: Option<Node>, limit: usize) -> Result<Node, End> {
    let node = node.filter(|node| !node.id.is_empty()).ok_or(End::NoNode)?;
    match node.id.len() {
        length if length > limit => Err(End::LongNodeId { length, limit }),
        _ => Ok(node),
    }
}

struct Conversation<'a, D: Delivery> {
    shared: &'a Shared,
    node_id: String,
    wire: Wire<D::Request>,
    sets: watch::Receiver<Option<Arc<ResourceSet>>>,
    session: Session<D>,
    /// What the proxy may hold of an earlier server, until it asks for clusters.
    earlier: Option<Arc<ResourceSet>>,
    entry: Entry,
    budget: Budget,
    /// When the stream began.
    since: std::time::Instant,
    lag: Option<Lag>,
    warned_of_unknown_type: bool,
}

/// The way of a change to the proxy, while it is under way.
struct Lag {
    /// When the oldest set that the proxy has not accepted was built; not before the stream.
    since: std::time::Instant,
    sent: bool,
}

/// What a stream wakes up for.
enum Event<R> {
    Request(Box<R>),
    NewSet,
    Time,
    Gone,
}

impl<D: Delivery> Conversation<'_, D> {
    async fn run(&mut self, first: D::Request) -> Result<(), End> {
        let mut event = Event::Request(Box::new(first));
        loop {
            let responses = match event {
                Event::Request(request) => self.hear(*request)?,
                Event::NewSet => self.update(),
                Event::Time => self.session.tick(Instant::now()),
                Event::Gone => return Ok(()),
            };
            self.entry.update(&self.session);
            let sends = !responses.is_empty();
            for response in responses {
                self.shared.counters.responses(response.kind).pushes.add();
                if self.wire.responses.send(Ok(Box::new(response))).await.is_err() {
                    return Ok(());
                }
            }
            self.measure(sends);
            event = self.next_event().await?;
        }
    }

    async fn next_event(&mut self) -> Result<Event<D::Request>, End> {
        let wake_at = self.session.wake_at();
        tokio::select! {
            request = self.wire.requests.next() => match request {
                Ok(Some(request)) => Ok(Event::Request(Box::new(request))),
                Ok(None) => Ok(Event::Gone),
                Err(status) => Err(End::Transport(status)),
            },
            changed = self.sets.changed() => changed.map(|()| Event::NewSet).map_err(|_| End::SourceGone),
            () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() => Ok(Event::Time),
            () = self.wire.responses.closed() => Ok(Event::Gone),
        }
    }

    fn update(&mut self) -> Vec<Push> {
        let Some(set) = self.sets.borrow_and_update().clone() else {
            return Vec::new();
        };
        let since = set.built_at().max(self.since);
        self.lag.get_or_insert(Lag { since, sent: false });
        self.session.update(set, Instant::now())
    }

    /// Notes how long a change took to be sent and to be accepted.
    fn measure(&mut self, sends: bool) {
        let Some(lag) = &mut self.lag else { return };
        let counters = &self.shared.counters;
        if sends && !lag.sent {
            lag.sent = true;
            counters.time_to_send.add(lag.since.elapsed());
        }
        match self.session.state() {
            SyncState::AwaitingConfiguration | SyncState::Updating => return,
            SyncState::InSync if lag.sent => counters.time_to_acknowledge.add(lag.since.elapsed()),
            SyncState::InSync | SyncState::Rejected => {}
        }
        self.lag = None;
    }

    fn hear(&mut self, request: D::Request) -> Result<Vec<Push>, End> {
        self.shared.counters.requests.add();
        self.check_node(request.node())?;
        let Some(kind) = ResourceType::from_type_url(request.type_url()) else {
            self.ignore(request.type_url());
            self.spend()?;
            return Ok(Vec::new());
        };
        self.check_names(kind, &request)?;
        self.recall(kind, &request);
        let (heard, responses) = self.session.request(kind, request, Instant::now());
        self.count(kind, &heard);
        if !heard.is_answer() {
            self.spend()?;
        }
        Ok(responses)
    }

    /// Looks up what a proxy that comes back holds.
    fn recall(&mut self, kind: ResourceType, request: &D::Request) {
        if kind != ResourceType::Cluster || self.session.has_met(kind) {
            return;
        }
        let earlier = self.earlier.take().map(|set| Arc::clone(set.collection(kind)));
        let held = request.version().and_then(|version| self.entry.recall(version));
        if let Some(held) = held.or(earlier) {
            self.session.recall(held);
        }
    }

    fn check_names(&self, kind: ResourceType, request: &D::Request) -> Result<(), End> {
        let (count, limit) = (
            self.session.size_with(kind, request),
            self.shared.options.max_resource_names,
        );
        if count > limit {
            return Err(End::TooManyNames { kind, count, limit });
        }
        let limit = self.shared.options.max_resource_name;
        match request.names().map(str::len).max() {
            Some(length) if length > limit => Err(End::LongName { kind, length, limit }),
            _ => Ok(()),
        }
    }

    /// Takes a request that is no answer to a response from what the proxy may send.
    fn spend(&mut self) -> Result<(), End> {
        let options = &self.shared.options;
        if self.budget.spend(Instant::now()) {
            return Ok(());
        }
        Err(End::TooManyRequests {
            burst: options.request_burst,
            rate: options.request_rate,
        })
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
            Heard::Acknowledged => counters.responses(kind).acks.add(),
            Heard::Rejected(nack) => {
                counters.responses(kind).nacks.add();
                let (node, version) = (&self.node_id, nack.version);
                warn!(node, %kind, %version, "proxy rejected its configuration and keeps the last: {}", nack.reason);
            }
        }
    }
}
