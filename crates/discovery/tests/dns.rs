//! The DNS server as its clients see it: real sockets on loopback, Hickory's resolver and raw messages as peers.
#![allow(
    clippy::unwrap_used,
    reason = "in a test an unwrap is an assertion, in its helpers too"
)]

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use evermesh_discovery::{DnsError, DnsOptions, DnsServer, Forward, ForwardError, LineProblem};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RecordType};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// An address that no other test uses, so that nobody takes a port on it in between.
const ALONE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 41, 0, 1)), 0);
/// Far beyond what anything here takes; reaching it is a failure.
const DEADLINE: Duration = Duration::from_secs(20);

/// A server with a hosts file of its own.
struct Fixture {
    server: DnsServer,
    dir: TempDir,
}

impl Fixture {
    fn start(hosts: &str, forward: Forward) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("hosts"), hosts).unwrap();
        let options = DnsOptions {
            forward,
            ..DnsOptions::new(dir.path().join("hosts"))
        };
        let server = DnsServer::bind(options, LOOPBACK).unwrap();
        Self { server, dir }
    }

    fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    fn hosts_file(&self) -> std::path::PathBuf {
        self.dir.path().join("hosts")
    }

    /// Asks over UDP without EDNS.
    async fn ask(&self, name: &str, kind: RecordType) -> Message {
        exchange_udp(self.address(), &question(name, kind)).await
    }

    async fn wait_for_names(&self, count: usize) {
        let mut hosts = self.server.hosts();
        let reached = tokio::time::timeout(DEADLINE, hosts.wait_for(|hosts| hosts.len() == count)).await;
        assert!(
            reached.is_ok(),
            "the hosts file never had {count} names, but {}",
            self.server.hosts().borrow().len()
        );
    }
}

fn question(name: &str, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    message
}

async fn exchange_udp(server: SocketAddr, message: &Message) -> Message {
    let socket = UdpSocket::bind(LOOPBACK).await.unwrap();
    socket.connect(server).await.unwrap();
    socket.send(&message.to_vec().unwrap()).await.unwrap();
    let mut buffer = [0; 65535];
    let length = tokio::time::timeout(DEADLINE, socket.recv(&mut buffer))
        .await
        .expect("an answer")
        .unwrap();
    Message::from_vec(&buffer[..length]).unwrap()
}

async fn exchange_tcp(stream: &mut TcpStream, message: &Message) -> Message {
    let bytes = message.to_vec().unwrap();
    stream
        .write_all(&u16::try_from(bytes.len()).unwrap().to_be_bytes())
        .await
        .unwrap();
    stream.write_all(&bytes).await.unwrap();
    let length = stream.read_u16().await.unwrap();
    let mut answer = vec![0; length.into()];
    stream.read_exact(&mut answer).await.unwrap();
    Message::from_vec(&answer).unwrap()
}

fn addresses(message: &Message) -> Vec<String> {
    let address = |record: &hickory_proto::rr::Record| record.data.ip_addr().expect("an address").to_string();
    message.answers.iter().map(address).collect()
}

fn replace(path: &Path, content: &str) {
    let next = path.with_extension("next");
    fs::write(&next, content).unwrap();
    fs::rename(next, path).unwrap();
}

/// 200 addresses: about 3 KiB of A records, more than UDP may carry.
fn many() -> String {
    (1..=200).map(|n| format!("10.9.0.{n} many.local\n")).collect()
}

