//! A simulated proxy: a model on a gRPC stream, in a task of its own. Never decides anything itself.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use futures::StreamExt;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

use super::{Ask, Model, Told};
use crate::resource::ResourceType;
use crate::stats::Protocol;

/// Nothing on loopback takes this long: a test that waits longer has failed, and says what it saw.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A connected proxy. It disconnects when dropped.
#[derive(Debug)]
pub struct Peer {
    model: Arc<Mutex<Model>>,
    requests: mpsc::UnboundedSender<Ask>,
    changes: watch::Receiver<Option<Result<(), Status>>>,
    task: JoinHandle<()>,
}

impl Peer {
    /// Starts a stream on `channel`. A channel may carry many peers, as long as the server allows the streams.
    pub fn start(channel: Channel, mut model: Model) -> Self {
        let (requests, outgoing) = mpsc::unbounded_channel();
        send_all(&requests, model.connect());
        let model = Arc::new(Mutex::new(model));
        let (progress, changes) = watch::channel(None);
        let run = run(
            channel,
            Arc::clone(&model),
            requests.clone(),
            outgoing,
            progress.clone(),
        );
        let task = tokio::spawn(async move {
            let end = run.await;
            progress.send_replace(Some(end));
        });
        Self {
            model,
            requests,
            changes,
            task,
        }
    }

    /// Waits until the model fulfils a condition.
    ///
    /// # Panics
    ///
    /// When that does not come true within half a minute.
    pub async fn wait_for(&self, what: &str, condition: impl Fn(&Model) -> bool) {
        let mut changes = self.changes.clone();
        let met = async {
            while !condition(&self.model()) {
                changes
                    .changed()
                    .await
                    .expect("the task of the peer keeps the sender until it is aborted");
            }
        };
        if tokio::time::timeout(PATIENCE, met).await.is_err() {
            panic!("{what} did not come true: {:?}", self.model());
        }
    }

    /// Waits until the server has ended the stream, and tells how.
    ///
    /// # Panics
    ///
    /// When it does not end within half a minute.
    pub async fn ended(&self) -> Result<(), Status> {
        let mut changes = self.changes.clone();
        let end = tokio::time::timeout(PATIENCE, changes.wait_for(Option::is_some)).await;
        end.expect("the stream ends")
            .expect("the task of the peer keeps the sender until it is aborted")
            .clone()
            .expect("waited for it")
    }

    /// Subscribes to more names.
    pub fn subscribe(&self, kind: ResourceType, names: &[&str]) {
        let request = self.model().subscribe(kind, names);
        send_all(&self.requests, [request]);
    }

    /// Unsubscribes from names.
    pub fn unsubscribe(&self, kind: ResourceType, names: &[&str]) {
        let request = self.model().unsubscribe(kind, names);
        send_all(&self.requests, [request]);
    }

    /// The state of the proxy now.
    ///
    /// # Panics
    ///
    /// When a check inside the model panicked.
    pub fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().expect("no check panicked")
    }

    /// Disconnects; the model can be started again, as a proxy that comes back.
    ///
    /// # Panics
    ///
    /// When a check inside the model panicked.
    pub async fn stop(mut self) -> Model {
        self.task.abort();
        let _ = (&mut self.task).await;
        std::mem::replace(&mut *self.model(), Model::new(""))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    channel: Channel,
    model: Arc<Mutex<Model>>,
    requests: mpsc::UnboundedSender<Ask>,
    outgoing: mpsc::UnboundedReceiver<Ask>,
    progress: watch::Sender<Option<Result<(), Status>>>,
) -> Result<(), Status> {
    let outgoing = UnboundedReceiverStream::new(outgoing);
    let mut client = AggregatedDiscoveryServiceClient::new(channel).max_decoding_message_size(usize::MAX);
    let protocol = model.lock().expect("no check panicked").protocol();
    let take_in = |told: Told| {
        let answers = model.lock().expect("no check panicked").receive(told);
        send_all(&requests, answers);
        progress.send_replace(None);
    };
    match protocol {
        Protocol::StateOfTheWorld => {
            let responses = client
                .stream_aggregated_resources(outgoing.map(Into::into))
                .await?;
            take_in_all(responses.into_inner(), take_in).await
        }
        Protocol::Delta => {
            let responses = client
                .delta_aggregated_resources(outgoing.map(Into::into))
                .await?;
            take_in_all(responses.into_inner(), take_in).await
        }
    }
}

async fn take_in_all<R: Into<Told>>(
    mut responses: Streaming<R>,
    take_in: impl Fn(Told),
) -> Result<(), Status> {
    while let Some(response) = responses.message().await? {
        take_in(response.into());
    }
    Ok(())
}

/// A closed stream takes no requests, and the peer is about to learn why.
fn send_all(requests: &mpsc::UnboundedSender<Ask>, all: impl IntoIterator<Item = Ask>) {
    for request in all {
        let _ = requests.send(request);
    }
}
