//! Files of settings, what they yield to, and what is refused.

use std::fs;

use clap::Parser;
use evermesh_discovery::Forward;

use super::*;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    settings: Settings,
}

fn flags(arguments: &[&str]) -> Settings {
    Flags::parse_from([&["serve"], arguments].concat()).settings
}

fn over(arguments: &[&str], file: &str) -> Result<Settings> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("evermesh.toml");
    fs::write(&path, file).unwrap();
    flags(arguments).over_file(&path)
}

const FILE: &str = r#"
data_dir = "/srv/mesh"
listen = ["127.0.0.1:1", "[::1]:2"]
xds_listen = "10.0.0.1:3"
insecure_listen = ["xds"]
region = "eu-central-1"
account_id = "123456789012"
cloud_map_file = "/srv/instances.yaml"
dns_forward = "1.1.1.1,[2606:4700::1111]:5353"
dns_ttl = 60
log_format = "json"
log_level = "warn"

[quotas]
meshes_per_account = 7
backends_per_virtual_node = 8
"#;

#[test]
fn a_file_says_everything_that_flags_can() {
    let settings = over(&[], FILE).unwrap();
    assert_eq!(
        settings.api_addresses(),
        ["127.0.0.1:1".parse().unwrap(), "[::1]:2".parse().unwrap()]
    );
    assert_eq!(settings.xds_addresses(), ["10.0.0.1:3".parse().unwrap()]);
    assert_eq!(settings.dns_addresses(), ["127.0.0.1:7053".parse().unwrap()]);
    assert_eq!(settings.log_format(), LogFormat::Json);
    assert_eq!(settings.log_level(), "warn");
    settings.check_exposure().unwrap();
    let options = settings.options().unwrap();
    assert_eq!(options.data_dir, Path::new("/srv/mesh"));
    assert_eq!(
        options.cloud_map_file.as_deref(),
        Some(Path::new("/srv/instances.yaml"))
    );
    assert_eq!(
        (options.region.as_str(), options.account.as_str()),
        ("eu-central-1", "123456789012")
    );
    assert_eq!(options.dns_ttl, Duration::from_secs(60));
    let resolvers = [
        "1.1.1.1:53".parse().unwrap(),
        "[2606:4700::1111]:5353".parse().unwrap(),
    ];
    assert_eq!(options.forward, Forward::To(resolvers.to_vec()));
    assert_eq!(options.quotas.meshes_per_account, 7);
    assert_eq!(options.quotas.backends_per_virtual_node, 8);
    assert_eq!(options.quotas.virtual_nodes_per_mesh, 2000);
}

#[test]
fn flags_win_over_the_file() {
    let arguments = [
        "--listen=127.0.0.1:9",
        "--region=us-east-1",
        "--dns-forward=off",
        "--quota-meshes-per-account=1",
    ];
    let settings = over(&arguments, FILE).unwrap();
    assert_eq!(settings.api_addresses(), ["127.0.0.1:9".parse().unwrap()]);
    let options = settings.options().unwrap();
    assert_eq!(options.region, "us-east-1");
    assert_eq!(options.forward, Forward::Off);
    assert_eq!(options.quotas.meshes_per_account, 1);
    assert_eq!(options.quotas.backends_per_virtual_node, 8);
}

#[test]
fn what_is_wrong_in_a_file_is_shown_with_its_place() {
    for (file, place, part) in [
        (
            "region = \"x\"\nregoin = \"y\"",
            "line 2",
            "unknown field `regoin`",
        ),
        ("[quotas]\nnodes = 1", "line 2", "unknown field `nodes`"),
        ("account_id = \"12\"", "line 1", "an account id has twelve digits"),
        ("listen = 7070", "line 1", "expected a value or a list of values"),
        ("region = ", "line 1", "string values must be quoted"),
    ] {
        let error = format!("{:#}", over(&[], file).unwrap_err());
        assert!(error.contains(place) && error.contains(part), "{file}: {error}");
    }
}

#[test]
fn nothing_is_open_beyond_loopback_unless_it_is_said() {
    let refusal = |arguments: &[&str]| flags(arguments).check_exposure().map_err(|error| error.0);
    assert_eq!(refusal(&[]), Ok(()));
    assert_eq!(
        refusal(&[
            "--listen=127.9.9.9:0,[::1]:0",
            "--dns-listen=[::ffff:127.0.0.1]:0"
        ]),
        Ok(())
    );
    let api = refusal(&["--listen=0.0.0.0:7070"]).unwrap_err();
    assert!(
        api.contains("--listen 0.0.0.0:7070") && api.contains("--credentials-file"),
        "{api}"
    );
    assert_eq!(
        refusal(&["--listen=0.0.0.0:7070", "--credentials-file=c"]),
        Ok(())
    );
    assert_eq!(
        refusal(&["--listen=0.0.0.0:7070", "--insecure-listen=api"]),
        Ok(())
    );
    let xds = refusal(&["--xds-listen=127.0.0.1:1,[::]:7071", "--credentials-file=c"]).unwrap_err();
    assert!(
        xds.contains("--xds-listen [::]:7071") && xds.contains("--insecure-listen=xds"),
        "{xds}"
    );
    let dns = refusal(&["--dns-listen=10.0.0.1:53", "--insecure-listen=api,xds"]).unwrap_err();
    assert!(dns.contains("--dns-listen 10.0.0.1:53"), "{dns}");
    let all = [
        "--insecure-listen",
        "--listen=[::]:1",
        "--xds-listen=[::]:2",
        "--dns-listen=[::]:3",
    ];
    assert_eq!(refusal(&all), Ok(()));
}
