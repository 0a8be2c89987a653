//! `apply` and `export`: order, idempotency, diffs, pruning, and the way back.

use std::io::Write;
use std::process::Stdio;

use crate::harness::{MESH, Plane, Ran};

const ALL: [&str; 8] = [
    "mesh/pg",
    "mesh/pg/virtualNode/n",
    "mesh/pg/virtualNode/null",
    "mesh/pg/virtualRouter/r",
    "mesh/pg/virtualRouter/r/route/x",
    "mesh/pg/virtualService/s.pg.local",
    "mesh/pg/virtualGateway/g",
    "mesh/pg/virtualGateway/g/gatewayRoute/y",
];

fn all(action: &str) -> Vec<String> {
    ALL.iter()
        .map(|resource| format!("{resource} {action}"))
        .collect()
}

/// The documents of [`MESH`] in the opposite order, without those that have a text in them.
fn mesh_without(texts: &[&str]) -> String {
    let mut documents: Vec<&str> = MESH.split("---\n").collect();
    documents.retain(|document| texts.iter().all(|text| !document.contains(text)));
    documents.reverse();
    documents.join("\n---\n")
}

#[test]
fn a_mesh_is_created_in_any_order_of_documents_and_then_left_alone() {
    let plane = Plane::start();
    assert_eq!(plane.apply(&mesh_without(&[]), &[]).rows(), all("created"));
    assert_eq!(plane.apply(MESH, &[]).rows(), all("unchanged"));
    let versions: serde_json::Value =
        serde_json::from_str(&plane.run(&["list", "all", "-o", "json"]).ok()).unwrap();
    for resource in versions.as_array().unwrap() {
        assert_eq!(resource["metadata"]["version"], 1, "{resource}");
    }
}

#[test]
fn an_export_is_applied_elsewhere_and_exported_again_without_a_difference() {
    let (here, there) = (Plane::start(), Plane::start());
    here.apply(MESH, &[]).ok();
    let yaml = here.run(&["export", "--mesh", "pg"]).ok();
    assert_eq!(here.apply(&yaml, &["--prune", "pg"]).rows(), all("unchanged"));
    assert_eq!(there.apply(&yaml, &[]).rows(), all("created"));
    assert_eq!(there.run(&["export"]).ok(), yaml);
    let json = here.run(&["export", "--mesh", "pg", "-o", "json"]).ok();
    assert_eq!(json, there.run(&["export", "-o", "json"]).ok());
    assert_eq!(from_stdin(&there, &json).rows(), all("unchanged"));
    for text in [
        "value: \"on\"",
        "key: \"0x10\"",
        "key: \" spaces \"",
        "value: \"1e3\"",
    ] {
        assert!(
            yaml.contains(text) || yaml.contains(&text.replace('"', "'")),
            "{yaml}"
        );
    }
}