#[tokio::test]
async fn it_answers_addresses_from_the_hosts_file() {
    let dns = Fixture::start(
        "10.0.0.1 svc1.pgMesh.local\n10.0.0.2 svc1.pgmesh.local\nfd00::1 svc1.pgMesh.local\n",
        Forward::Off,
    );

    let v4 = dns.ask("SVC1.pgMESH.local.", RecordType::A).await;
    assert_eq!(v4.metadata.response_code, ResponseCode::NoError);
    assert!(v4.metadata.authoritative);
    assert!(!v4.metadata.recursion_available);
    assert_eq!(addresses(&v4), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(v4.answers[0].ttl, 5);
    let as_asked = Name::from_ascii("SVC1.pgMESH.local.").unwrap();
    assert!(
        v4.answers[0].name.eq_case(&as_asked),
        "the case of the question is kept: {}",
        v4.answers[0].name
    );

    assert_eq!(
        addresses(&dns.ask("svc1.pgmesh.local.", RecordType::AAAA).await),
        ["fd00::1"]
    );
    assert_eq!(
        dns.ask("svc1.pgmesh.local.", RecordType::ANY).await.answers.len(),
        3
    );
    dns.server.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_known_name_without_records_of_the_type_is_nodata_and_an_unknown_one_does_not_exist() {
    let dns = Fixture::start("10.0.0.1 svc1.local\n", Forward::Off);
    for kind in [RecordType::AAAA, RecordType::SRV, RecordType::HTTPS] {
        let nodata = dns.ask("svc1.local.", kind).await;
        assert_eq!(
            (nodata.metadata.response_code, nodata.answers.len()),
            (ResponseCode::NoError, 0),
            "{kind}"
        );
    }
    let unknown = dns.ask("svc2.local.", RecordType::A).await;
    assert_eq!(unknown.metadata.response_code, ResponseCode::NXDomain);
}

#[tokio::test]
async fn a_real_resolver_finds_the_names() {
    let dns = Fixture::start("10.0.0.1 svc1.local\nfd00::1 svc1.local\n", Forward::Off);
    let mut server = NameServerConfig::udp_and_tcp(dns.address().ip());
    for connection in &mut server.connections {
        connection.port = dns.address().port();
    }
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    builder.options_mut().use_hosts_file = ResolveHosts::Never;
    let resolver = builder.build().unwrap();

    let found = resolver.ipv4_lookup("svc1.local.").await.unwrap();
    assert_eq!(
        found.answers()[0].data.ip_addr(),
        Some("10.0.0.1".parse().unwrap())
    );
    let error = resolver.lookup_ip("svc2.local.").await.unwrap_err();
    assert!(error.is_nx_domain(), "{error}");
}

#[tokio::test]
async fn a_change_of_the_file_comes_into_force_however_it_is_written() {
    let dns = Fixture::start("10.0.0.1 a.local\n", Forward::Off);
    assert_eq!(addresses(&dns.ask("a.local.", RecordType::A).await), ["10.0.0.1"]);

    replace(&dns.hosts_file(), "10.0.0.2 a.local\n10.0.0.3 b.local\n");
    dns.wait_for_names(2).await;
    assert_eq!(addresses(&dns.ask("a.local.", RecordType::A).await), ["10.0.0.2"]);

    fs::write(
        dns.hosts_file(),
        "10.0.0.4 a.local\n10.0.0.4 b.local\n10.0.0.4 c.local\n",
    )
    .unwrap();
    dns.wait_for_names(3).await;
    assert_eq!(addresses(&dns.ask("a.local.", RecordType::A).await), ["10.0.0.4"]);

    // Without the file its last content stays, and what comes next counts again.
    fs::remove_file(dns.hosts_file()).unwrap();
    assert_eq!(addresses(&dns.ask("c.local.", RecordType::A).await), ["10.0.0.4"]);
    replace(&dns.hosts_file(), "10.0.0.5 d.local\n");
    dns.wait_for_names(1).await;
    assert_eq!(addresses(&dns.ask("d.local.", RecordType::A).await), ["10.0.0.5"]);
    assert_eq!(
        dns.ask("c.local.", RecordType::A).await.metadata.response_code,
        ResponseCode::NXDomain
    );
}

#[tokio::test]
async fn a_rewrite_of_equal_size_right_after_another_is_not_missed() {
    let dns = Fixture::start("10.0.0.0 n.local\n", Forward::Off);
    let mut hosts = dns.server.hosts();
    for round in 1..=5 {
        // In place, same length, faster than the clock of the file system ticks.
        for step in 0..=9 {
            fs::write(dns.hosts_file(), format!("10.0.{round}.{step} n.local\n")).unwrap();
        }
        let last = format!("10.0.{round}.9");
        let in_force = async {
            while addresses(&dns.ask("n.local.", RecordType::A).await) != [last.as_str()] {
                hosts.changed().await.unwrap();
            }
        };
        tokio::time::timeout(DEADLINE, in_force)
            .await
            .unwrap_or_else(|_| panic!("{last} never came into force"));
    }
}

#[tokio::test]
async fn a_file_that_appears_later_counts_from_then_on() {
    let dns = Fixture::start("", Forward::Off);
    fs::remove_file(dns.hosts_file()).unwrap();
    assert_eq!(
        dns.ask("a.local.", RecordType::A).await.metadata.response_code,
        ResponseCode::NXDomain
    );
    replace(&dns.hosts_file(), "10.0.0.1 a.local\n");
    dns.wait_for_names(1).await;
    assert_eq!(addresses(&dns.ask("a.local.", RecordType::A).await), ["10.0.0.1"]);
}

#[tokio::test]
async fn a_malformed_line_is_reported_and_the_others_are_answered() {
    let dns = Fixture::start(
        "10.0.0.1 a.local\n10.0.0.x b.local\n10.0.0.3 c.local\n",
        Forward::Off,
    );
    let hosts = dns.server.hosts().borrow().clone();
    let [bad] = hosts.malformed() else {
        panic!("{:?}", hosts.malformed())
    };
    assert_eq!(
        (bad.line, &bad.problem),
        (2, &LineProblem::NotAnAddress("10.0.0.x".to_owned()))
    );
    assert_eq!(addresses(&dns.ask("c.local.", RecordType::A).await), ["10.0.0.3"]);
}

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
async fn what_it_does_not_do_it_says() {
    let dns = Fixture::start("10.0.0.1 a.local\n", Forward::Off);
    assert_eq!(
        dns.ask("a.local.", RecordType::AXFR).await.metadata.response_code,
        ResponseCode::Refused
    );

    let mut chaos = question("a.local.", RecordType::A);
    chaos.queries[0].set_query_class(DNSClass::CH);
    assert_eq!(
        exchange_udp(dns.address(), &chaos).await.metadata.response_code,
        ResponseCode::Refused
    );

    let mut update = question("a.local.", RecordType::A);
    update.metadata.op_code = OpCode::Update;
    assert_eq!(
        exchange_udp(dns.address(), &update).await.metadata.response_code,
        ResponseCode::NotImp
    );

    let mut two = question("a.local.", RecordType::A);
    two.add_query(Query::query(Name::from_ascii("b.local.").unwrap(), RecordType::A));
    assert_eq!(
        exchange_udp(dns.address(), &two).await.metadata.response_code,
        ResponseCode::FormErr
    );

    let mut future = question("a.local.", RecordType::A);
    let mut edns = Edns::new();
    edns.set_version(1);
    future.set_edns(edns);
    // BADVERS and BADSIG are the same number (RFC 6895), so compare numbers.
    let code = exchange_udp(dns.address(), &future).await.metadata.response_code;
    assert_eq!(u16::from(code), u16::from(ResponseCode::BADVERS));
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

/// The next value of a name that is not "not known yet".
async fn next(
    addresses: &mut tokio::sync::watch::Receiver<Option<std::sync::Arc<std::collections::BTreeSet<IpAddr>>>>,
) -> Vec<IpAddr> {
    let known = tokio::time::timeout(DEADLINE, addresses.wait_for(Option::is_some)).await;
    let known = known.expect("it is known in time").unwrap().clone();
    addresses.mark_unchanged();
    known.unwrap().iter().copied().collect()
}

fn parsed(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|address| address.parse().unwrap()).collect()
}

#[tokio::test]
async fn a_name_of_the_hosts_file_is_known_at_once_and_followed() {
    let fixture = Fixture::start("10.0.0.1 One.local\nfd00::1 one.local\n", Forward::Off);
    let mut one = fixture.server.names().follow("one.local");
    assert!(one.borrow().is_some());
    assert_eq!(next(&mut one).await, parsed(&["10.0.0.1", "fd00::1"]));

    fs::write(fixture.hosts_file(), "10.0.0.2 one.local\n").unwrap();
    one.changed().await.unwrap();
    assert_eq!(next(&mut one).await, parsed(&["10.0.0.2"]));

    // A name that is gone keeps what it had, and one that comes back has what is new.
    fs::write(fixture.hosts_file(), "10.0.0.3 other.local\n").unwrap();
    fixture.wait_for_names(1).await;
    fs::write(fixture.hosts_file(), "10.0.0.3 other.local\n10.0.0.4 one.local\n").unwrap();
    one.changed().await.unwrap();
    assert_eq!(next(&mut one).await, parsed(&["10.0.0.4"]));
}

#[tokio::test]
async fn other_names_are_asked_for() {
    let upstream = Fixture::start("10.0.0.1 one.local\nfd00::1 one.local\n", Forward::Off);
    let fixture = Fixture::start("10.0.0.2 two.local\n", Forward::To(vec![upstream.address()]));
    let names = fixture.server.names();
    assert_eq!(
        next(&mut names.follow("one.local.")).await,
        parsed(&["10.0.0.1", "fd00::1"])
    );
    assert_eq!(next(&mut names.follow("two.local")).await, parsed(&["10.0.0.2"]));
    for unknown in ["nobody.local", "not:a:name", ""] {
        assert_eq!(
            next(&mut names.follow(unknown)).await,
            [] as [IpAddr; 0],
            "{unknown}"
        );
    }
}

#[tokio::test]
async fn a_name_that_nobody_answers_for_is_known_in_time() {
    let silent = std::net::UdpSocket::bind(LOOPBACK).unwrap();
    let forward = Forward::To(vec![silent.local_addr().unwrap()]);
    let fixture = Fixture::start("", forward);
    let mut names = fixture.server.names().follow("one.local");
    assert!(names.borrow().is_none());
    assert_eq!(next(&mut names).await, [] as [IpAddr; 0]);
    // The hosts file is heard of at any time.
    fs::write(fixture.hosts_file(), "10.0.0.1 one.local\n").unwrap();
    names.changed().await.unwrap();
    assert_eq!(next(&mut names).await, parsed(&["10.0.0.1"]));
}
