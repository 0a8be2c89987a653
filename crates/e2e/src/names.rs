//! Name look-ups in single questions: a system's resolver would wait for seconds when an answer comes just before the
//! server takes in what it asks for.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};

const PATIENCE: Duration = Duration::from_millis(500);
const LARGEST: usize = 4096;

/// The addresses of a name, of both families; `None` when a question is not answered. To be called where the server
/// can be reached.
pub(crate) fn addresses(server: SocketAddr, name: &str) -> Option<BTreeSet<IpAddr>> {
    let mut found = ask(server, name, RecordType::A)?;
    found.extend(ask(server, name, RecordType::AAAA)?);
    Some(found)
}

fn ask(server: SocketAddr, name: &str, kind: RecordType) -> Option<BTreeSet<IpAddr>> {
    let mut question = Message::new(1, MessageType::Query, OpCode::Query);
    question.add_query(Query::query(Name::from_ascii(name).ok()?, kind));
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.set_read_timeout(Some(PATIENCE)).ok()?;
    socket.send_to(&question.to_vec().ok()?, server).ok()?;
    let mut buffer = [0; LARGEST];
    let length = socket.recv(&mut buffer).ok()?;
    let answer = Message::from_vec(&buffer[..length]).ok()?;
    Some(
        answer
            .answers
            .iter()
            .filter_map(|record| record.data.ip_addr())
            .collect(),
    )
}
