//! Real rules and real connections, each test in network namespaces of its own.
//!
//! A test runs itself again under `unshare`: as root in a network namespace, else in a user namespace as well.
//! Where neither is possible it prints that it was skipped.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod common;
mod world;

use evermesh_intercept::{Config, Ingress, State, install, remove, status};
use world::{World, in_namespace, listing, nft};

/// Everything captured but what ECS exempts; the tests run as user 0, the proxy is user 1337.
fn config() -> Config {
    Config {
        ignore_uid: Some(1337),
        ingress: Some(Ingress {
            app_ports: vec!["80".parse().unwrap()],
            proxy_port: 15000,
        }),
        egress_ignored_ips: vec!["10.9.0.3/32".parse().unwrap(), "fd09::3/128".parse().unwrap()],
        egress_ignored_ports: vec!["22".parse().unwrap(), "9000:9001".parse().unwrap()],
        ..Config::default()
    }
}

#[test]
fn leaving_traffic_goes_to_the_proxy_which_learns_the_destination() {
    in_namespace(
        "leaving_traffic_goes_to_the_proxy_which_learns_the_destination",
        || {
            let world = World::new();
            assert_eq!(world.connect("10.9.0.1:8080"), "peer");
            install(&config()).unwrap();
            assert_eq!(world.connect("10.9.0.1:8080"), "egress 10.9.0.1:8080");
            assert_eq!(world.connect("[fd09::1]:8080"), "egress [fd09::1]:8080");
            // A virtual service's name resolves to some address that nobody has.
            assert_eq!(world.connect("10.10.10.10:80"), "egress 10.10.10.10:80");
        },
    );
}

#[test]
fn every_exception_reaches_its_destination_directly() {
    in_namespace("every_exception_reaches_its_destination_directly", || {
        let world = World::new();
        install(&config()).unwrap();
        for ignored_port in ["10.9.0.1:22", "10.9.0.1:9000", "10.9.0.1:9001", "[fd09::1]:22"] {
            assert_eq!(world.connect(ignored_port), "peer", "{ignored_port}");
        }
        for ignored_address in ["10.9.0.3:8080", "[fd09::3]:8080"] {
            assert_eq!(world.connect(ignored_address), "peer", "{ignored_address}");
        }
        for local in [
            "127.0.0.1:80",
            "127.0.0.1:8080",
            "10.9.0.2:8080",
            "[::1]:80",
            "[fd09::2]:8080",
        ] {
            assert_eq!(world.connect(local), "application", "{local}");
        }
        assert_eq!(world.ask_udp("10.9.0.1:8080"), "peer");
    });
}

#[test]
fn the_proxy_is_exempt_by_user_group_or_mark() {
    in_namespace("the_proxy_is_exempt_by_user_group_or_mark", || {
        let world = World::new();
        let none = Config {
            ignore_uid: None,
            ..config()
        };
        install(&Config {
            ignore_uid: Some(0),
            ..none.clone()
        })
        .unwrap();
        assert_eq!(world.connect("10.9.0.1:8080"), "peer");
        install(&Config {
            ignore_gid: Some(0),
            ..none.clone()
        })
        .unwrap();
        assert_eq!(world.connect("[fd09::1]:8080"), "peer");
        install(&Config {
            ignore_mark: Some(0x539),
            ..none
        })
        .unwrap();
        assert_eq!(world.connect_marked("10.9.0.1:8080", 0x539), "peer");
        assert_eq!(world.connect_marked("[fd09::1]:8080", 0x539), "peer");
        assert_eq!(
            world.connect_marked("10.9.0.1:8080", 0x53a),
            "egress 10.9.0.1:8080"
        );
        assert_eq!(world.connect("10.9.0.1:8080"), "egress 10.9.0.1:8080");
    });
}

#[test]
fn arriving_traffic_goes_to_the_proxy_on_application_ports_only() {
    in_namespace(
        "arriving_traffic_goes_to_the_proxy_on_application_ports_only",
        || {
            let world = World::new();
            install(&config()).unwrap();
            assert_eq!(world.connect_from_peer("10.9.0.2:80"), "ingress 10.9.0.2:80");
            assert_eq!(world.connect_from_peer("[fd09::2]:80"), "ingress [fd09::2]:80");
            assert_eq!(world.connect_from_peer("10.9.0.2:8080"), "application");
            install(&Config {
                ingress: None,
                ..config()
            })
            .unwrap();
            assert_eq!(world.connect_from_peer("10.9.0.2:80"), "application");
        },
    );
}

