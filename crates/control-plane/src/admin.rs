//! Evermesh's own HTTP views, beside the AWS endpoints: health, proxies, diagnostics.
//!
//! | path | answer |
//! |---|---|
//! | `GET /healthz` | 200 `ok` once it serves and a full configuration has been built; 503 when changes no longer reach proxies |
//! | `GET /metrics` | what the control plane does, for Prometheus; see `docs/reference/metrics.md` |
//! | `GET /evermesh/proxies` | every connected proxy, and how far the published configuration is, see [`ProxiesJson`] |
//! | `GET /evermesh/diagnostics` | `{"diagnostics": [...]}`: what is wrong in the meshes, see [`DiagnosticJson`] |
//!
//! Where callers need credentials, they need them for all of these but `/healthz`, which tells nothing: requests are
//! signed as for an AWS service, whose name is `evermesh`.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use evermesh_aws_api::{Credentials, Limits, signed_only};
use evermesh_model::Diagnostic;
use evermesh_store::Store;
use evermesh_xds_server::{ProxyStatus, SyncState, XdsServer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::certificates::{CertificateDirectory, report};
use crate::metrics::{self, Metrics};
use crate::pipeline::Pipeline;

/// The connected proxies. A write that was answered before the question is in effect everywhere when `revision` is not
/// below `storedRevision` and all proxies are in sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxiesJson {
    /// In the order in which they came.
    pub proxies: Vec<ProxyJson>,
    /// Revision of the store that is published: what `inSync` refers to, or newer.
    pub revision: u64,
    /// Revision of the last write.
    pub stored_revision: u64,
}

/// A connected proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyJson {
    /// What it says it is: the ARN or short form of its virtual node or gateway.
    pub node_id: String,
    /// Cluster it says it belongs to.
    pub cluster: String,
    /// Address it connected from; absent on a Unix socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Program and version.
    pub version: String,
    /// RFC 3339.
    pub connected_since: String,
    /// `waiting` until there is a configuration for it, `updating`, `in sync`, or `rejected`.
    pub state: String,
    /// Whether it has everything it is to have.
    pub in_sync: bool,
    /// What it rejected last, if anything is still rejected or ever was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_nack: Option<NackJson>,
}

/// A configuration that a proxy rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NackJson {
    /// Kind of resource, such as `cluster`.
    pub resource_type: String,
    /// The proxy's own words.
    pub reason: String,
    /// RFC 3339.
    pub at: String,
}

/// A mistake in a mesh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiagnosticJson {
    /// `error` or `warning`.
    pub severity: String,
    /// Stable name of the kind of mistake.
    pub code: String,
    /// Account that owns the mesh.
    pub mesh_owner: String,
    /// Path of the resource, such as `mesh/m/virtualNode/n`.
    pub resource: String,
    /// Member of its spec.
    pub path: String,
    /// What is wrong and what follows.
    pub message: String,
}

/// The service that requests for the views are signed for.
const SERVICE: &str = "evermesh";

/// Routes of the views; with credentials, for those only who have them.
pub(crate) fn router(
    metrics: Metrics,
    store: Arc<dyn Store>,
    credentials: Option<Credentials>,
    limits: Limits,
) -> Router {
    let pipeline = Arc::clone(&metrics.pipeline);
    let shared = Shared {
        pipeline: Arc::clone(&pipeline),
        certificates: metrics.certificates.clone(),
        xds: metrics.xds.clone(),
        store,
        diagnosing: Arc::default(),
    };
    let health = get(health).with_state(pipeline);
    let page = get(page).with_state(metrics);
    let views = Router::new()
        .route("/evermesh/proxies", get(proxies))
        .route("/evermesh/diagnostics", get(diagnostics))
        .with_state(shared)
        .route("/metrics", page);
    Router::new()
        .route("/healthz", health)
        .merge(signed_only(views, SERVICE, credentials, limits))
}

/// What the views show.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) certificates: Option<Arc<CertificateDirectory>>,
    pub(crate) xds: XdsServer,
    pub(crate) store: Arc<dyn Store>,
    /// Held by whoever finds out what is wrong.
    pub(crate) diagnosing: Arc<Mutex<()>>,
}

