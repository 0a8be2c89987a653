//! `lint` and `translate`, which need no control plane; and `lint` with one.

use std::fs;

use serde_json::Value;

use crate::harness::{MESH, Plane, run_in};

fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

const WARNING: &str =
    "warning[dangling-backend]: mesh/pg/virtualNode/n: spec.backends[0].virtualService.virtualServiceName: ";

#[test]
fn files_are_linted_with_their_places() {
    let directory = directory(&[("mesh.yaml", MESH)]);
    let found = run_in(directory.path(), &["lint", "-f", "mesh.yaml"]).ok();
    assert!(found.starts_with(&format!("mesh.yaml:10: {WARNING}")), "{found}");
    assert_eq!(found.lines().count(), 1, "warnings are no failure: {found}");
}

#[test]
fn errors_in_files_are_told_in_one_form_and_exit_with_1() {
    let dangling =
        "meshName: pg\nvirtualServiceName: s\nspec: {provider: {virtualNode: {virtualNodeName: gone}}}\n";
    let cases = [
        (
            dangling,
            "a.yaml:1: error[dangling-reference]: spec.provider.virtualNode.virtualNodeName: mesh/pg/virtualNode/gone",
        ),
        (
            "meshName: pg\nspec: 1\n",
            "a.yaml:1: error[invalid-document]: spec: ",
        ),
        ("a: [", "a.yaml:"),
    ];
    for (text, start) in cases {
        let directory = directory(&[("a.yaml", text)]);
        let run = run_in(directory.path(), &["lint", "-f", "a.yaml"]);
        assert_eq!(run.code, Some(1), "{run:?}");
        assert!(run.stdout.starts_with(start), "{}", run.stdout);
        assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
        let run = run_in(directory.path(), &["lint", "-f", "a.yaml", "-o", "json"]);
        let found: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(found[0]["severity"], "error");
    }
}

#[test]
fn a_control_plane_is_linted_live() {
    let plane = Plane::start();
    assert_eq!(plane.run(&["lint"]).ok(), "");
    plane.apply(MESH, &[]).ok();
    let found = plane.run(&["lint"]).ok();
    assert!(found.starts_with(WARNING), "{found}");
    let json: Vec<Value> = serde_json::from_str(&plane.run(&["lint", "-o", "json"]).ok()).unwrap();
    assert_eq!(json[0]["code"], "dangling-backend");
    assert_eq!(json[0]["resource"], "mesh/pg/virtualNode/n");
    assert!(json[0].get("place").is_none());
}

#[test]
fn a_proxy_is_translated_from_files() {
    let directory = directory(&[("mesh.yaml", MESH)]);
    let translate = |more: &[&str]| {
        let arguments = ["translate", "-f", "mesh.yaml", "--proxy", "mesh/pg/virtualNode/n"];
        run_in(directory.path(), &[&arguments, more].concat())
    };
    let run = translate(&["-o", "json", "--bind", "127.0.0.7", "--app-address", "127.0.0.8"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.stderr.starts_with("warning[dangling-backend]"),
        "{}",
        run.stderr
    );
    let envoy: Value = serde_json::from_str(&run.stdout).unwrap();
    let names = |kind: &str| {
        let resources = envoy[kind].as_array().unwrap().iter();
        resources
            .map(|resource| resource["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(
        names("listeners").iter().any(|name| name.contains("ingress")),
        "{envoy}"
    );
    assert!(
        names("clusters").iter().any(|name| name.contains("ingress")),
        "{envoy}"
    );
    assert!(
        run.stdout.contains("\"127.0.0.7\"") && run.stdout.contains("\"127.0.0.8\""),
        "{envoy}"
    );
    assert!(translate(&[]).stdout.starts_with("clusters:\n"));

    let view: Value = serde_json::from_str(&translate(&["--view", "-o", "json"]).stdout).unwrap();
    assert_eq!(view["mesh"], "pg");
    assert_eq!(view["ingress"]["virtualNode"][0]["port"], 8080);
}

#[test]
fn what_is_no_proxy_is_refused() {
    let directory = directory(&[("mesh.yaml", MESH)]);
    for (proxy, part) in [
        (
            "mesh/pg/virtualNode/nobody",
            "mesh/pg/virtualNode/nobody (mesh of 000000000000) is in none of the files",
        ),
        ("mesh/other/virtualNode/n", "is in none of the files"),
        (
            "mesh/pg/virtualRouter/r",
            "is a virtualRouter; a proxy is of a virtualNode or a virtualGateway",
        ),
        ("n", "must begin with mesh/<name>"),
    ] {
        let error = run_in(
            directory.path(),
            &["translate", "-f", "mesh.yaml", "--proxy", proxy],
        )
        .fails(2);
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_demonstration_without_its_programs_says_what_to_do_and_starts_nothing() {
    let directory = directory(&[]);
    let error = run_in(directory.path(), &["demo", "--once", "--proxy", "/no/such/proxy"]).fails(1);
    assert!(
        error.contains("cannot run /no/such/proxy: build it with `make build`"),
        "{error}"
    );
    let error = run_in(directory.path(), &["demo", "--rate", "0"]).fails(2);
    assert!(error.contains("--rate"), "{error}");
    assert!(
        run_in(directory.path(), &["demo-child", "dance"])
            .fails(1)
            .contains("none of its roles")
    );
}