#[test]
fn ipv6_is_left_alone_unless_enabled() {
    in_namespace("ipv6_is_left_alone_unless_enabled", || {
        let world = World::new();
        install(&Config {
            enable_ipv6: false,
            ..config()
        })
        .unwrap();
        assert_eq!(world.connect("[fd09::1]:8080"), "peer");
        assert_eq!(world.connect_from_peer("[fd09::2]:80"), "application");
        assert_eq!(world.connect("10.9.0.1:8080"), "egress 10.9.0.1:8080");
        assert_eq!(world.connect_from_peer("10.9.0.2:80"), "ingress 10.9.0.2:80");
    });
}

#[test]
fn removal_leaves_the_ruleset_as_it_was() {
    in_namespace("removal_leaves_the_ruleset_as_it_was", || {
        let world = World::new();
        remove().unwrap();
        assert_eq!(listing(), "");
        nft("table inet other { chain APPMESH_EGRESS { tcp dport 1 drop; }; }
             table ip appmesh { chain c { type nat hook output priority -100; ip daddr 192.0.2.1 return; }; }");
        let before = listing();
        install(&config()).unwrap();
        assert_ne!(listing(), before);
        assert_eq!(world.connect("10.9.0.1:8080"), "egress 10.9.0.1:8080");
        remove().unwrap();
        assert_eq!(listing(), before);
        assert_eq!(world.connect("10.9.0.1:8080"), "peer");
        remove().unwrap();
        assert_eq!(listing(), before);
    });
}

#[test]
fn installing_again_changes_nothing_and_other_settings_replace() {
    in_namespace(
        "installing_again_changes_nothing_and_other_settings_replace",
        || {
            install(&config()).unwrap();
            let once = listing();
            install(&config()).unwrap();
            assert_eq!(listing(), once);
            install(&Config {
                egress_port: 16001,
                ingress: None,
                ..config()
            })
            .unwrap();
            assert!(listing().contains("redirect to :16001") && !listing().contains("15001"));
            assert!(!listing().contains("APPMESH_INGRESS"));
            install(&config()).unwrap();
            assert_eq!(listing(), once);
        },
    );
}

#[test]
fn the_kernel_takes_every_golden_ruleset_and_status_reads_it_back() {
    in_namespace(
        "the_kernel_takes_every_golden_ruleset_and_status_reads_it_back",
        || {
            for (file, config) in common::golden_configs() {
                install(&config).unwrap();
                let state = if config.enabled {
                    State::Enabled
                } else {
                    State::Disabled
                };
                for expected in [None, Some(&config)] {
                    let status = status(expected).unwrap();
                    assert_eq!(
                        (status.state, status.differences.as_slice()),
                        (state, [].as_slice()),
                        "{file:?}"
                    );
                }
                let mut visible = config.clone();
                visible
                    .egress_ignored_ips
                    .retain(|net| config.enable_ipv6 || net.addr().is_ipv4());
                assert_eq!(
                    status(None).unwrap().settings,
                    config.enabled.then_some(visible),
                    "{file:?}"
                );
            }
        },
    );
}

#[test]
fn status_tells_what_is_missing_foreign_or_not_as_asked() {
    in_namespace("status_tells_what_is_missing_foreign_or_not_as_asked", || {
        assert_eq!(status(None).unwrap().state, State::NotInstalled);
        assert_eq!(
            status(Some(&config())).unwrap().differences,
            ["nothing is installed"]
        );
        install(&config()).unwrap();
        let other = Config {
            egress_ignored_ports: Vec::new(),
            ..config()
        };
        let asked = status(Some(&other)).unwrap();
        let unexpected = "chain APPMESH_EGRESS has an unexpected rule: tcp dport";
        assert_eq!(
            asked.differences,
            [
                format!("{unexpected} 22 return"),
                format!("{unexpected} 9000-9001 return")
            ]
        );
        assert_eq!((asked.state, asked.settings), (State::Altered, Some(config())));

        nft("flush chain inet appmesh OUTPUT; add chain inet appmesh extra;
             insert rule inet appmesh APPMESH_EGRESS tcp dport 443 drop");
        let status = status(None).unwrap();
        assert_eq!(status.state, State::Altered);
        let [foreign, lacks, chain] = status.differences.as_slice() else {
            panic!("{:?}", status.differences)
        };
        assert!(
            foreign.starts_with("chain APPMESH_EGRESS has an unexpected rule: [{\"match\":"),
            "{foreign}"
        );
        assert_eq!(
            lacks,
            "chain OUTPUT lacks: meta l4proto tcp fib daddr type != local jump APPMESH_EGRESS"
        );
        assert_eq!(chain, "chain extra is unexpected");
    });
}
