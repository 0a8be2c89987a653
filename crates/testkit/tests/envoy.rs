//! The Envoy harness against a real Envoy: start, admin, judgement, end.

use evermesh_testkit::envoy::{EnvoyProcess, validate};
use evermesh_testkit::need;
use evermesh_testkit::tools::Tool;

const BOOTSTRAP: &str = "
node: { id: testkit, cluster: testkit }
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
";

#[test]
fn envoy_starts_answers_and_ends() {
    let mut envoy = EnvoyProcess::start(&need!(Tool::Envoy), BOOTSTRAP);
    envoy.wait_until_live();
    assert_ne!(envoy.admin_address().port(), 0);
    assert_eq!(envoy.get("/ready").body, "LIVE\n");
    assert_eq!(envoy.stat("server.live"), Some(1));
    assert_eq!(envoy.stat("no.such.stat"), None);
    let node = &envoy.config_dump()["configs"][0]["bootstrap"]["node"];
    assert_eq!(node["id"], "testkit");
    assert_eq!(envoy.post("/logging?level=debug").status, 200);

    let process = format!("/proc/{}", envoy.id());
    assert!(std::path::Path::new(&process).exists());
    drop(envoy);
    assert!(!std::path::Path::new(&process).exists());
}

#[test]
fn envoy_judges_a_configuration() {
    let envoy = need!(Tool::Envoy);
    assert_eq!(validate(&envoy, BOOTSTRAP), Ok(()));
    let error = validate(&envoy, "no_such_field: 1").unwrap_err();
    assert!(error.contains("no_such_field"), "{error}");
}

#[test]
#[should_panic(expected = "Envoy ended at once")]
fn an_envoy_that_does_not_start_is_a_failure_at_once() {
    let Some(envoy) = Tool::Envoy.find() else {
        panic!("Envoy ended at once, for there is none: run `make tools`")
    };
    let _ = EnvoyProcess::start(&envoy, "no_such_field: 1");
}
