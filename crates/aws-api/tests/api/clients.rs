//! Users' own clients: boto3 and the AWS CLI, against the real service on a real store.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use evermesh_aws_api::Credentials;
use evermesh_service::{ServiceOptions, StoreService};
use evermesh_store::{SqliteOptions, SqliteStore};
use evermesh_testkit::aws::AwsCli;
use evermesh_testkit::need;
use evermesh_testkit::tools::Tool;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::server::{Server, Setup};

/// A server on a store of its own, and the directory that goes with it.
async fn real(setup: Setup) -> (Server, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("store.db"), SqliteOptions::default()).unwrap();
    let service = StoreService::new(Arc::new(store), ServiceOptions::default());
    (Server::with(service, setup).await, directory)
}

fn script(python: PathBuf, name: &str, endpoint: String) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api").join(name);
    let mut command = Command::new(python);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    command
        .arg(script)
        .arg(endpoint)
        .envs([
            ("AWS_REGION", "us-west-2"),
            ("AWS_DEFAULT_REGION", "us-west-2"),
            ("AWS_ACCESS_KEY_ID", "any"),
            ("AWS_SECRET_ACCESS_KEY", "any"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
            ("NO_PROXY", "*"),
            ("no_proxy", "*"),
        ])
        .output()
        .unwrap()
}

#[track_caller]
fn succeeded(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_gets_back_every_member_of_every_operation() {
    let python = need!(Tool::Python);
    let (server, _directory) = real(Setup::default()).await;
    let endpoint = server.endpoint();
    let output = spawn_blocking(|| script(python, "boto3_operations.py", endpoint))
        .await
        .unwrap();
    let output = succeeded(&output);
    assert_eq!(output.lines().count(), 7, "one line per kind: {output}");
    let counts = server.counters.snapshot();
    assert!(counts.iter().all(|count| count.code == "OK"), "{counts:?}");
    assert_eq!(counts.len(), 38, "every operation was called: {counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_of_boto3_are_verified() {
    let python = need!(Tool::Python);
    let file = "[example]\naws_access_key_id = AKIDEXAMPLE\n\
                aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\naws_account_id = 210987654321\n";
    let setup = Setup {
        credentials: Some(Credentials::parse(file).unwrap()),
        ..Setup::default()
    };
    let (server, _directory) = real(setup).await;
    let endpoint = server.endpoint();
    let output = spawn_blocking(|| script(python, "boto3_signatures.py", endpoint))
        .await
        .unwrap();
    succeeded(&output);
    let refused: u64 = server
        .counters
        .snapshot()
        .iter()
        .filter(|c| c.code != "OK")
        .map(|c| c.requests)
        .sum();
    assert_eq!(refused, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_cli_works_unchanged() {
    let aws = need!(Tool::Aws);
    let (server, directory) = real(Setup::default()).await;
    let cli = AwsCli::new(&aws, server.endpoint(), directory.path());
    std::fs::write(
        directory.path().join("node.json"),
        json!({"virtualNodeName": "n", "spec": {"serviceDiscovery": {"dns": {"hostname": "n.local"}}}})
            .to_string(),
    )
    .unwrap();
    spawn_blocking(move || {
        let run = |arguments: &str| cli.run(arguments.split(' '));
        assert_eq!(run("sts get-caller-identity").json()["Account"], "123456789012");
        assert_eq!(
            run("appmesh create-mesh --mesh-name m").json()["mesh"]["spec"],
            json!({})
        );
        let create = "appmesh create-virtual-node --mesh-name m --cli-input-json file://node.json \
                      --query virtualNode.metadata.uid --output text";
        let uid = run(create);
        let described = run("appmesh describe-virtual-node --mesh-name m --virtual-node-name n").json();
        assert_eq!(uid.stdout.trim(), described["virtualNode"]["metadata"]["uid"]);
        assert_eq!(uid.stdout.trim().len(), 36);
        let names = run("appmesh list-virtual-nodes --mesh-name m --query virtualNodes[].virtualNodeName");
        assert_eq!(names.json(), json!(["n"]));

        let missing = run("appmesh describe-virtual-node --mesh-name m --virtual-node-name other");
        assert_eq!(
            (missing.code, missing.error_code()),
            (255, Some("NotFoundException"))
        );
        let in_use = run("appmesh delete-mesh --mesh-name m");
        assert_eq!(in_use.error_code(), Some("ResourceInUseException"));
        let elsewhere = run("ecs list-clusters");
        assert_eq!(
            elsewhere.error_code(),
            Some("UnknownOperationException"),
            "{elsewhere:?}"
        );
    })
    .await
    .unwrap();
}
