//! Changes of the hosts file.

use std::fs;
use std::path::Path;

use evermesh_discovery::{Forward, LineProblem};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use crate::fixture::{DEADLINE, Fixture, addresses};

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

fn replace(path: &Path, content: &str) {
    let next = path.with_extension("next");
    fs::write(&next, content).unwrap();
    fs::rename(next, path).unwrap();
}
