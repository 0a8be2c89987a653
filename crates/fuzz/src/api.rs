//! Requests to the AWS endpoints: conversations of several, through routing, decoding, the rules and the real service,
//! on a store in memory.

use std::sync::Arc;

use axum::Router;
use evermesh_aws_api::{ApiOptions, Counters, Credentials, Limits, router};
use evermesh_model::{Kind, Manifest};
use evermesh_service::{ServiceOptions, StoreService};
use serde_json::{Value, json};

use crate::http::{Answer, SEPARATOR, ask, requests};
use crate::memory::Memory;
use crate::{Form, Target, names_a_fault, seeds};

pub(crate) const TARGET: Target = Target {
    name: "api",
    max_length: 64 * 1024,
    form: Form::JsonLines,
    run,
    derived,
};

pub(crate) const ACCOUNT: &str = "123456789012";
/// Requests of one conversation; more would only take longer.
const MOST_REQUESTS: usize = 24;

fn run(data: &[u8]) {
    let router = endpoint(None);
    for (head, body) in requests(data, MOST_REQUESTS) {
        let writes_a_spec = head.method == "PUT" && head.uri.path().starts_with("/v20190125/meshes");
        let sent = serde_json::from_slice::<Value>(&body);
        let answer = ask(&router, head, body);
        check(&answer);
        if let (true, true, Ok(sent)) = (answer.status.is_success(), writes_a_spec, sent) {
            check_spec(&sent, &answer);
        }
    }
}

/// The endpoints for whoever has these credentials; for everybody without any.
pub(crate) fn endpoint(credentials: Option<Credentials>) -> Router {
    let service = StoreService::new(Arc::new(Memory::default()), ServiceOptions::default());
    let options = ApiOptions {
        service: Arc::new(service),
        account: ACCOUNT.to_owned(),
        region: "us-west-2".to_owned(),
        credentials,
        limits: Limits::default(),
        counters: Arc::new(Counters::default()),
    };
    router(options, Router::new())
}

/// Nothing that is sent is the server's fault, and a refusal names the sender's.
pub(crate) fn check(answer: &Answer) {
    let Answer {
        status,
        headers,
        body,
    } = answer;
    assert!(headers.contains_key("x-amzn-requestid"), "{answer:?}");
    assert!(
        status.is_success() || status.is_client_error() || *status == 501,
        "{answer:?}"
    );
    if headers["content-type"].as_bytes().ends_with(b"xml") {
        return names_a_fault(body);
    }
    let json: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    if !status.is_success() {
        assert!(headers.contains_key("x-amzn-errortype"), "{answer:?}");
        names_a_fault(json["message"].as_str().unwrap_or_default());
    }
}

/// What the API returns in a spec is what was sent: no defaults, order kept, `null` meaning absent.
fn check_spec(sent: &Value, answer: &Answer) {
    let answered: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let mut expected = sent
        .get("spec")
        .cloned()
        .filter(|spec| !spec.is_null())
        .unwrap_or(json!({}));
    remove_nulls(&mut expected);
    assert_eq!(answered["spec"], expected);
}

fn remove_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(remove_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}

/// Each golden mesh as the conversation that creates it, reads it back, changes it and deletes it.
fn derived() -> Vec<Vec<u8>> {
    seeds::meshes()
        .iter()
        .map(|mesh| conversation(mesh).into_bytes())
        .collect()
}

fn conversation(mesh: &[Manifest]) -> String {
    let mut requests = Vec::new();
    for manifest in mesh {
        let (list, itself) = paths(manifest);
        let name = manifest.id.name();
        let field = manifest.id.kind().name_field();
        let create = json!({ field: name, "spec": manifest.spec, "tags": [{ "key": "k", "value": "v" }], "clientToken": "t" });
        requests.push(format!("PUT {list}\n\n{create}"));
        requests.push(format!("PUT {itself}\n\n{}", json!({ "spec": manifest.spec })));
    }
    if let Some((list, itself)) = mesh.last().map(paths) {
        let arn = "/v20190125/tag?resourceArn=arn:aws:appmesh:us-west-2:123456789012:mesh/m";
        requests.push(format!(
            "PUT {arn}\n\n{}",
            json!({ "tags": [{ "key": "a", "value": "b" }] })
        ));
        requests.push(format!("GET {list}?limit=1&meshOwner={ACCOUNT}"));
        requests.push(format!("GET {itself}"));
        requests.push(format!("DELETE {itself}"));
    }
    // The end of a long one would never be reached.
    let skipped = requests.len().saturating_sub(MOST_REQUESTS);
    requests.drain(..skipped).for_each(drop);
    requests.join(SEPARATOR)
}

/// The path of a resource's list, and of itself.
fn paths(manifest: &Manifest) -> (String, String) {
    let id = &manifest.id;
    let mesh = format!("/v20190125/meshes/{}", id.mesh().name);
    let list = match (id.kind(), id.parent_name()) {
        (Kind::Mesh, _) => "/v20190125/meshes".to_owned(),
        (kind, Some(parent)) => {
            let holder = kind.parent().expect("it has a parent's name");
            format!("{mesh}/{holder}/{parent}/{}", kind.plural())
        }
        (kind, None) => format!("{mesh}/{}", kind.plural()),
    };
    let itself = format!("{list}/{}", id.name());
    (list, itself)
}
