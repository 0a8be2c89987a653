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
    assert!(report["start"]["ready_ms"].as_f64().unwrap() > 0.0);
    let fleets = [(1, 1, "sotw"), (4, 4, "sotw"), (6, 2, "delta")];
    let all = report["route_changes"].as_array().unwrap();
    assert_eq!(all.len(), fleets.len());
    for (figures, (proxies, concerned, protocol)) in all.iter().zip(fleets) {
        assert_eq!(figures["proxies"], proxies);
        assert_eq!(figures["concerned"], concerned);
        assert_eq!(figures["protocol"], protocol);
        assert_eq!(figures["updates"], 5);
        assert!(figures["cold_ms"].as_f64().unwrap() > 0.0);
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
    assert_eq!(
        memory.len(),
        9,
        "empty, the mesh, a restart, three fleets before and after"
    );
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
