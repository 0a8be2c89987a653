//! `list`, `get`, `describe`: what people and programs get to see, and how it fails.

use std::io;

use serde_json::Value;

use crate::harness::{MESH, Plane, Ran, evermesh};

/// A row of `list` without the time of the last change.
fn without_time(row: &str) -> String {
    let mut words: Vec<&str> = row.split(' ').collect();
    words.remove(3);
    words.join(" ")
}

#[test]
fn lists_are_tables_with_a_summary_of_each_spec() {
    let plane = Plane::start();
    plane.apply(MESH, &[]).ok();
    let rows: Vec<String> = plane.run(&["list", "all"]).rows();
    assert_eq!(
        rows.iter().map(|row| without_time(row)).collect::<Vec<_>>(),
        [
            "mesh pg 1 egress ALLOW_ALL",
            "virtualNode n 1 http:8080, dns n.pg.local, 1 backend",
            "virtualNode null 1 http:80, dns null.pg.local",
            "virtualRouter r 1 http:80",
            "route r/x 1 http ~/a:\\s*b|[{\"c\"}].* -> n=75 null=25",
            "virtualService s.pg.local 1 virtualRouter r",
            "virtualGateway g 1 http:9080",
            "gatewayRoute g/y 1 http /* -> s.pg.local",
        ]
    );
    let nodes = plane
        .run(&["list", "virtual-nodes", "--mesh", "pg", "-o", "json"])
        .ok();
    let nodes: Vec<Value> = serde_json::from_str(&nodes).unwrap();
    assert_eq!(nodes.len(), 2);
    assert_eq!(nodes[0]["virtualNodeName"], "n");
    assert_eq!(nodes[0]["spec"]["listeners"][0]["portMapping"]["port"], 8080);
    assert_eq!(nodes[0]["tags"][0]["key"], " spaces ");
    assert_eq!(
        nodes[0]["metadata"]["arn"],
        "arn:aws:appmesh:us-west-2:000000000000:mesh/pg/virtualNode/n"
    );
}

#[test]
fn pages_are_put_together() {
    let plane = Plane::start();
    let router = |number: usize| format!("---\nmeshName: m\nvirtualRouterName: r{number:03}\nspec: {{}}\n");
    let many: String = (0..250).map(router).collect();
    plane.apply(&format!("meshName: m\n{many}"), &[]).ok();
    let rows = plane.run(&["list", "vr"]).rows();
    let names: Vec<&str> = rows.iter().map(|row| row.split(' ').nth(1).unwrap()).collect();
    assert_eq!(
        names,
        (0..250).map(|number| format!("r{number:03}")).collect::<Vec<_>>()
    );
}

#[test]
fn one_resource_is_shown_whole() {
    let plane = Plane::start();
    plane.apply(MESH, &[]).ok();
    let yaml = plane.run(&["get", "route", "r/x"]).ok();
    assert!(
        yaml.contains("priority: 0\n") && yaml.contains("status: ACTIVE\n"),
        "{yaml}"
    );
    let json = plane.run(&["get", "gr", "g/y", "-o", "json"]).ok();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["virtualGatewayName"], "g");
    assert_eq!(json["metadata"]["version"], 1);
    let text = plane.run(&["describe", "vn", "n"]).ok();
    for part in [
        "Resource:    mesh/pg/virtualNode/n\n",
        "Status:      ACTIVE\n",
        "Tags:\n   spaces =1e3\n",
        "      port: 8080\n",
        "Diagnostics:\n  warning[dangling-backend] spec.backends[0].virtualService.virtualServiceName: ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let router = plane.run(&["describe", "virtualRouter", "r"]).ok();
    assert!(router.ends_with("Diagnostics: none\n"), "{router}");
}

#[test]
fn which_mesh_is_asked_for_only_when_there_are_several() {
    let plane = Plane::start();
    assert!(
        plane
            .run(&["list", "all"])
            .fails(2)
            .contains("there is no mesh yet")
    );
    plane.apply("meshName: a\n---\nmeshName: b\n", &[]).ok();
    let error = plane.run(&["list", "all"]).fails(2);
    assert!(error.contains("say which mesh with --mesh: a, b"), "{error}");
    let by_variable = Ran::of(
        &plane
            .command(&["list", "all"])
            .env("EVERMESH_MESH", "b")
            .output()
            .unwrap(),
    );
    assert_eq!(by_variable.rows().len(), 1);
}

#[test]
fn what_does_not_exist_is_a_failure_and_a_wrong_word_is_misuse() {
    let plane = Plane::start();
    plane.apply("meshName: m\n", &[]).ok();
    let error = plane.run(&["get", "vn", "nobody"]).fails(1);
    assert!(
        error.contains("mesh/m/virtualNode/nobody") && error.contains("NotFoundException"),
        "{error}"
    );
    assert!(
        plane
            .run(&["list", "all", "--mesh", "other"])
            .fails(1)
            .contains("NotFoundException")
    );
    assert!(
        plane
            .run(&["get", "route", "x"])
            .fails(2)
            .contains("virtualRouter/x")
    );
    assert!(plane.run(&["list", "pods"]).fails(2).contains("the kinds are"));
    assert!(
        plane
            .run(&["list", "all", "--endpoint", "https://x"])
            .fails(2)
            .contains("needs TLS")
    );
}

#[test]
fn the_endpoint_is_that_of_aws_clients_unless_it_is_said() {
    let plane = Plane::start();
    let aws = |flags: &[&str]| {
        let mut command = evermesh(&[&["list", "meshes"], flags].concat());
        Ran::of(
            &command
                .env("AWS_ENDPOINT_URL", plane.endpoint())
                .output()
                .unwrap(),
        )
    };
    aws(&[]).ok();
    // A port that is bound and not listened on, so that nobody else takes it.
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = aws(&["--endpoint", &format!("http://{nobody}")]).fails(1);
    assert!(
        error.contains(&format!("cannot reach the control plane at http://{nobody}")),
        "{error}"
    );
    let wrong = Ran::of(
        &evermesh(&["list", "meshes"])
            .env("AWS_ENDPOINT_URL", "nonsense")
            .output()
            .unwrap(),
    );
    assert!(
        wrong
            .fails(2)
            .contains("AWS_ENDPOINT_URL: the endpoint \"nonsense\"")
    );
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let plane = Plane::start();
    plane.apply(MESH, &[]).ok();
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let output = plane.command(&["export"]).stdout(writer).output().unwrap();
    assert_eq!(Ran::of(&output).ok(), "");
}
