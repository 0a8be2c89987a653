//! Addresses of names, followed by the process itself.

use std::fs;
use std::net::IpAddr;

use evermesh_discovery::Forward;

use crate::fixture::{DEADLINE, Fixture, LOOPBACK};

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