fn from_stdin(plane: &Plane, text: &str) -> Ran {
    let mut child = plane
        .command(&["apply", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    Ran::of(&child.wait_with_output().unwrap())
}

#[test]
fn a_dry_run_shows_the_difference_and_changes_nothing() {
    let plane = Plane::start();
    plane.apply(MESH, &[]).ok();
    let before = plane.run(&["list", "all", "-o", "json"]).ok();
    let changed = mesh_without(&["gatewayRouteName"]).replace("weight: 75", "weight: 50");
    let diff = plane.apply(&changed, &["--dry-run", "--prune", "pg"]).ok();
    let expected = "\
--- mesh/pg/virtualRouter/r/route/x
+++ mesh/pg/virtualRouter/r/route/x
@@ -10,6 +10,6 @@
     action:
       weightedTargets:
       - virtualNode: \"n\"
-        weight: 75
+        weight: 50
       - virtualNode: \"null\"
         weight: 25
--- mesh/pg/virtualGateway/g/gatewayRoute/y
+++ /dev/null
@@ -1,11 +0,0 @@
";
    assert!(diff.starts_with(expected), "{diff}");
    assert!(
        diff.ends_with("dry run: 0 to create, 1 to update, 1 to delete, 6 unchanged\n"),
        "{diff}"
    );
    assert_eq!(plane.run(&["list", "all", "-o", "json"]).ok(), before);
    let actions = plane
        .apply(&changed, &["--dry-run", "--prune", "pg", "-o", "json"])
        .ok();
    assert!(actions.contains("\"action\": \"updated\""), "{actions}");
}

#[test]
fn changes_to_specs_and_tags_are_carried_out() {
    let plane = Plane::start();
    plane.apply(MESH, &[]).ok();
    let changed = MESH
        .replace("weight: 75", "weight: 50")
        .replace("{key: team, value: \"on\"}", "{key: team, value: off}")
        .replace("- {key: empty, value: \"\"}\n", "");
    let rows = plane.apply(&changed, &[]).rows();
    let updated: Vec<_> = rows.iter().filter(|row| row.ends_with("updated")).collect();
    assert_eq!(
        updated,
        ["mesh/pg updated", "mesh/pg/virtualRouter/r/route/x updated"]
    );
    assert_eq!(plane.apply(&changed, &[]).rows(), all("unchanged"));
    let mesh = plane.run(&["get", "mesh", "pg"]).ok();
    assert!(
        mesh.contains("value: \"off\"") && !mesh.contains("key: empty"),
        "{mesh}"
    );
    assert!(
        mesh.contains("version: 1"),
        "tags are no change of the resource: {mesh}"
    );
    let route = plane.run(&["get", "route", "r/x"]).ok();
    assert!(
        route.contains("weight: 50") && route.contains("version: 2"),
        "{route}"
    );
}

#[test]
fn pruning_drops_references_first_and_deletes_what_refers_before_what_is_referred_to() {
    let plane = Plane::start();
    plane.apply(MESH, &[]).ok();
    let without_router = mesh_without(&[
        "virtualRouterName: r\n",
        "virtualServiceName: s.pg.local\n",
        "virtualGatewayName",
        "\"null\"",
    ]);
    let served_by_node = format!(
        "{without_router}\n---\nmeshName: pg\nvirtualServiceName: s.pg.local\nspec:\n  provider: {{virtualNode: {{virtualNodeName: \"n\"}}}}\n"
    );
    assert_eq!(
        plane.apply(&served_by_node, &["--prune", "pg"]).rows(),
        [
            "mesh/pg unchanged",
            "mesh/pg/virtualNode/n unchanged",
            "mesh/pg/virtualService/s.pg.local updated",
            "mesh/pg/virtualGateway/g/gatewayRoute/y deleted",
            "mesh/pg/virtualGateway/g deleted",
            "mesh/pg/virtualRouter/r/route/x deleted",
            "mesh/pg/virtualRouter/r deleted",
            "mesh/pg/virtualNode/null deleted",
        ]
    );
    let names: Vec<String> = plane.run(&["list", "all"]).rows();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[test]
fn all_problems_are_told_and_nothing_is_changed() {
    let plane = Plane::start();
    let good = plane.write("good.yaml", "meshName: pg\n");
    let bad = plane.write(
        "bad.yaml",
        "meshName: pg\nvirtualNodeName: n\nspec: {listener: []}\n---\nmeshName: pg\nmeshNme: x\n",
    );
    let broken = plane.write("broken.json", "{\"meshName\": }");
    let missing = plane
        .write("missing.json", "[]")
        .replace("missing.json", "nowhere.json");
    let run = plane.run(&["apply", "-f", &good, "-f", &bad, "-f", &broken, "-f", &missing]);
    let problems = run.fails(2);
    for part in [
        "bad.yaml:1: spec.listener: ",
        "bad.yaml:5: meshNme: unknown field",
        "broken.json:1:14: expected value",
        "nowhere.json: cannot be read: No such file",
        "evermesh: 4 problems; nothing was changed",
    ] {
        assert!(problems.contains(part), "{part}: {problems}");
    }
    assert!(plane.run(&["list", "meshes"]).rows().is_empty());
}

#[test]
fn references_to_nothing_are_problems_too() {
    let plane = Plane::start();
    plane.apply(&mesh_without(&["virtualGatewayName"]), &[]).ok();
    let before = plane.run(&["export"]).ok();
    // The route is kept, and its second target is not.
    let problems = plane
        .apply(&mesh_without(&["virtualNodeName: \"null\""]), &["--prune", "pg"])
        .fails(2);
    assert!(
        problems.contains("weightedTargets[1].virtualNode: mesh/pg/virtualNode/null is in none of the files"),
        "{problems}"
    );
    assert_eq!(plane.run(&["export"]).ok(), before);
}

#[test]
fn a_refused_step_ends_it_and_shows_what_was_done() {
    let plane = Plane::with(|options| options.quotas.virtual_routers_per_mesh = 0);
    let run = plane.apply(MESH, &[]);
    assert_eq!(run.code, Some(1), "{run:?}");
    let table: Vec<&str> = run
        .stdout
        .lines()
        .map(|line| line.rsplit("  ").next().unwrap())
        .collect();
    assert_eq!(
        table,
        [
            "ACTION",
            "created",
            "created",
            "created",
            "failed",
            "not tried",
            "not tried",
            "not tried",
            "not tried"
        ]
    );
    assert!(
        run.stderr
            .starts_with("evermesh: cannot create mesh/pg/virtualRouter/r: ")
            && run.stderr.contains("LimitExceededException"),
        "{}",
        run.stderr
    );
}

#[test]
fn meshes_of_other_accounts_are_theirs_to_create() {
    let plane = Plane::start();
    let error = plane
        .apply("meshName: m\nmeshOwner: \"210987654321\"\n", &[])
        .fails(1);
    assert!(
        error.contains("can be created only by its owner 210987654321"),
        "{error}"
    );
    let unknown = plane.apply("meshName: m\n", &["--prune", "other"]).fails(2);
    assert!(unknown.contains("no document is of the mesh other"), "{unknown}");
}
