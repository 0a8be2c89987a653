//! `proxies`: a table and JSON of who is connected, with what was rejected.

use evermesh_testkit::{DEADLINE, wait_until};
use evermesh_xds_server::ResourceType;
use evermesh_xds_server::testing::{Model, Peer};
use serde_json::Value;
use tonic::transport::Endpoint;

use crate::harness::{MESH, Plane};

#[test]
fn proxies_are_listed_with_their_state() {
    let plane = Plane::start();
    plane.apply(MESH, &[]).ok();
    assert!(plane.run(&["proxies"]).rows().is_empty());
    let address = plane.plane.xds_addresses()[0];
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let channel = plane.runtime.block_on(channel.connect()).unwrap();
    let _in_runtime = plane.runtime.enter();
    let _good = Peer::start(channel.clone(), Model::new("mesh/pg/virtualNode/n"));
    let reject = |kind, _: &str, _: &_| (kind == ResourceType::Cluster).then(|| "no such\nluck".to_owned());
    let bad = Model::new("mesh/pg/virtualNode/null").rejecting(reject);
    let _bad = Peer::start(channel.clone(), bad);
    let _early = Peer::start(channel, Model::new("mesh/pg/virtualNode/later"));

    let rows = wait_until("every proxy has its state", DEADLINE, || {
        let rows = plane.run(&["proxies"]).rows();
        let settled = |state: &str| rows.iter().any(|row| row.contains(state));
        (settled(" in sync ") && settled(" rejected ") && settled(" waiting ")).then_some(rows)
    });
    assert_eq!(rows.len(), 3);
    assert!(
        rows[0].starts_with("mesh/pg/virtualNode/later 127.0.0.1:"),
        "{rows:?}"
    );
    assert!(
        rows[1].starts_with("mesh/pg/virtualNode/n 127.0.0.1:") && rows[1].contains("in sync"),
        "{rows:?}"
    );
    assert!(
        rows[2].contains("rejected") && rows[2].ends_with(": no such luck"),
        "{rows:?}"
    );

    let json: Vec<Value> = serde_json::from_str(&plane.run(&["proxies", "-o", "json"]).ok()).unwrap();
    assert_eq!(json[1]["inSync"], true);
    assert_eq!(json[2]["lastNack"]["resourceType"], "cluster");
    let reason = json[2]["lastNack"]["reason"].as_str().unwrap();
    assert!(reason.ends_with(": no such\nluck"), "{reason}");
    assert!(
        plane
            .run(&["proxies", "-o", "yaml"])
            .ok()
            .contains("inSync: true")
    );
}
