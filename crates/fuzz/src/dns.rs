//! DNS messages, and the file of names that answers come from.

use std::net::{IpAddr, SocketAddr};

use evermesh_discovery::Hosts;
use evermesh_discovery::testing::answer;

use crate::{Form, Target, http::block_on};

pub(crate) const TARGET: Target = Target {
    name: "dns",
    max_length: 2048, // a question over UDP has at most 512 bytes, or what EDNS agrees on
    form: Form::Bytes,
    run,
    derived,
};

const HOSTS: &[u8] = b"10.0.0.1 node.local a.b\n10.0.0.2 node.local\nfd00::1 node.local\n10.0.0.3 *.wild\n";

fn run(data: &[u8]) {
    let hosts = Hosts::parse(data);
    assert!(hosts.malformed().len() <= 100);
    let source = SocketAddr::new(IpAddr::from([127, 0, 0, 1]), 53);
    let Some(message) = block_on(answer(Hosts::parse(HOSTS), data.to_vec(), source)) else {
        return;
    };
    assert!(message.len() >= 12, "an answer has a header");
    assert_eq!(message[..2], data[..2], "an answer has the id of its question");
    assert_eq!(message[2] & 0x80, 0x80, "an answer is marked as one");
    let bound = 512 + 2 * data.len();
    assert!(
        message.len() <= bound,
        "{} bytes answer {}",
        message.len(),
        data.len()
    );
}

/// Questions for names that are there and are not, of several types, with and without EDNS.
fn derived() -> Vec<Vec<u8>> {
    const OPT: [u8; 11] = [0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0];
    let mut seeds = vec![HOSTS.to_vec()];
    for (name, kind) in [
        ("node.local", 1_u8),
        ("NODE.local", 28),
        ("a.b", 255),
        ("other", 1),
        ("x.wild", 12),
    ] {
        let mut question = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            question.push(u8::try_from(label.len()).expect("labels are short"));
            question.extend(label.bytes());
        }
        question.extend([0, 0, kind, 0, 1]);
        seeds.push(question.clone());
        question[11] = 1;
        question.extend(OPT);
        seeds.push(question);
    }
    seeds
}