async fn health(State(pipeline): State<Arc<Pipeline>>) -> (StatusCode, &'static str) {
    if pipeline.is_followed() {
        (StatusCode::OK, "ok\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "changes no longer reach proxies: restart, and see the log\n",
        )
    }
}

async fn page(State(metrics): State<Metrics>) -> ([(HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics.page())
}

async fn proxies(State(shared): State<Shared>) -> Result<Json<ProxiesJson>, (StatusCode, String)> {
    let stored_revision = shared.store.revision().await.map_err(|failure| {
        let text = format!("the store cannot be asked for its revision: {failure}\n");
        (StatusCode::SERVICE_UNAVAILABLE, text)
    })?;
    // In this order: each is at least as new as the one before.
    let revision = shared.pipeline.revision();
    let proxies = shared.xds.proxies().iter().map(ProxyJson::from).collect();
    Ok(Json(ProxiesJson {
        proxies,
        revision,
        stored_revision,
    }))
}

/// For one caller at a time, and on a thread of its own: in large meshes it takes a while, and the threads of requests are
/// also those of streams.
pub(crate) async fn diagnostics(State(shared): State<Shared>) -> Json<Value> {
    let turn = Arc::clone(&shared.diagnosing).lock_owned().await;
    let diagnose = move || {
        // Its turn lasts until it is done, also when nobody waits for the answer any more.
        let _turn = turn;
        diagnose(&shared)
    };
    let found = spawn_blocking(diagnose).await;
    Json(found.unwrap_or_else(|failure| resume_unwind(failure.into_panic())))
}

fn diagnose(shared: &Shared) -> Value {
    let (pipeline, certificates) = (&shared.pipeline, shared.certificates.as_deref());
    let mut found = pipeline.diagnostics();
    let meshes = pipeline.meshes();
    found.extend(
        meshes
            .iter()
            .flat_map(|mesh| report::unavailable(mesh, certificates)),
    );
    let diagnostics: Vec<DiagnosticJson> = found.iter().map(DiagnosticJson::from).collect();
    json!({ "diagnostics": diagnostics, "revision": pipeline.revision(), "faults": pipeline.faults() })
}

impl From<&ProxyStatus> for ProxyJson {
    fn from(status: &ProxyStatus) -> Self {
        let nacks = status
            .types
            .iter()
            .filter_map(|kind| Some((kind, kind.last_nack.as_ref()?)));
        let last = nacks.max_by_key(|(_, nack)| nack.at);
        Self {
            node_id: status.node_id.clone(),
            cluster: status.cluster.clone(),
            address: status.peer.map(|peer| peer.to_string()),
            version: status.user_agent.clone(),
            connected_since: rfc3339(status.connected_since),
            state: state(status.state).to_owned(),
            in_sync: status.in_sync(),
            last_nack: last.map(|(kind, nack)| NackJson {
                resource_type: format!("{:?}", kind.kind).to_lowercase(),
                reason: nack.reason.clone(),
                at: rfc3339(nack.at),
            }),
        }
    }
}

impl From<&Diagnostic> for DiagnosticJson {
    fn from(diagnostic: &Diagnostic) -> Self {
        Self {
            severity: match diagnostic.severity {
                evermesh_model::Severity::Error => "error".to_owned(),
                evermesh_model::Severity::Warning => "warning".to_owned(),
            },
            code: diagnostic.code.to_owned(),
            mesh_owner: diagnostic.resource.mesh().owner.clone(),
            resource: diagnostic.resource.to_string(),
            path: diagnostic.path.clone(),
            message: diagnostic.message.clone(),
        }
    }
}

fn state(state: SyncState) -> &'static str {
    match state {
        SyncState::AwaitingConfiguration => "waiting",
        SyncState::Updating => "updating",
        SyncState::InSync => "in sync",
        SyncState::Rejected => "rejected",
    }
}

fn rfc3339(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time)
        .map(|t| format!("{t:.3}"))
        .unwrap_or_default()
}
