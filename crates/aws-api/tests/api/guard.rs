//! Routes beside the AWS services: for everybody, or for those only who sign.

use std::time::{Duration, SystemTime};

use axum::Router;
use axum::routing::get;
use evermesh_aws_api::{Credentials, Limits, signed_only};
use evermesh_sigv4::{AccessKey, Signer};

use crate::fake::Memory;
use crate::server::{Reply, Server, Setup};

const VIEW: &str = "/views/one?of=these";

async fn server(credentials: Option<Credentials>) -> Server {
    let views = Router::new().route("/views/{name}", get(|| async { "seen" }));
    let extra = Router::new()
        .route("/open", get(|| async { "open" }))
        .merge(signed_only(
            views,
            "views",
            credentials.clone(),
            Limits::default(),
        ));
    let setup = Setup {
        credentials,
        extra,
        ..Setup::default()
    };
    Server::with(Memory::default(), setup).await
}

fn credentials() -> Option<Credentials> {
    let text = "[a]\naws_access_key_id = AKIA\naws_secret_access_key = s3cret\n";
    Some(Credentials::parse(text).unwrap())
}

/// `GET` of the view, signed for `service` with `secret`, this long ago.
async fn signed(server: &Server, secret: &str, service: &'static str, ago: Duration) -> Reply {
    let request = http::Request::get(VIEW).header("host", server.address.to_string());
    let (mut head, ()) = request.body(()).unwrap().into_parts();
    let signer = Signer::new(AccessKey::new("AKIA", secret.into(), None), "eu-west-1").unwrap();
    signer.sign(&mut head, b"", service, SystemTime::now() - ago);
    let added = ["x-amz-date", "authorization"].map(|name| (name, head.headers[name].to_str().unwrap()));
    server.call_with("GET", VIEW, &added, "").await
}

#[tokio::test]
async fn without_credentials_everybody_may_look() {
    let server = server(None).await;
    assert_eq!(server.call("GET", VIEW, "").await.body, "seen");
}

#[tokio::test]
async fn with_credentials_only_who_signs_for_the_views() {
    let server = server(credentials()).await;
    assert_eq!(server.call("GET", "/open", "").await.body, "open");
    let seen = signed(&server, "s3cret", "views", Duration::ZERO).await;
    assert_eq!((seen.status, seen.body.as_str()), (200, "seen"));

    let unsigned = server.call("GET", VIEW, "").await;
    let (status, code, _) = unsigned.refusal();
    assert_eq!(
        (status, code.as_str()),
        (403, "MissingAuthenticationTokenException")
    );
    assert!(unsigned.header("x-amzn-requestid").is_some());
    for (secret, service, ago, part) in [
        ("other", "views", 0, "does not match the signature"),
        (
            "s3cret",
            "appmesh",
            0,
            "should be scoped to correct service: 'views'",
        ),
        ("s3cret", "views", 3600, "Signature expired"),
    ] {
        let refused = signed(&server, secret, service, Duration::from_secs(ago)).await;
        let (status, code, message) = refused.refusal();
        assert_eq!(
            (status, code.as_str()),
            (403, "InvalidSignatureException"),
            "{part}"
        );
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn other_methods_are_the_services_business_and_refused_too() {
    let server = server(credentials()).await;
    for method in ["HEAD", "POST", "DELETE"] {
        assert_eq!(server.call(method, VIEW, "").await.status, 403, "{method}");
    }
}
