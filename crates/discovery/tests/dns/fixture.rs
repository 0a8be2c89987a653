//! A server on loopback, and clients that ask it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use evermesh_discovery::{DnsOptions, DnsServer, Forward};
use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name, RecordType};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Far beyond what anything here takes; reaching it is a failure.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A server with a hosts file of its own.
pub(crate) struct Fixture {
    pub(crate) server: DnsServer,
    dir: TempDir,
}

impl Fixture {
    pub(crate) fn start(hosts: &str, forward: Forward) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("hosts"), hosts).unwrap();
        let options = DnsOptions {
            forward,
            ..DnsOptions::new(dir.path().join("hosts"))
        };
        let server = DnsServer::bind(options, LOOPBACK).unwrap();
        Self { server, dir }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    pub(crate) fn hosts_file(&self) -> std::path::PathBuf {
        self.dir.path().join("hosts")
    }

    /// Asks over UDP without EDNS.
    pub(crate) async fn ask(&self, name: &str, kind: RecordType) -> Message {
        exchange_udp(self.address(), &question(name, kind)).await
    }

    pub(crate) async fn wait_for_names(&self, count: usize) {
        let mut hosts = self.server.hosts();
        let reached = tokio::time::timeout(DEADLINE, hosts.wait_for(|hosts| hosts.len() == count)).await;
        assert!(
            reached.is_ok(),
            "the hosts file never had {count} names, but {}",
            self.server.hosts().borrow().len()
        );
    }
}

pub(crate) fn question(name: &str, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    message
}

pub(crate) async fn exchange_udp(server: SocketAddr, message: &Message) -> Message {
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

pub(crate) async fn exchange_tcp(stream: &mut TcpStream, message: &Message) -> Message {
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

pub(crate) fn addresses(message: &Message) -> Vec<String> {
    let address = |record: &hickory_proto::rr::Record| record.data.ip_addr().expect("an address").to_string();
    message.answers.iter().map(address).collect()
}

/// 200 addresses: about 3 KiB of A records, more than UDP may carry.
pub(crate) fn many() -> String {
    (1..=200).map(|n| format!("10.9.0.{n} many.local\n")).collect()
}
