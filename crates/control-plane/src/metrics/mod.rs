//! `GET /metrics`: what the control plane does, for Prometheus. `docs/reference/metrics.md` has every family.
//!
//! Parts count for themselves and are read when somebody asks. Labels take few values each: none comes from a client, a
//! proxy or a mesh.

mod pipeline;
mod process;
mod store;
mod text;
mod xds;

use std::sync::Arc;
use std::time::Duration;

use evermesh_aws_api::Counters;
use evermesh_xds_server::XdsServer;

use crate::certificates::CertificateDirectory;
use crate::pipeline::Pipeline;
use text::Page;

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
        page.gauge("evermesh_build_info", "The version, always 1.")
            .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        xds::add_to(&mut page, &self.xds.stats());
        pipeline::add_to(&mut page, &self.pipeline);
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

fn certificates(page: &mut Page, faults: usize) {
    page.gauge(
        "evermesh_certificates_unusable",
        "Certificates and authorities whose files cannot be used as they are now.",
    )
    .value(faults);
}

fn api(page: &mut Page, counters: &Counters) {
    let mut family = page.counter("evermesh_api_requests_total", "Requests of the AWS APIs.");
    for count in counters.snapshot() {
        let labels = [
            ("service", count.service),
            ("operation", count.operation),
            ("code", count.code),
        ];
        family.sample(&labels, count.requests);
    }
    let mut family = page.histogram(
        "evermesh_api_request_seconds",
        "From a request's head to its answer.",
    );
    for durations in counters.durations() {
        let labels = [("service", durations.service), ("operation", durations.operation)];
        family.distribution(&labels, &durations.distribution);
    }
}
