//! What the pipeline says of itself.

use super::text::Page;
use crate::pipeline::Pipeline;

pub(super) fn add_to(page: &mut Page, pipeline: &Pipeline) {
    page.gauge(
        "evermesh_pipeline_revision",
        "Revision of the store that is published.",
    )
    .value(pipeline.revision());
    page.gauge(
        "evermesh_pipeline_following",
        "1 as long as changes reach proxies.",
    )
    .value(u64::from(pipeline.is_followed()));
    page.counter(
        "evermesh_pipeline_faults_total",
        "Views that could not be built, and records that could not be understood.",
    )
    .value(pipeline.faults());
    let figures = pipeline.figures();
    page.gauge(
        "evermesh_pipeline_configurations",
        "Configurations that connected proxies have.",
    )
    .value(figures.configurations as u64);
    page.gauge(
        "evermesh_pipeline_shared_resources",
        "Different resources in these configurations.",
    )
    .value(figures.resources as u64);
    page.counter("evermesh_pipeline_resolved_total", "Views resolved.")
        .value(figures.resolved);
    page.counter(
        "evermesh_pipeline_built_total",
        "Configurations built, because something in them changed.",
    )
    .value(figures.built);
    page.histogram(
        "evermesh_pipeline_recompute_seconds",
        "From taking in changes to having built all that they concern.",
    )
    .distribution(&[], &figures.recompute);
}
