//! What a file of instances says, and what it does not.

use std::fs;

use super::*;

const FILE: &str = "
- namespace: howto.local
  service: colorteller
  instances:
    - id: 1
      attributes: { AWS_INSTANCE_IPV4: 10.0.0.1, AWS_INSTANCE_PORT: 9080, family: blue, size: \"1\",
        account: 012345678901, version: 1.20, build: 1_000, canary: true }
    - id: both
      attributes: { AWS_INSTANCE_IPV4: 10.0.0.2, AWS_INSTANCE_IPV6: 'fd00::2', family: green }
    - attributes: { AWS_INSTANCE_IPV4: 10.0.0.3, family: green, AWS_INIT_HEALTH_STATUS: UNHEALTHY }
- { namespace: howto.local, service: empty }
- { namespace: howto.local, service: colorteller, instances: [{ attributes: { family: green } }] }
";

fn found(file: &str, service: &str, wanted: &[(&str, &str)]) -> Vec<(Option<Ipv4Addr>, Option<Ipv6Addr>)> {
    let registry = Registry::parse(file).unwrap();
    let instances = registry.healthy("howto.local", service, wanted.to_vec());
    instances.map(|instance| (instance.ipv4, instance.ipv6)).collect()
}

fn v4(last: u8) -> Option<Ipv4Addr> {
    Some(Ipv4Addr::new(10, 0, 0, last))
}

#[test]
fn instances_are_found_by_all_their_attributes() {
    let ipv6 = "fd00::2".parse().ok();
    let all = [(v4(1), None), (v4(2), ipv6), (None, None)];
    assert_eq!(found(FILE, "colorteller", &[]), all);
    assert_eq!(found(FILE, "colorteller", &[("family", "green")]), all[1..]);
    let blue = [("family", "blue"), ("size", "1"), ("AWS_INSTANCE_PORT", "9080")];
    assert_eq!(found(FILE, "colorteller", &blue), all[..1]);
    assert_eq!(
        found(FILE, "colorteller", &[("family", "blue"), ("size", "2")]),
        []
    );
    assert_eq!(found(FILE, "colorteller", &[("shape", "round")]), []);
    let as_written = [
        ("account", "012345678901"),
        ("version", "1.20"),
        ("build", "1_000"),
        ("canary", "true"),
    ];
    assert_eq!(found(FILE, "colorteller", &as_written), all[..1]);
    let both = [("family", "blue"), ("family", "green")];
    assert_eq!(found(FILE, "colorteller", &both), []);
    assert_eq!(found(FILE, "empty", &[]), []);
    assert_eq!(found(FILE, "unknown", &[]), []);
}

#[test]
fn json_is_yaml() {
    let file = r#"[{"namespace": "howto.local", "service": "s",
        "instances": [{"id": "i", "attributes": {"AWS_INSTANCE_IPV4": "10.0.0.1"}}]}]"#;
    assert_eq!(found(file, "s", &[]), [(v4(1), None)]);
    assert_eq!(Registry::parse("").unwrap(), Registry::default());
}

#[test]
fn faults_are_told() {
    let error = |file: &str| Registry::parse(file).unwrap_err().to_string();
    let address =
        "[{ namespace: n, service: s, instances: [{ attributes: { AWS_INSTANCE_IPV4: 'fd00::1' } }] }]";
    assert_eq!(
        error(address),
        "service s of namespace n: AWS_INSTANCE_IPV4 of an instance is \"fd00::1\", which is no such address"
    );
    for (file, told) in [
        ("[{ namespace: n }]", "service"),
        ("[{ namespace: n, service: s, instance: [] }]", "instance"),
        (
            "[{ namespace: n, service: s, instances: [{ attributes: { a: [] } }] }]",
            "expected string",
        ),
        ("services: []", "line 1"),
    ] {
        assert!(error(file).contains(told), "{file}: {}", error(file));
    }
}

#[tokio::test]
async fn a_file_is_followed_and_its_last_good_content_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("instances.yaml");
    let file = RegistryFile::follow(&path).unwrap();
    let mut registry = file.registry();
    assert_eq!(**registry.borrow(), Registry::default());

    let write = |text: &str| {
        let fresh = dir.path().join("fresh");
        fs::write(&fresh, text).unwrap();
        fs::rename(&fresh, &path).unwrap();
    };
    write(FILE);
    registry.changed().await.unwrap();
    assert_eq!(**registry.borrow_and_update(), Registry::parse(FILE).unwrap());
    write("{");
    fs::remove_file(&path).unwrap();
    write("[{ namespace: n, service: s }]");
    registry.changed().await.unwrap();
    let last = Registry::parse("[{ namespace: n, service: s }]").unwrap();
    assert_eq!(**registry.borrow(), last, "nothing was in force in between");
}

#[test]
fn a_file_that_is_no_use_at_first_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("instances.yaml");
    fs::write(&path, "{").unwrap();
    let malformed =
        |loaded: Result<Registry, RegistryError>| matches!(loaded, Err(RegistryError::Malformed { .. }));
    assert!(malformed(Registry::load(&path)));
    fs::write(&path, b"\xff").unwrap();
    assert!(malformed(Registry::load(&path)));
    assert!(matches!(
        Registry::load(dir.path()),
        Err(RegistryError::File(FileError::Read { .. }))
    ));
    fs::File::create(&path)
        .unwrap()
        .set_len(file::MAX_BYTES + 1)
        .unwrap();
    assert!(matches!(
        Registry::load(&path),
        Err(RegistryError::File(FileError::TooLarge { .. }))
    ));
}
