//! UDP and TCP: what fits, what is closed, which addresses are served.

use std::fs;

use evermesh_discovery::{DnsError, DnsOptions, DnsServer, Forward, ForwardError};
use hickory_proto::op::{Edns, MessageType};
use hickory_proto::rr::RecordType;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::fixture::{DEADLINE, Fixture, LOOPBACK, addresses, exchange_tcp, exchange_udp, many, question};

#[tokio::test]
async fn what_does_not_fit_udp_is_truncated_and_whole_over_tcp() {
    let dns = Fixture::start(&format!("10.0.0.1 one.local\n{}", many()), Forward::Off);
    let plain = question("many.local.", RecordType::A);
    let answer = exchange_udp(dns.address(), &plain).await;
    assert!(answer.metadata.truncation);
    assert!(answer.to_vec().unwrap().len() <= 512);

    let mut generous = plain.clone();
    let mut edns = Edns::new();
    edns.set_max_payload(4096);
    generous.set_edns(edns);
    let answer = exchange_udp(dns.address(), &generous).await;
    assert!(
        answer.metadata.truncation,
        "no more than 1232 bytes whatever the client offers"
    );
    let length = answer.to_vec().unwrap().len();
    assert!((513..=1232).contains(&length), "{length} bytes");

    generous.queries = question("one.local.", RecordType::A).queries;
    let answer = exchange_udp(dns.address(), &generous).await;
    assert_eq!(addresses(&answer), ["10.0.0.1"]);
    assert_eq!(
        answer.edns.expect("EDNS is answered with EDNS").max_payload(),
        1232
    );

    let mut tcp = TcpStream::connect(dns.address()).await.unwrap();
    for _ in 0..2 {
        let answer = exchange_tcp(&mut tcp, &plain).await;
        assert_eq!((answer.metadata.truncation, answer.answers.len()), (false, 200));
    }
}

#[tokio::test]
async fn idle_connections_do_not_keep_others_out() {
    let dns = Fixture::start("10.0.0.1 a.local\n", Forward::Off);
    let mut idle = Vec::new();
    for _ in 0..150 {
        idle.push(TcpStream::connect(dns.address()).await.unwrap()); // more than are served at once
    }
    assert_eq!(
        addresses(&dns.ask("a.local.", RecordType::A).await),
        ["10.0.0.1"],
        "UDP is served all the while"
    );
    // The first one is being served and the last one waits; both get their turn.
    let (mut first, mut last) = (idle.remove(0), idle.pop().unwrap());
    let question = question("a.local.", RecordType::A);
    assert_eq!(
        addresses(&exchange_tcp(&mut first, &question).await),
        ["10.0.0.1"]
    );
    drop((first, idle));
    assert_eq!(addresses(&exchange_tcp(&mut last, &question).await), ["10.0.0.1"]);
}

#[tokio::test]
async fn a_connection_that_makes_no_sense_is_closed() {
    let dns = Fixture::start("10.0.0.1 a.local\n", Forward::Off);
    let mut reply = question("a.local.", RecordType::A);
    reply.metadata.message_type = MessageType::Response;
    for message in [b"nonsense".to_vec(), reply.to_vec().unwrap()] {
        let mut stream = TcpStream::connect(dns.address()).await.unwrap();
        stream
            .write_all(&u16::try_from(message.len()).unwrap().to_be_bytes())
            .await
            .unwrap();
        stream.write_all(&message).await.unwrap();
        let closed = tokio::time::timeout(DEADLINE, stream.read_u8())
            .await
            .expect("it is closed");
        assert!(closed.is_err(), "no answer is due");
    }
}

#[tokio::test]
async fn it_serves_sockets_that_others_bound_and_lets_go_of_them() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("hosts"), "10.0.0.1 a.local\n").unwrap();
    let options = DnsOptions {
        forward: Forward::Off,
        ..DnsOptions::new(dir.path().join("hosts"))
    };
    let sockets: Vec<_> = (0..2)
        .map(|_| std::net::UdpSocket::bind(LOOPBACK).unwrap())
        .collect();
    let listening: Vec<_> = sockets
        .iter()
        .map(|socket| socket.local_addr().unwrap())
        .collect();

    let server = DnsServer::serve(options.clone(), sockets, Vec::new()).unwrap();
    assert_eq!(server.local_addr(), listening[0]);
    for address in &listening {
        let answer = exchange_udp(*address, &question("a.local.", RecordType::A)).await;
        assert_eq!(addresses(&answer), ["10.0.0.1"]);
    }
    server.shutdown().await.unwrap();
    std::net::UdpSocket::bind(listening[0]).expect("the address is free again");
    assert!(matches!(
        DnsServer::serve(options, Vec::new(), Vec::new()),
        Err(DnsError::NoSocket)
    ));
}

#[tokio::test]
async fn it_refuses_a_taken_address_and_a_loop() {
    let dns = Fixture::start("", Forward::Off);
    let options = DnsOptions {
        forward: Forward::Off,
        ..DnsOptions::new(dns.hosts_file())
    };
    assert!(matches!(
        DnsServer::bind(options, dns.address()),
        Err(DnsError::Bind { .. })
    ));

    let socket = std::net::UdpSocket::bind(LOOPBACK).unwrap();
    let own = socket.local_addr().unwrap();
    let options = DnsOptions {
        forward: Forward::To(vec![own]),
        ..DnsOptions::new(dns.hosts_file())
    };
    let error = DnsServer::serve(options, vec![socket], Vec::new()).unwrap_err();
    assert!(
        matches!(error, DnsError::Forward(ForwardError::Loop(address)) if address == own),
        "{error}"
    );
}
