//! Requests of a proxy on a stream, in both forms of the protocol: from bytes to the status that ends the stream.
//!
//! Lines of JSON: the first may choose the form, each other is a request, or a change of the configuration.
//!
//! | line | means |
//! |---|---|
//! | `{"delta": true}` | the incremental form |
//! | `{"set": 1}` | the configuration of the node `n` is now this one of four |
//! | `{"raw": "0a00"}` | a message of these bytes |
//! | `{"type": "cluster", "names": ["a"], ...}` | a request; see [`Line`] |

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use envoy_types::pb::envoy::config::core::v3::Node;
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use envoy_types::pb::google::rpc;
use evermesh_xds_server::testing::fixtures::{
    MemorySource, dns_cluster, eds_cluster, endpoints, listener, routes, secret, static_cluster,
};
use evermesh_xds_server::testing::service;
use evermesh_xds_server::{Options, ResourceSet, ResourceType, XdsServer};
use futures::FutureExt;
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use prost::Message;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::ServiceExt;

use crate::{Form, Target, http::block_on, names_a_fault};

pub(crate) const TARGET: Target = Target {
    name: "xds",
    max_length: 8 * 1024,
    form: Form::JsonLines,
    run,
    derived,
};

const NODE: &str = "n";
/// Nothing here takes a second: what takes so long never ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// A line. What a request leaves out is what a well-behaved proxy would say: the version and nonce it has.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    delta: bool,
    set: Option<usize>,
    raw: Option<String>,
    /// A short name such as `cluster`, or a type URL.
    r#type: String,
    node: Option<String>,
    names: Vec<String>,
    version: Option<String>,
    nonce: Option<String>,
    error: Option<String>,
    unsubscribe: Vec<String>,
    initial: HashMap<String, String>,
}

fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let lines: Vec<Line> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let ended = block_on(async { tokio::time::timeout(PATIENCE, converse(&lines)).await });
    ended.expect("a stream ends when its proxy has ended it");
}

async fn converse(lines: &[Line]) {
    let is_delta = lines.first().is_some_and(|line| line.delta);
    let source = Arc::new(MemorySource::default());
    let options = Options {
        warm_up: Duration::ZERO,
        ..Options::default()
    };
    let server = XdsServer::new(source.clone(), options);
    let mut stream = Stream::open(&server, is_delta).await;
    for line in lines {
        if let Some(set) = line.set {
            source.put(NODE, SETS[set % SETS.len()].clone());
        } else if let Some(message) = stream.message(line) {
            stream.send(&message);
        }
        stream.settle().await;
    }
    stream.end().await;
}

/// Four configurations between which everything is added, changed and removed.
static SETS: LazyLock<[ResourceSet; 4]> = LazyLock::new(|| {
    [
        ResourceSet::builder().build(),
        ResourceSet::builder()
            .cluster(&static_cluster("a", 1))
            .listener(&listener("in", 1, "out"))
            .route(&routes("out", &["a"]))
            .build(),
        ResourceSet::builder()
            .cluster(&static_cluster("a", 2))
            .cluster(&eds_cluster("b"))
            .endpoints(&endpoints("b", &[1, 2]))
            .listener(&listener("in", 1, "out"))
            .route(&routes("out", &["a", "b"]))
            .secret(&secret("s", "text"))
            .build(),
        ResourceSet::builder()
            .cluster(&eds_cluster("b"))
            .cluster(&dns_cluster("c", 3))
            .endpoints(&endpoints("b", &[]))
            .listener(&listener("in", 1, "other"))
            .route(&routes("other", &["b", "c"]))
            .secret(&secret("s", "other"))
            .build(),
    ]
});

/// A stream without a transport: frames in, frames out.
struct Stream {
    is_delta: bool,
    requests: mpsc::UnboundedSender<Bytes>,
    responses: Body,
    received: BytesMut,
    /// By type URL.
    told: BTreeMap<String, Told>,
    sent: usize,
}

/// The last response of a type.
#[derive(Default)]
struct Told {
    version: String,
    nonce: String,
    is_unanswered: bool,
}

impl Stream {
    async fn open(server: &XdsServer, is_delta: bool) -> Self {
        let (requests, outgoing) = mpsc::unbounded_channel::<Bytes>();
        let frames = UnboundedReceiverStream::new(outgoing).map(|data| Ok::<_, Status>(Frame::data(data)));
        let method = if is_delta {
            "DeltaAggregatedResources"
        } else {
            "StreamAggregatedResources"
        };
        let request = Request::post(format!(
            "/envoy.service.discovery.v3.AggregatedDiscoveryService/{method}"
        ))
        .header("content-type", "application/grpc")
        .body(Body::new(StreamBody::new(frames)))
        .expect("a path and a header");
        let response: Response<Body> = service(server)
            .oneshot(request)
            .await
            .unwrap_or_else(|never| match never {});
        Self {
            is_delta,
            requests,
            responses: response.into_body(),
            received: BytesMut::new(),
            told: BTreeMap::new(),
            sent: 0,
        }
    }

