//! Names that others know.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use evermesh_discovery::Forward;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use tokio::net::TcpStream;

use crate::fixture::{Fixture, addresses, exchange_tcp, many, question};

/// An address that no other test uses, so that nobody takes a port on it in between.
const ALONE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 41, 0, 1)), 0);

#[tokio::test]
async fn other_names_are_forwarded_with_records_and_codes_intact() {
    let upstream = Fixture::start(&format!("192.0.2.1 www.example.com\n{}", many()), Forward::Off);
    let dns = Fixture::start("10.0.0.1 svc1.local\n", Forward::To(vec![upstream.address()]));

    let found = dns.ask("www.example.com.", RecordType::A).await;
    assert_eq!(addresses(&found), ["192.0.2.1"]);
    assert!(found.metadata.recursion_available);
    assert!(!found.metadata.authoritative);
    assert_eq!(
        addresses(&dns.ask("svc1.local.", RecordType::A).await),
        ["10.0.0.1"]
    );

    let nodata = dns.ask("www.example.com.", RecordType::AAAA).await;
    assert_eq!(
        (nodata.metadata.response_code, nodata.answers.len()),
        (ResponseCode::NoError, 0)
    );
    assert_eq!(
        dns.ask("nobody.example.com.", RecordType::A)
            .await
            .metadata
            .response_code,
        ResponseCode::NXDomain
    );

    // Too large for UDP upstream: the forwarder turns to TCP by itself.
    let mut tcp = TcpStream::connect(dns.address()).await.unwrap();
    assert_eq!(
        exchange_tcp(&mut tcp, &question("many.local.", RecordType::A))
            .await
            .answers
            .len(),
        200
    );
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_a_server_failure() {
    let closed = std::net::UdpSocket::bind(ALONE).unwrap().local_addr().unwrap();
    let dns = Fixture::start("10.0.0.1 svc1.local\n", Forward::To(vec![closed]));
    assert_eq!(
        dns.ask("www.example.com.", RecordType::A)
            .await
            .metadata
            .response_code,
        ResponseCode::ServFail
    );
    assert_eq!(
        addresses(&dns.ask("svc1.local.", RecordType::A).await),
        ["10.0.0.1"]
    );
}
