//! `GET /metrics`: what the control plane does, for Prometheus. `docs/reference/metrics.md` has every family.
//!
//! Parts count for themselves and are read when somebody asks. Labels take few values each: none comes from a client, a
//! proxy or a mesh.

mod process;
mod store;
mod text;

use std::sync::Arc;
use std::time::Duration;

use evermesh_aws_api::Counters;
use evermesh_xds_server::{Protocol, RefusalReason, ResourceType, ResponseCounts, Stats, XdsServer};

use crate::certificates::CertificateDirectory;
use crate::pipeline::Pipeline;
use text::{Kind, Page};

pub(crate) use store::{StoreTimings, Timed};

/// Bounds of times of the process's own work: from a look-up in memory to a disk that hardly answers.
pub(crate) const WORK_BOUNDS: [Duration; 12] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_millis(2500),
];

/// The media type of the page.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything that is counted.
#[derive(Clone)]
pub(crate) struct Metrics {
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) certificates: Option<Arc<CertificateDirectory>>,
    pub(crate) xds: XdsServer,
    pub(crate) api: Arc<Counters>,
    pub(crate) store: Arc<StoreTimings>,
}

impl Metrics {
    /// The page as it is now, in the text format of Prometheus.
    pub(crate) fn page(&self) -> String {
        let mut page = Page::default();
        page.family("evermesh_build_info", Kind::Gauge, "The version, always 1.")
            .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        xds(&mut page, &self.xds.stats());
        pipeline(&mut page, &self.pipeline);
        let faults = self
            .certificates
            .as_ref()
            .map_or(0, |directory| directory.faults());
        certificates(&mut page, faults);
        self.store.add_to(&mut page);
        api(&mut page, &self.api);
        process::add_to(&mut page);
        page.finish()
    }
}

fn xds(page: &mut Page, stats: &Stats) {
    let streams = |pick: fn(&Stats, Protocol) -> u64| {
        Protocol::ALL.map(|protocol| (protocol.label(), pick(stats, protocol)))
    };
    page.family(
        "evermesh_xds_connections",
        Kind::Gauge,
        "Connections of proxies that are open.",
    )
    .sample(&[], stats.connections);
    page.family(
        "evermesh_xds_streams",
        Kind::Gauge,
        "Streams of proxies that are open.",
    )
    .samples(
        "protocol",
        streams(|stats, protocol| stats.streams_of(protocol).open),
    );
    page.family(
        "evermesh_xds_streams_accepted_total",
        Kind::Counter,
        "Streams accepted.",
    )
    .samples(
        "protocol",
        streams(|stats, protocol| stats.streams_of(protocol).accepted),
    );
    let refusals = RefusalReason::ALL.map(|reason| (reason.label(), stats.refused(reason)));
    page.family(
        "evermesh_xds_refusals_total",
        Kind::Counter,
        "Connections and streams refused or ended for a fault or a limit.",
    )
    .samples("reason", refusals);
    page.family(
        "evermesh_xds_requests_total",
        Kind::Counter,
        "Requests of proxies, acknowledgements included.",
    )
    .sample(&[], stats.requests);
    page.family(
        "evermesh_xds_stale_requests_total",
        Kind::Counter,
        "Requests that crossed a newer response.",
    )
    .sample(&[], stats.stale_requests);
    page.family(
        "evermesh_xds_unknown_types_total",
        Kind::Counter,
        "Requests for types that are not served.",
    )
    .sample(&[], stats.unknown_types);
    let responses = |pick: fn(&ResponseCounts) -> u64| {
        ResourceType::ALL.map(|kind| (type_label(kind), pick(&stats.types[kind])))
    };
    page.family("evermesh_xds_pushes_total", Kind::Counter, "Responses sent.")
        .samples("type", responses(|counts| counts.pushes));
    page.family(
        "evermesh_xds_acks_total",
        Kind::Counter,
        "Responses that proxies accepted.",
    )
    .samples("type", responses(|counts| counts.acks));
    page.family(
        "evermesh_xds_nacks_total",
        Kind::Counter,
        "Responses that proxies rejected.",
    )
    .samples("type", responses(|counts| counts.nacks));
    page.family(
        "evermesh_xds_send_seconds",
        Kind::Histogram,
        "From a configuration being built to its first response being sent.",
    )
    .histogram(&[], &stats.time_to_send);
    page.family(
        "evermesh_xds_acknowledge_seconds",
        Kind::Histogram,
        "From a configuration being built to a proxy having accepted it.",
    )
    .histogram(&[], &stats.time_to_acknowledge);
}

fn pipeline(page: &mut Page, pipeline: &Pipeline) {
    page.family(
        "evermesh_pipeline_revision",
        Kind::Gauge,
        "Revision of the store that is published.",
    )
    .sample(&[], pipeline.revision());
    page.family(
        "evermesh_pipeline_following",
        Kind::Gauge,
        "1 as long as changes reach proxies.",
    )
    .sample(&[], u64::from(pipeline.is_followed()));
    page.family(
        "evermesh_pipeline_faults_total",
        Kind::Counter,
        "Views that could not be built, and records that could not be understood.",
    )
    .sample(&[], pipeline.faults());
    let figures = pipeline.figures();
    page.family(
        "evermesh_pipeline_configurations",
        Kind::Gauge,
        "Configurations that connected proxies have.",
    )
    .sample(&[], figures.configurations as u64);
    page.family(
        "evermesh_pipeline_shared_resources",
        Kind::Gauge,
        "Different resources in these configurations.",
    )
    .sample(&[], figures.resources as u64);
    page.family(
        "evermesh_pipeline_resolved_total",
        Kind::Counter,
        "Views resolved.",
    )
    .sample(&[], figures.resolved);
    page.family(
        "evermesh_pipeline_built_total",
        Kind::Counter,
        "Configurations built, because something in them changed.",
    )
    .sample(&[], figures.built);
    page.family(
        "evermesh_pipeline_recompute_seconds",
        Kind::Histogram,
        "From taking in changes to having built all that they concern.",
    )
    .histogram(&[], &figures.recompute);
}

fn certificates(page: &mut Page, faults: usize) {
    page.family(
        "evermesh_certificates_unusable",
        Kind::Gauge,
        "Certificates and authorities whose files cannot be used as they are now.",
    )
    .sample(&[], faults);
}

fn api(page: &mut Page, counters: &Counters) {
    let mut family = page.family(
        "evermesh_api_requests_total",
        Kind::Counter,
        "Requests of the AWS APIs.",
    );
    for count in counters.snapshot() {
        let labels = [
            ("service", count.service),
            ("operation", count.operation),
            ("code", count.code),
        ];
        family.sample(&labels, count.requests);
    }
    let mut family = page.family(
        "evermesh_api_request_seconds",
        Kind::Histogram,
        "From a request's head to its answer.",
    );
    for durations in counters.durations() {
        let labels = [("service", durations.service), ("operation", durations.operation)];
        family.histogram(&labels, &durations.distribution);
    }
}

/// The type's name in Envoy's own statistics.
fn type_label(kind: ResourceType) -> &'static str {
    match kind {
        ResourceType::Secret => "sds",
        ResourceType::Cluster => "cds",
        ResourceType::Endpoint => "eds",
        ResourceType::Listener => "lds",
        ResourceType::Route => "rds",
    }
}