    /// The message that a line stands for; `None` when it stands for none.
    fn message(&mut self, line: &Line) -> Option<Vec<u8>> {
        if let Some(raw) = &line.raw {
            return hex(raw);
        }
        let kind = ResourceType::ALL
            .into_iter()
            .find(|kind| kind.to_string() == line.r#type);
        let type_url = kind.map_or_else(|| line.r#type.clone(), |kind| kind.type_url().to_owned());
        let told = self.told.entry(type_url.clone()).or_default();
        let nonce = line.nonce.clone().unwrap_or_else(|| told.nonce.clone());
        let version = line.version.clone().unwrap_or_else(|| told.version.clone());
        told.is_unanswered &= nonce != told.nonce;
        let node = line.node.as_ref().map(|id| Node {
            id: id.clone(),
            ..Node::default()
        });
        let error_detail = line.error.as_ref().map(|message| rpc::Status {
            code: 13,
            message: message.clone(),
            ..rpc::Status::default()
        });
        Some(if self.is_delta {
            let request = DeltaDiscoveryRequest {
                node,
                type_url,
                resource_names_subscribe: line.names.clone(),
                resource_names_unsubscribe: line.unsubscribe.clone(),
                initial_resource_versions: line.initial.clone(),
                response_nonce: nonce,
                error_detail,
                ..DeltaDiscoveryRequest::default()
            };
            request.encode_to_vec()
        } else {
            let request = DiscoveryRequest {
                version_info: version,
                node,
                resource_names: line.names.clone(),
                type_url,
                response_nonce: nonce,
                error_detail,
                ..DiscoveryRequest::default()
            };
            request.encode_to_vec()
        })
    }

    /// Sends a message in the frame that gRPC puts around it.
    fn send(&mut self, message: &[u8]) {
        let mut frame = BytesMut::with_capacity(5 + message.len());
        frame.put_u8(0); // not compressed
        frame.put_u32(u32::try_from(message.len()).expect("inputs are short"));
        frame.put_slice(message);
        self.sent += 1;
        // A stream that the server has ended takes none.
        let _ = self.requests.send(frame.freeze());
    }

    /// Lets the server run until it says nothing more.
    async fn settle(&mut self) {
        const PATIENCE: usize = 8;
        let mut silent = 0;
        while silent < PATIENCE {
            tokio::task::yield_now().await;
            silent += 1;
            while let Some(Some(Ok(frame))) = self.responses.frame().now_or_never() {
                self.receive(frame);
                silent = 0;
            }
        }
    }

    /// Ends the stream, and waits until the server has too.
    async fn end(self) {
        let Self {
            mut responses,
            requests,
            ..
        } = self;
        drop(requests);
        while let Some(Ok(frame)) = responses.frame().await {
            check_end(&frame);
        }
    }

    fn receive(&mut self, frame: Frame<Bytes>) {
        check_end(&frame);
        let Ok(data) = frame.into_data() else {
            return;
        };
        self.received.put_slice(&data);
        while self.received.len() >= 5 {
            let length = (&self.received[1..5]).get_u32() as usize;
            if self.received.len() < 5 + length {
                return;
            }
            let mut message = self.received.split_to(5 + length);
            message.advance(5);
            self.note(&message);
        }
    }

    /// A response of a type comes only when one before was answered, which bounds what the server holds for a proxy.
    fn note(&mut self, message: &[u8]) {
        let (type_url, version, nonce) = if self.is_delta {
            let response = DeltaDiscoveryResponse::decode(message).expect("a response");
            (response.type_url, response.system_version_info, response.nonce)
        } else {
            let response = DiscoveryResponse::decode(message).expect("a response");
            (response.type_url, response.version_info, response.nonce)
        };
        assert!(self.told.contains_key(&type_url), "nobody asked for {type_url}");
        let told = self.told.entry(type_url).or_default();
        assert!(!told.is_unanswered, "two responses wait for an answer");
        assert_ne!(told.nonce, nonce, "a nonce is used once");
        *told = Told {
            version,
            nonce,
            is_unanswered: true,
        };
    }
}

/// A stream that ends otherwise than well says why.
fn check_end(frame: &Frame<Bytes>) {
    let status = frame.trailers_ref().and_then(Status::from_header_map);
    if let Some(status) = status.filter(|status| status.code() != Code::Ok) {
        names_a_fault(status.message());
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks_exact(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// What a proxy says that comes, is led through all configurations, rejects one, and says nonsense in the end.
fn derived() -> Vec<Vec<u8>> {
    let first = [
        json!({"set": 1}),
        json!({"type": "cluster", "node": NODE}),
        json!({"type": "cluster"}),
        json!({"type": "listener"}),
        json!({"type": "listener"}),
        json!({"type": "route", "names": ["out"]}),
        json!({"type": "route", "names": ["out"]}),
    ];
    let change = [
        json!({"set": 2}),
        json!({"type": "secret", "names": ["s", "t"]}),
        json!({"type": "cluster"}),
        json!({"type": "endpoint", "names": ["b"]}),
        json!({"type": "endpoint", "names": ["b"]}),
        json!({"type": "route", "names": ["out"], "error": "no"}),
        json!({"set": 3}),
        json!({"type": "cluster"}),
        json!({"type": "listener"}),
        json!({"type": "route", "names": ["other"], "unsubscribe": ["out"]}),
        json!({"type": "route", "names": []}),
    ];
    let nonsense = [
        json!({"type": "type.googleapis.com/unknown", "names": ["*"]}),
        json!({"type": "cluster", "names": ["*", "a"], "nonce": "0", "version": "x"}),
        json!({"type": "cluster", "initial": {"a": "x"}, "unsubscribe": ["*"]}),
        json!({"type": "cluster", "node": "other"}),
        json!({"raw": "0a0161120022"}),
    ];
    let lines = |parts: &[&[serde_json::Value]]| {
        let lines: Vec<String> = parts.concat().iter().map(ToString::to_string).collect();
        lines.join("\n")
    };
    let conversations = [
        lines(&[&first]),
        lines(&[&first, &change]),
        lines(&[&first, &nonsense]),
        lines(&[&change, &nonsense, &first]),
    ];
    let delta = conversations
        .iter()
        .map(|text| format!("{{\"delta\":true}}\n{text}"));
    conversations
        .iter()
        .cloned()
        .chain(delta)
        .map(String::into_bytes)
        .collect()
}
