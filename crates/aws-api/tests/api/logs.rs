//! What is logged of a request, and what never is.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use evermesh_aws_api::Credentials;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::fake::Memory;
use crate::server::{Server, Setup};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

// On one thread with the server, so that its events come here and no other test's do.
#[tokio::test]
async fn a_request_is_logged_without_secrets() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let file = "[p]\naws_access_key_id = AKID\naws_secret_access_key = s3cr3t\naws_session_token = t0ken\n";
    let setup = Setup {
        credentials: Some(Credentials::parse(file).unwrap()),
        ..Setup::default()
    };
    let server = Server::with(Memory::default(), setup).await;
    let authorization = "AWS4-HMAC-SHA256 Credential=AKID/20260101/r/appmesh/aws4_request, \
                         SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=51671a7e";
    let headers = [
        ("authorization", authorization),
        ("x-amz-date", "20260101T000000Z"),
        ("x-amz-security-token", "t0ken"),
    ];
    let body = r#"{"meshName":"m","clientToken":"b0dy"}"#;
    let reply = server.call_with("PUT", "/v20190125/meshes", &headers, body).await;
    let (status, code, _) = reply.refusal();
    assert_eq!((status, code.as_str()), (403, "InvalidSignatureException")); // long expired

    let log = log.text();
    let line = log.lines().find(|line| line.contains("answered")).unwrap();
    let id = reply.header("x-amzn-requestid").unwrap();
    for said in [
        id,
        "service=\"appmesh\"",
        "code=\"InvalidSignatureException\"",
        "duration_ms=",
    ] {
        assert!(line.contains(said), "{said} is missing: {line}");
    }
    for secret in ["s3cr3t", "t0ken", "51671a7e", "b0dy"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
