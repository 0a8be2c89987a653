//! What the xDS server says of itself.

use evermesh_xds_server::{Protocol, RefusalReason, ResourceType, Stats};

use super::text::Page;

pub(super) fn add_to(page: &mut Page, stats: &Stats) {
    streams(page, stats);
    requests(page, stats);
    responses(page, stats);
}

fn streams(page: &mut Page, stats: &Stats) {
    let streams = Protocol::ALL.map(|protocol| (protocol.label(), stats.streams_of(protocol)));
    page.gauge(
        "evermesh_xds_connections",
        "Connections of proxies that are open.",
    )
    .value(stats.connections);
    page.gauge("evermesh_xds_streams", "Streams of proxies that are open.")
        .samples("protocol", streams.map(|(protocol, of)| (protocol, of.open)));
    page.counter("evermesh_xds_streams_accepted_total", "Streams accepted.")
        .samples("protocol", streams.map(|(protocol, of)| (protocol, of.accepted)));
    let refusals = RefusalReason::ALL.map(|reason| (reason.label(), stats.refused(reason)));
    page.counter(
        "evermesh_xds_refusals_total",
        "Connections and streams refused or ended for a fault or a limit.",
    )
    .samples("reason", refusals);
}

fn requests(page: &mut Page, stats: &Stats) {
    page.counter(
        "evermesh_xds_requests_total",
        "Requests of proxies, acknowledgements included.",
    )
    .value(stats.requests);
    page.counter(
        "evermesh_xds_stale_requests_total",
        "Requests that crossed a newer response.",
    )
    .value(stats.stale_requests);
    page.counter(
        "evermesh_xds_unknown_types_total",
        "Requests for types that are not served.",
    )
    .value(stats.unknown_types);
}

fn responses(page: &mut Page, stats: &Stats) {
    let types = ResourceType::ALL.map(|kind| (type_label(kind), &stats.types[kind]));
    page.counter("evermesh_xds_pushes_total", "Responses sent.")
        .samples("type", types.map(|(kind, counts)| (kind, counts.pushes)));
    page.counter("evermesh_xds_acks_total", "Responses that proxies accepted.")
        .samples("type", types.map(|(kind, counts)| (kind, counts.acks)));
    page.counter("evermesh_xds_nacks_total", "Responses that proxies rejected.")
        .samples("type", types.map(|(kind, counts)| (kind, counts.nacks)));
    page.histogram(
        "evermesh_xds_send_seconds",
        "From a configuration being built to its first response being sent.",
    )
    .distribution(&[], &stats.time_to_send);
    page.histogram(
        "evermesh_xds_acknowledge_seconds",
        "From a configuration being built to a proxy having accepted it.",
    )
    .distribution(&[], &stats.time_to_acknowledge);
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
