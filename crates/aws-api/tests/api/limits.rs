//! Limits on size, depth, time and number, and the end of the server.

use std::time::Duration;

use crate::fake::Memory;
use crate::server::{Reply, Server, Setup, read_reply};
use async_trait::async_trait;
use axum::Router;
use axum::routing::get;
use evermesh_aws_api::Limits;
use evermesh_model::{Arn, Resource, ResourceId, Tag};
use evermesh_service::{
    Caller, CreateRequest, ListRequest, MeshService, Page, ResourceRef, ServiceError, TagPage, UpdateRequest,
};
use evermesh_testkit::DEADLINE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

const MESHES: &str = "/v20190125/meshes";

async fn limited(limits: Limits) -> Server {
    let setup = Setup {
        limits,
        ..Setup::default()
    };
    Server::with(Memory::default(), setup).await
}

fn bad_request(message: &str) -> (u16, String, String) {
    (400, "BadRequestException".to_owned(), message.to_owned())
}

#[tokio::test]
async fn large_bodies_are_refused_and_the_answer_arrives() {
    let server = limited(Limits {
        body_bytes: 1000,
        ..Limits::default()
    })
    .await;
    let of_length = |length: usize| format!("{}{}", " ".repeat(length - 16), r#"{"meshName":"m"}"#);
    assert_eq!(server.call("PUT", MESHES, &of_length(1000)).await.status, 200);
    for length in [1001, 7000] {
        let refused = server.call("PUT", MESHES, &of_length(length)).await;
        assert_eq!(
            refused.refusal(),
            bad_request("the body is larger than 1000 bytes")
        );
    }
}

#[tokio::test]
async fn deep_json_is_refused_before_it_is_read() {
    let server = limited(Limits {
        json_depth: 4,
        ..Limits::default()
    })
    .await;
    let body = "{\"meshName\": \"[[[[[\",\n \"x\": [[[[\"never closed";
    assert_eq!(
        server.call("PUT", MESHES, body).await.refusal(),
        bad_request("the body nests deeper than 4 levels at line 2 column 10")
    );
}

#[tokio::test]
async fn long_headers_are_refused() {
    let server = limited(Limits {
        header_bytes: 8192,
        ..Limits::default()
    })
    .await;
    let long = "x".repeat(10_000);
    assert_eq!(
        server
            .call_with("GET", MESHES, &[("x-long", &long)], "")
            .await
            .status,
        431
    );
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let server = limited(Limits {
        header_time: Duration::from_millis(50),
        ..Limits::default()
    })
    .await;
    for sent in ["", "GET /v20190125/meshes HTTP/1.1\r\nhost: x\r\n"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    let server = limited(Limits {
        body_time: Duration::from_millis(50),
        ..Limits::default()
    })
    .await;
    let reply = server
        .send(b"PUT /v20190125/meshes HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
        .await;
    assert_eq!(
        reply.refusal(),
        bad_request("the body did not arrive within 50ms")
    );
}

/// Answers only what it is let to: each permit lets one operation end.
struct Slow(&'static Semaphore, &'static Semaphore);

#[async_trait]
impl MeshService for Slow {
    async fn describe(&self, _: &Caller, id: &ResourceId) -> Result<Resource, ServiceError> {
        self.0.add_permits(1); // has begun
        self.1.acquire().await.unwrap().forget();
        Err(ServiceError::NotFound(format!("there is no {id}")))
    }
    async fn create(&self, _: &Caller, _: CreateRequest) -> Result<Resource, ServiceError> {
        unreachable!()
    }
    async fn update(&self, _: &Caller, _: UpdateRequest) -> Result<Resource, ServiceError> {
        unreachable!()
    }
    async fn delete(&self, _: &Caller, _: &ResourceId) -> Result<Resource, ServiceError> {
        unreachable!()
    }
    async fn list(&self, _: &Caller, _: ListRequest) -> Result<Page<ResourceRef>, ServiceError> {
        unreachable!()
    }
    async fn tag(&self, _: &Caller, _: &Arn, _: Vec<Tag>) -> Result<(), ServiceError> {
        unreachable!()
    }
    async fn untag(&self, _: &Caller, _: &Arn, _: Vec<String>) -> Result<(), ServiceError> {
        unreachable!()
    }
    async fn list_tags(
        &self,
        _: &Caller,
        _: &Arn,
        _: Option<u32>,
        _: Option<String>,
    ) -> Result<TagPage, ServiceError> {
        unreachable!()
    }
}

const DESCRIBE: &[u8] = b"GET /v20190125/meshes/m HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

async fn begin(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(DESCRIBE).await.unwrap();
    stream
}

fn is_not_found(reply: &Reply) -> bool {
    reply.status == 404 && reply.body.contains("there is no mesh/m")
}

#[tokio::test]
async fn an_operation_that_does_not_end_is_given_up() {
    static BEGUN: Semaphore = Semaphore::const_new(0);
    static MAY_END: Semaphore = Semaphore::const_new(0);
    let setup = Setup {
        limits: Limits {
            operation_time: Duration::from_millis(50),
            ..Limits::default()
        },
        ..Setup::default()
    };
    let server = Server::with(Slow(&BEGUN, &MAY_END), setup).await;
    let (status, code, message) = server.send(DESCRIBE).await.refusal();
    assert_eq!((status, code.as_str()), (503, "ServiceUnavailableException"));
    assert!(message.starts_with("the operation did not end within 50ms and its outcome is unknown"));
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    static BEGUN: Semaphore = Semaphore::const_new(0);
    static MAY_END: Semaphore = Semaphore::const_new(0);
    let setup = Setup {
        limits: Limits {
            connections: 1,
            ..Limits::default()
        },
        ..Setup::default()
    };
    let server = Server::with(Slow(&BEGUN, &MAY_END), setup).await;
    let mut first = begin(&server).await;
    BEGUN.acquire().await.unwrap().forget();
    let mut second = begin(&server).await;
    // The first holds the only place: nothing that the second sends can begin an operation before it has ended.
    MAY_END.add_permits(1);
    assert!(is_not_found(&read_reply(&mut first).await));
    BEGUN.acquire().await.unwrap().forget();
    assert_eq!(BEGUN.available_permits(), 0);
    MAY_END.add_permits(1);
    assert!(is_not_found(&read_reply(&mut second).await));
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_place() {
    let large = || async { vec![b'x'; 32 << 20] };
    let setup = Setup {
        limits: Limits {
            connections: 1,
            answer_time: Duration::from_millis(50),
            ..Limits::default()
        },
        extra: Router::new().route("/large", get(large)),
        ..Setup::default()
    };
    let server = Server::with(Memory::default(), setup).await;
    let mut deaf = TcpStream::connect(server.address).await.unwrap();
    deaf.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    // It is there, and more than there is room for on the way.
    deaf.readable().await.unwrap();
    let next = server.call("GET", MESHES, "");
    let next = tokio::time::timeout(DEADLINE, next)
        .await
        .expect("there is a place");
    assert_eq!(next.status, 200);
}

#[tokio::test]
async fn a_server_that_stops_answers_what_it_has_begun() {
    static BEGUN: Semaphore = Semaphore::const_new(0);
    static MAY_END: Semaphore = Semaphore::const_new(0);
    let mut server = Server::with(Slow(&BEGUN, &MAY_END), Setup::default()).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    idle.read_u8().await.unwrap();
    let mut open = begin(&server).await;
    BEGUN.acquire().await.unwrap().forget();

    server.stop();
    // An idle connection ends at once, and with it we know that draining has begun.
    idle.read_to_end(&mut Vec::new()).await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
    MAY_END.add_permits(1);
    assert!(is_not_found(&read_reply(&mut open).await));
    server.ended().await;
}

#[tokio::test]
async fn a_server_does_not_wait_forever_to_stop() {
    static BEGUN: Semaphore = Semaphore::const_new(0);
    static MAY_END: Semaphore = Semaphore::const_new(0);
    let setup = Setup {
        limits: Limits {
            drain_time: Duration::from_millis(50),
            ..Limits::default()
        },
        ..Setup::default()
    };
    let mut server = Server::with(Slow(&BEGUN, &MAY_END), setup).await;
    let mut open = begin(&server).await;
    BEGUN.acquire().await.unwrap().forget();
    server.stop();
    server.ended().await;
    let mut answer = Vec::new();
    let _ = open.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
}

#[tokio::test]
async fn other_routes_share_the_port() {
    let setup = Setup {
        extra: Router::new()
            .route("/", get(|| async { "page" }))
            .route("/healthz", get(|| async { "ok" })),
        ..Setup::default()
    };
    let server = Server::with(Memory::default(), setup).await;
    assert_eq!(server.call("GET", "/healthz", "").await.body, "ok");
    assert_eq!(server.call("GET", "/", "").await.body, "page");
    let sts = server
        .call("POST", "/", "Action=GetCallerIdentity&Version=2011-06-15")
        .await;
    assert!(sts.body.contains("<Account>123456789012</Account>"), "{sts:?}");
}
