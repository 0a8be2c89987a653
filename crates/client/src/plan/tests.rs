//! Plans out of documents and what is held, written down as YAML.

use std::time::UNIX_EPOCH;

use evermesh_model::{Metadata, Status};
use serde_json::Value;

use super::*;

const OWNER: &str = "123456789012";

const MESH: &str = r#"{"meshName": "m"}"#;
const NODE: &str = r#"{"meshName": "m", "virtualNodeName": "n", "spec": {}}"#;
const ROUTER: &str = r#"{"meshName": "m", "virtualRouterName": "r", "spec": {}}"#;
const ROUTE: &str = r#"{"meshName": "m", "virtualRouterName": "r", "routeName": "x", "spec":
    {"tcpRoute": {"action": {"weightedTargets": [{"virtualNode": "n", "weight": 1}]}}}}"#;
const SERVICE: &str = r#"{"meshName": "m", "virtualServiceName": "s", "spec":
    {"provider": {"virtualRouter": {"virtualRouterName": "r"}}}}"#;
const GATEWAY: &str = r#"{"meshName": "m", "virtualGatewayName": "g", "spec":
    {"listeners": [{"portMapping": {"port": 80, "protocol": "http"}}]}}"#;
const GATEWAY_ROUTE: &str = r#"{"meshName": "m", "virtualGatewayName": "g", "gatewayRouteName": "y", "spec":
    {"httpRoute": {"match": {"prefix": "/"}, "action": {"target": {"virtualService": {"virtualServiceName": "s"}}}}}}"#;
const ALL: [&str; 7] = [GATEWAY_ROUTE, SERVICE, ROUTE, GATEWAY, ROUTER, NODE, MESH];

fn manifest(text: &str) -> Manifest {
    let value: Value = serde_json::from_str(text).unwrap();
    Manifest::from_value(&value, OWNER).unwrap()
}

fn documents(texts: &[&str]) -> Vec<Document> {
    let document = |text: &&str| Document {
        place: "f:1".to_owned(),
        manifest: manifest(text),
    };
    texts.iter().map(document).collect()
}

fn held(texts: &[&str], tags: &[(&str, &str)]) -> BTreeMap<ResourceId, Held> {
    let tag = |(key, value): &(&str, &str)| Tag {
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    };
    let held = |text: &&str| {
        let Manifest { id, spec, .. } = manifest(text);
        let metadata = Metadata {
            arn: format!("arn:aws:appmesh:us-west-2:{OWNER}:{id}"),
            created_at: UNIX_EPOCH,
            last_updated_at: UNIX_EPOCH,
            mesh_owner: OWNER.to_owned(),
            resource_owner: OWNER.to_owned(),
            uid: "u".to_owned(),
            version: 1,
        };
        let resource = Resource {
            id: id.clone(),
            spec,
            metadata,
            status: Status::Active,
        };
        let tags = tags.iter().map(tag).collect();
        (id, Held { resource, tags })
    };
    texts.iter().map(held).collect()
}

fn plan(documents_: &[&str], held_: &[&str], prune: &[&str]) -> Result<Vec<String>, Vec<String>> {
    let prune: Vec<MeshId> = prune.iter().map(|name| MeshId::new(OWNER, *name)).collect();
    match Plan::new(&documents(documents_), &held(held_, &[]), &prune) {
        Ok(plan) => {
            let shown = |step: &Step| format!("{:?} {}", step.action(), step.id);
            Ok(plan.steps.iter().map(shown).collect())
        }
        Err(problems) => Err(problems.0.iter().map(ToString::to_string).collect()),
    }
}

#[test]
fn what_is_referred_to_is_created_first() {
    let created = [
        "Create mesh/m",
        "Create mesh/m/virtualNode/n",
        "Create mesh/m/virtualRouter/r",
        "Create mesh/m/virtualRouter/r/route/x",
        "Create mesh/m/virtualService/s",
        "Create mesh/m/virtualGateway/g",
        "Create mesh/m/virtualGateway/g/gatewayRoute/y",
    ];
    assert_eq!(plan(&ALL, &[], &[]).unwrap(), created);
}

#[test]
fn what_refers_is_deleted_first_and_the_mesh_stays() {
    let deleted = [
        "Unchanged mesh/m",
        "Delete mesh/m/virtualGateway/g/gatewayRoute/y",
        "Delete mesh/m/virtualGateway/g",
        "Delete mesh/m/virtualService/s",
        "Delete mesh/m/virtualRouter/r/route/x",
        "Delete mesh/m/virtualRouter/r",
        "Delete mesh/m/virtualNode/n",
    ];
    assert_eq!(plan(&[MESH], &ALL, &["m"]).unwrap(), deleted);
    assert_eq!(plan(&[MESH], &ALL, &[]).unwrap(), ["Unchanged mesh/m"]);
}

#[test]
fn a_reference_is_dropped_before_its_target_is_deleted() {
    let service = r#"{"meshName": "m", "virtualServiceName": "s", "spec": {}}"#;
    let steps = plan(&[service], &[MESH, ROUTER, SERVICE], &["m"]).unwrap();
    assert_eq!(
        steps,
        ["Update mesh/m/virtualService/s", "Delete mesh/m/virtualRouter/r"]
    );
}

#[test]
fn references_to_nothing_are_told_all_at_once() {
    let problems = plan(&[ROUTE, SERVICE, GATEWAY_ROUTE], &[MESH, ROUTER], &["m"]).unwrap_err();
    let missing = "is in none of the files and will not exist";
    assert_eq!(
        problems,
        [
            format!("f:1: virtualRouterName: mesh/m/virtualRouter/r {missing}"),
            format!(
                "f:1: spec.tcpRoute.action.weightedTargets[0].virtualNode: mesh/m/virtualNode/n {missing}"
            ),
            format!("f:1: spec.provider.virtualRouter.virtualRouterName: mesh/m/virtualRouter/r {missing}"),
            format!("f:1: virtualGatewayName: mesh/m/virtualGateway/g {missing}"),
        ]
    );
    let problems = plan(&[NODE, ROUTE], &[ROUTER], &[]).unwrap_err();
    assert_eq!(problems, [format!("f:1: meshName: mesh/m {missing}"),]);
}

#[test]
fn pruning_a_mesh_that_no_document_is_of_is_refused() {
    let problems = plan(&[MESH], &ALL, &["other"]).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0].contains("no document is of the mesh other"),
        "{problems:?}"
    );
}

#[test]
fn tags_are_compared_when_the_document_has_them() {
    let action = |text: &str| {
        let held = held(&[MESH], &[("a", "1"), ("b", "2")]);
        Plan::new(&documents(&[text]), &held, &[]).unwrap().steps[0].action()
    };
    assert_eq!(action(MESH), Action::Unchanged);
    let tagged = |tags: &str| format!(r#"{{"meshName": "m", "tags": {tags}}}"#);
    let same = r#"[{"key": "b", "value": "2"}, {"key": "a", "value": "1"}]"#;
    assert_eq!(action(&tagged(same)), Action::Unchanged);
    assert_eq!(action(&tagged("[]")), Action::Update);
    assert_eq!(action(&tagged(r#"[{"key": "a", "value": "1"}]"#)), Action::Update);
}
