//! The benchmark runs to its end and reports all of its parts. Nothing here asserts on a time.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

use std::fs;
use std::path::Path;
use std::process::Command;

use evermesh_testkit::tools::binary;
use serde_json::Value;

#[test]
fn a_quick_run_measures_everything() {
    let output = tempfile::tempdir().unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_evermesh-bench"))
        .args(["xds", "--quick", "--server"])
        .arg(binary("evermesh"))
        .arg("--output")
        .arg(output.path())
        .output()
        .unwrap();
    let printed = String::from_utf8(run.stdout).unwrap();
    assert!(
        run.status.success(),
        "{printed}{}",
        String::from_utf8_lossy(&run.stderr)
    );
    assert!(printed.starts_with("A QUICK RUN"), "{printed}");

    let report = only_file(output.path());
    for (figures, proxies) in report["route_changes"].as_array().unwrap().iter().zip([1, 4]) {
        assert_eq!(
            (&figures["proxies"], &figures["updates"]),
            (&proxies.into(), &5.into())
        );
        let percentile = |name: &str| figures["from_request"][name].as_f64().unwrap();
        assert!(
            0.0 < percentile("p50_ms") && percentile("p50_ms") <= percentile("max_ms"),
            "{figures}"
        );
    }
    assert!(report["writes"]["bare_per_second"].as_f64().unwrap() > 0.0);
    let writers: Vec<_> = report["writes"]["api"].as_array().unwrap().iter().collect();
    assert_eq!(writers.len(), 2);
    assert!(
        writers
            .iter()
            .all(|figures| figures["writes"].as_u64().unwrap() > 0)
    );
    let memory = report["memory"].as_array().unwrap();
    assert_eq!(memory.len(), 5, "empty, the mesh, two fleets, the end");
    assert!(
        memory
            .iter()
            .all(|at| at["rss_kib"].as_u64() >= at["pss_kib"].as_u64())
    );
}

/// The JSON of the only file that was left behind.
fn only_file(directory: &Path) -> Value {
    let left: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let [file] = left.as_slice() else {
        panic!("not one file: {left:?}");
    };
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}
