//! The AWS CLI harness against an endpoint that says what it was asked.

#![allow(
    clippy::unwrap_used,
    reason = "in a test an unwrap is an assertion, in its helpers too"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;

use evermesh_testkit::aws::AwsCli;
use evermesh_testkit::tools::Tool;
use evermesh_testkit::{DEADLINE, need};

/// Answers one request and passes on its head and body.
fn endpoint(
    status: &'static str,
    headers: &'static str,
    body: &'static str,
) -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, requests) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut request = String::new();
        while reader.read_line(&mut request).unwrap() > 2 {}
        let lower = request.to_ascii_lowercase();
        let length = lower
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
            .unwrap_or(0);
        reader.take(length).read_to_string(&mut request).unwrap();
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
        .unwrap();
        sender.send(request).unwrap();
    });
    (address, requests)
}

#[test]
fn a_call_reaches_the_endpoint_signed_for_the_region_and_its_answer_comes_back() {
    let aws = need!(Tool::Aws);
    let (address, requests) = endpoint(
        "200 OK",
        "",
        r#"{"meshName": "m", "status": {"status": "ACTIVE"}}"#,
    );
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("mesh.json"), r#"{"meshName": "m"}"#).unwrap();

    let cli = AwsCli::new(&aws, format!("http://{address}"), directory.path()).region("eu-central-1");
    let output = cli.run(["appmesh", "create-mesh", "--cli-input-json", "file://mesh.json"]);
    assert_eq!(output.json()["mesh"]["status"]["status"], "ACTIVE");

    let request = requests.recv_timeout(DEADLINE).unwrap();
    assert!(
        request.starts_with("PUT /v20190125/meshes HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains("/eu-central-1/appmesh/aws4_request"),
        "{request}"
    );
    assert!(request.contains(r#""meshName": "m""#), "{request}");
}

#[test]
fn an_error_of_the_service_has_its_name() {
    let aws = need!(Tool::Aws);
    let headers = "x-amzn-ErrorType: ConflictException\r\n";
    let (address, _requests) = endpoint("409 Conflict", headers, r#"{"message": "there is one already"}"#);
    let cli = AwsCli::new(&aws, format!("http://{address}"), "/");
    let output = cli.run(["appmesh", "create-mesh", "--mesh-name", "m"]);
    assert_eq!(output.code, 255);
    assert_eq!(output.error_code(), Some("ConflictException"));
    assert!(
        output.stderr.contains("there is one already"),
        "{}",
        output.stderr
    );
}

#[test]
fn wrong_usage_is_told_apart() {
    let aws = need!(Tool::Aws);
    let output = AwsCli::new(&aws, "http://127.0.0.1:9", "/").run(["appmesh", "create-mesh"]);
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert_eq!(output.error_code(), None);
}
