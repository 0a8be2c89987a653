//! Which service a request is for, and STS.

use crate::fake::Memory;
use crate::server::{Reply, Server};

const DATE: (&str, &str) = ("x-amz-date", "20260101T000000Z");

fn signed_for(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

async fn call(server: &Server, service: &str, method: &str, path: &str, body: &str) -> Reply {
    let headers = [
        ("authorization", signed_for(service)),
        (DATE.0, DATE.1.to_owned()),
    ];
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    server.call_with(method, path, &headers, body).await
}

fn request_id(reply: &Reply) -> String {
    reply.header("x-amzn-requestid").unwrap().to_owned()
}

#[tokio::test]
async fn sts_says_who_calls() {
    let server = Server::start(Memory::default()).await;
    let reply = call(
        &server,
        "sts",
        "POST",
        "/",
        "Action=GetCallerIdentity&Version=2011-06-15",
    )
    .await;
    let expected = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:aws:iam::123456789012:root</Arn><UserId>123456789012</UserId><Account>123456789012</Account>\
         </GetCallerIdentityResult><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata>\
         </GetCallerIdentityResponse>",
        request_id(&reply)
    );
    assert_eq!((reply.status, reply.body.as_str()), (200, expected.as_str()));
    assert_eq!(reply.header("content-type"), Some("text/xml"));
    // Presigned, as Kubernetes clients do.
    let presigned = server
        .call("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", "")
        .await;
    assert_eq!(presigned.status, 200);
}

#[tokio::test]
async fn other_actions_of_sts_are_invalid() {
    let server = Server::start(Memory::default()).await;
    let reply = call(
        &server,
        "sts",
        "POST",
        "/",
        "Action=Assume%3CRole&Version=2011-06-15",
    )
    .await;
    let expected = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>InvalidAction</Code><Message>the action Assume&lt;Role is not available at this endpoint; STS has \
         GetCallerIdentity here</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
        request_id(&reply)
    );
    assert_eq!((reply.status, reply.body.as_str()), (400, expected.as_str()));
    assert!(
        call(&server, "sts", "POST", "/", "")
            .await
            .body
            .contains("<Code>MissingAction</Code>")
    );
}

#[tokio::test]
async fn services_that_are_not_here_say_so_in_their_own_form() {
    let server = Server::start(Memory::default()).await;
    let serves =
        |service: &str| format!("this endpoint has no service \"{service}\"; it serves appmesh, sts");

    let s3 = call(&server, "s3", "GET", "/bucket/key", "").await;
    assert_eq!(
        (s3.status, s3.header("content-type")),
        (501, Some("application/xml"))
    );
    let eks = call(&server, "eks", "GET", "/clusters", "").await;
    assert_eq!(
        eks.refusal(),
        (404, "UnknownOperationException".to_owned(), serves("eks"))
    );
    for service in ["ec2", "cloudformation"] {
        let query = call(&server, service, "POST", "/", "Action=DescribeStacks").await;
        assert_eq!(query.status, 400);
        assert!(query.body.contains("<Code>InvalidAction</Code>"), "{query:?}");
        assert!(
            query.body.contains(&serves(service).replace('"', "&quot;")),
            "{query:?}"
        );
    }

    let target = [("x-amz-target", "Route53AutoNaming_v20170314.ListNamespaces")];
    let json = server.call_with("POST", "/", &target, "{}").await;
    let expected = format!(
        "{{\"__type\":\"UnknownOperationException\",\"message\":{:?}}}",
        serves("Route53AutoNaming")
    );
    assert_eq!((json.status, json.body), (400, expected));
    assert_eq!(
        json_type(&server.call_with("POST", "/", &target, "{}").await),
        "application/x-amz-json-1.1"
    );
}

fn json_type(reply: &Reply) -> &str {
    reply.header("content-type").unwrap()
}

#[tokio::test]
async fn the_signed_service_goes_before_the_path() {
    let server = Server::start(Memory::default()).await;
    let reply = call(&server, "servicediscovery", "GET", "/v20190125/meshes", "").await;
    assert_eq!(reply.status, 404);
    assert_eq!(server.call("GET", "/v20190125/meshes", "").await.status, 200);
}

#[tokio::test]
async fn what_is_for_no_service_is_not_found() {
    let server = Server::start(Memory::default()).await;
    let reply = server.call("GET", "/index.html", "").await;
    let message = "there is nothing at GET /index.html; AWS clients find appmesh, sts here";
    assert_eq!(
        reply.refusal(),
        (404, "UnknownOperationException".to_owned(), message.to_owned())
    );
}
