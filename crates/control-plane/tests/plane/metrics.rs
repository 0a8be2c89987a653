//! The page for Prometheus: that any parser can read it, and that it counts what happens.

use std::collections::{BTreeMap, BTreeSet};

use crate::specs::{node, split};
use crate::world::{World, has_split};

/// A page as a parser sees it.
#[derive(Debug, Default)]
struct Page {
    /// Type of each family.
    families: BTreeMap<String, String>,
    /// Values by name and labels, as they are written.
    samples: BTreeMap<String, f64>,
}

impl Page {
    async fn of(world: &World) -> Self {
        let (status, text) = world.http("GET", "/metrics", "").await;
        assert_eq!(status, 200);
        Self::parse(&text)
    }

    /// Panics at the first line that breaks the format: <https://prometheus.io/docs/instrumenting/exposition_formats/>
    fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line must end");
        let (mut page, mut current, mut helped) = (Self::default(), String::new(), BTreeSet::new());
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, said) = help.split_once(' ').expect(line);
                assert!(
                    is_name(name) && !said.is_empty() && helped.insert(name.to_owned()),
                    "{line}"
                );
                continue;
            }
            if let Some(of_type) = line.strip_prefix("# TYPE ") {
                let (name, kind) = of_type.split_once(' ').expect(line);
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(helped.contains(name), "{line} comes without help");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert!(
                    page.families.insert(name.to_owned(), kind.to_owned()).is_none(),
                    "{line}"
                );
                name.clone_into(&mut current);
                continue;
            }
            let (key, value) = line.rsplit_once(' ').expect(line);
            page.check_sample(&current, key);
            let value = value.parse().expect(line);
            assert!(
                page.samples.insert(key.to_owned(), value).is_none(),
                "{line} is there twice"
            );
        }
        page.check_histograms();
        page
    }

    fn check_sample(&self, family: &str, key: &str) {
        let (name, labels) = match key.split_once('{') {
            None => (key, ""),
            Some((name, rest)) => (name, rest.strip_suffix('}').expect(key)),
        };
        let suffix = name
            .strip_prefix(family)
            .expect("samples follow the type of their family");
        let suffixes: &[&str] = match self.families[family].as_str() {
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        assert!(suffixes.contains(&suffix), "{key} in {family}");
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let (name, value) = label.split_once('=').expect(key);
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
            assert!(
                is_name(name) && !value.expect(key).contains(['"', '\\', '\n']),
                "{key}"
            );
        }
    }

    /// Buckets add up, and the last one has all.
    fn check_histograms(&self) {
        for (key, count) in self.samples.iter().filter(|(key, _)| key.contains("_count")) {
            let with_bound = |bound: &str| match key.strip_suffix('}') {
                None => key.replace("_count", "_bucket") + &format!("{{le=\"{bound}\"}}"),
                Some(labelled) => labelled.replace("_count", "_bucket") + &format!(",le=\"{bound}\"}}"),
            };
            assert_eq!(self.samples.get(&with_bound("+Inf")), Some(count), "{key}");
            assert!(self.samples[&with_bound("0.01")] <= *count, "{key}");
            assert!(self.samples.contains_key(&key.replace("_count", "_sum")), "{key}");
        }
    }

    fn value(&self, key: &str) -> f64 {
        *self
            .samples
            .get(key)
            .unwrap_or_else(|| panic!("no {key} in {self:#?}"))
    }
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    first && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[tokio::test]
async fn the_page_counts_what_happens() {
    let world = World::with_mesh().await;
    let before = Page::of(&world).await;
    let peer = world.proxy("m/virtualNode/n").await;
    world.update("m/virtualRouter/r/route/x", split(4, 2)).await;
    peer.wait_for("the weights arrive", |model| has_split(model, 4, 2))
        .await;
    world
        .proxies("all is accepted", |proxies| proxies[0].in_sync())
        .await;
    world.http("GET", "/v20190125/meshes/nobody", "").await;
    let after = Page::of(&world).await;

    let grown = |key: &str| after.value(key) - before.value(key);
    assert_eq!(after.value("evermesh_xds_streams{protocol=\"sotw\"}"), 1.0);
    assert_eq!(after.value("evermesh_xds_streams{protocol=\"delta\"}"), 0.0);
    assert_eq!(
        grown("evermesh_xds_pushes_total{type=\"rds\"}"),
        grown("evermesh_xds_acks_total{type=\"rds\"}")
    );
    assert!(grown("evermesh_xds_pushes_total{type=\"rds\"}") >= 2.0);
    assert_eq!(after.value("evermesh_xds_nacks_total{type=\"rds\"}"), 0.0);
    assert!(grown("evermesh_xds_acknowledge_seconds_count") >= 2.0);
    assert!(grown("evermesh_pipeline_revision") >= 1.0);
    assert!(grown("evermesh_pipeline_recompute_seconds_count") >= 1.0);
    assert!(grown("evermesh_pipeline_built_total") >= 2.0);
    assert_eq!(after.value("evermesh_pipeline_following"), 1.0);
    assert_eq!(after.value("evermesh_pipeline_faults_total"), 0.0);
    assert!(grown("evermesh_store_seconds_count{operation=\"commit\"}") >= 1.0);
    let missing = "{service=\"appmesh\",operation=\"DescribeMesh\",code=\"NotFoundException\"}";
    assert_eq!(after.value(&format!("evermesh_api_requests_total{missing}")), 1.0);
    let durations = "evermesh_api_request_seconds_count{service=\"appmesh\",operation=\"DescribeMesh\"}";
    assert_eq!(after.value(durations), 1.0);
    assert!(after.value("process_resident_memory_bytes") > 0.0);
}

#[tokio::test]
async fn what_others_invent_makes_no_new_series() {
    let world = World::with_mesh().await;
    world.http("GET", "/v20190125/meshes/first", "").await;
    let _peer = world.connect("m/virtualNode/first").await;
    let before = Page::of(&world).await;
    for name in ["second", "third"] {
        world.create(&format!("m/virtualNode/{name}"), node(name)).await;
        world.http("GET", &format!("/v20190125/meshes/{name}"), "").await;
        world.http("PATCH", &format!("/{name}?Action={name}"), "").await;
        world.connect(&format!("m/virtualNode/{name}")).await;
    }
    let after = Page::of(&world).await;
    let new: Vec<_> = after
        .samples
        .keys()
        .filter(|key| !before.samples.contains_key(*key))
        .collect();
    assert!(new.iter().all(|key| key.contains("\"Unknown\"")), "{new:?}");
    let invented = after
        .samples
        .keys()
        .filter(|key| key.contains("second") && !key.contains("_seconds"));
    assert_eq!(invented.count(), 0);
}

/// The page is documented, and nothing else is.
#[tokio::test]
async fn every_family_is_in_the_reference() {
    let world = World::with_mesh().await;
    let page = Page::of(&world).await;
    let reference = include_str!("../../../../docs/reference/metrics.md");
    let rows = reference.lines().filter_map(|line| line.strip_prefix("| `"));
    let documented: BTreeSet<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    assert_eq!(documented, page.families.keys().map(String::as_str).collect());
}
