//! The environment contract: defaults, values, and every fault at once.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use evermesh_sidecar::config::variables::{self, GROUPS};
use evermesh_sidecar::config::{Admin, ConfigErrors, DogStatsd, Endpoint, Problem, SectionError, StatsTags};
use evermesh_sidecar::{Config, Environment};

use support::TestEnvironment;

fn errors(environment: &dyn Environment) -> ConfigErrors {
    Config::from_environment(environment).expect_err("the environment has faults")
}

#[test]
fn defaults_are_those_of_the_user_guide() {
    let config = TestEnvironment::with(&[]).config();
    assert_eq!(config.cluster, "mesh/m/virtualNode/n");
    assert_eq!(config.admin.address, "0.0.0.0:9901".parse().unwrap());
    assert_eq!(
        config.admin.access_log.to_str(),
        Some("/tmp/envoy_admin_access.log")
    );
    assert_eq!((config.log_level, config.concurrency), ("info", None));
    assert_eq!(config.initial_fetch_timeout, Duration::ZERO);
    assert_eq!(config.lifecycle.restart_count, 0);
    assert_eq!(config.lifecycle.restart_pause, Duration::from_millis(100));
    assert_eq!(config.lifecycle.drain_wait, Duration::from_secs(20));
    assert_eq!((config.tracing, config.stats.dogstatsd), (None, None));
    assert_eq!(config.stats.tags, StatsTags::Listener);
    assert_eq!((config.region, config.sds_socket), (None, None));
    assert!(config.files.is_empty() && config.notices.is_empty());
}

#[test]
fn a_default_written_out_changes_nothing() {
    let unset = TestEnvironment::with(&[]);
    let all = GROUPS.iter().flat_map(|group| group.variables);
    let spelled: Vec<_> = all
        .filter_map(|variable| Some((variable.name, variable.default?)))
        .collect();
    assert!(spelled.len() > 10, "the table has lost its defaults");
    assert_eq!(TestEnvironment::with(&spelled).config(), unset.config());
}

#[test]
fn an_empty_value_is_an_unset_one() {
    let all = GROUPS.iter().flat_map(|group| group.variables);
    let required = [variables::RESOURCE_ARN.name, variables::XDS_ENDPOINT.name];
    let empty: Vec<_> = all
        .filter(|variable| !required.contains(&variable.name))
        .map(|variable| (variable.name, ""))
        .collect();
    assert_eq!(
        TestEnvironment::with(&empty).config(),
        TestEnvironment::with(&[]).config()
    );
}

#[test]
fn the_table_names_a_variable_once() {
    let names: Vec<_> = GROUPS
        .iter()
        .flat_map(|group| group.variables)
        .map(|variable| variable.name)
        .collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}

#[test]
fn every_fault_is_reported_at_once() {
    let environment = TestEnvironment::with(&[
        ("APPMESH_RESOURCE_ARN", "mesh/m/virtualService/s"),
        ("APPMESH_XDS_ENDPOINT", "http://localhost:7071"),
        ("ENVOY_LOG_LEVEL", "loud"),
        ("ENVOY_ADMIN_ACCESS_PORT", "99999"),
        ("ENABLE_ENVOY_STATS_TAGS", "yes"),
        ("ENVOY_STATS_SINKS_CFG_FILE", "files/missing.yaml"),
    ]);
    let expected = "\
6 environment variables cannot be used:
  APPMESH_RESOURCE_ARN=\"mesh/m/virtualService/s\": a proxy is a virtualNode or a virtualGateway, not a \
\"virtualService\"; accepted: arn:<partition>:appmesh:<region>:<account>:mesh/<mesh>/virtualNode/<name> (or \
/virtualGateway/<name>), or the part from mesh/ on, where the mesh may be <mesh>@<meshOwner>
  APPMESH_XDS_ENDPOINT=\"http://localhost:7071\": it is a URL (http://); only host and port belong here; accepted: \
host:port, [IPv6 address]:port, or unix:///path/of/socket
  ENVOY_LOG_LEVEL=\"loud\": it is not one of the known words; accepted: trace, debug, info, warning, warn, error, \
critical, off
  ENVOY_ADMIN_ACCESS_PORT=\"99999\": it is not such a number; accepted: a whole number from 0 to 65535
  ENABLE_ENVOY_STATS_TAGS=\"yes\": it is neither on nor off; accepted: 1 or true, 0 or false
  ENVOY_STATS_SINKS_CFG_FILE=\"files/missing.yaml\": files/missing.yaml cannot be read: No such file or directory \
(os error 2); accepted: the path of a readable file";
    assert_eq!(errors(&environment).to_string(), expected);
}

#[test]
fn what_is_required_is_asked_for() {
    let errors = errors(&TestEnvironment::default());
    let missing: Vec<_> = errors
        .0
        .iter()
        .map(|error| (error.variable.name, &error.problem))
        .collect();
    assert_eq!(
        missing,
        [
            ("APPMESH_RESOURCE_ARN", &Problem::Missing),
            ("APPMESH_XDS_ENDPOINT", &Problem::Missing)
        ]
    );
}

#[test]
fn single_values_are_refused_for_their_own_reason() {
    let long = "x".repeat(5000);
    let table = [
        ("APPMESH_RESOURCE_CLUSTER", "a\nb", Problem::ControlCharacter),
        ("APPMESH_RESOURCE_CLUSTER", &long, Problem::TooLong(4096)),
        ("ENVOY_CONCURRENCY", "-1", Problem::NotANumber),
        ("ENVOY_INITIAL_FETCH_TIMEOUT", "5s", Problem::NotANumber),
        ("ENVOY_ADMIN_ACCESS_PORT", "15000", Problem::ListenerPort(15000)),
        ("ENVOY_ADMIN_ACCESS_PORT", "15001", Problem::ListenerPort(15001)),
        ("APPNET_ENVOY_RESTART_COUNT", "many", Problem::NotANumber),
        ("AWS_REGION", "us west", Problem::NotARegion),
        ("EVERMESH_BIND_ADDRESS", "localhost", Problem::NotAnAddress),
        ("EVERMESH_SOCKET_MARK", "0", Problem::NotANumber),
        ("EVERMESH_SOCKET_MARK", "0x1ffffffff", Problem::NotANumber),
    ];
    for (name, value, problem) in table {
        let errors = errors(&TestEnvironment::with(&[(name, value)]));
        let found: Vec<_> = errors
            .0
            .iter()
            .map(|error| (error.variable.name, &error.problem))
            .collect();
        assert_eq!(found, [(name, &problem)], "{name}={value:?}");
    }
}

#[test]
fn a_driver_that_is_on_has_its_values_checked() {
    let table = [
        ("ENABLE_ENVOY_XRAY_TRACING", "XRAY_SAMPLING_RATE", "1.5"),
        ("ENABLE_ENVOY_XRAY_TRACING", "XRAY_DAEMON_PORT", "0"),
        (
            "ENABLE_ENVOY_XRAY_TRACING",
            "XRAY_SAMPLING_RULE_MANIFEST",
            "files/stats.yaml",
        ),
        (
            "ENABLE_ENVOY_DATADOG_TRACING",
            "DATADOG_TRACER_ADDRESS",
            "http://agent",
        ),
        ("ENABLE_ENVOY_JAEGER_TRACING", "JAEGER_TRACER_VERSION", "thrift"),
        ("ENABLE_ENVOY_DOG_STATSD", "STATSD_ADDRESS", "statsd.local"),
        ("ENABLE_ENVOY_DOG_STATSD", "STATSD_SOCKET_PATH", "dsd.socket"),
    ];
    for (switch, name, value) in table {
        let errors = errors(&TestEnvironment::with(&[(switch, "1"), (name, value)]));
        let found: Vec<_> = errors.0.iter().map(|error| error.variable.name).collect();
        assert_eq!(found, [name], "{name}={value:?}");
        TestEnvironment::with(&[(switch, "0"), (name, value)]).config();
    }
}

#[test]
fn two_tracing_drivers_are_one_too_many() {
    let environment = TestEnvironment::with(&[
        ("ENABLE_ENVOY_XRAY_TRACING", "1"),
        ("ENABLE_ENVOY_JAEGER_TRACING", "1"),
    ]);
    let errors = errors(&environment);
    assert_eq!(errors.0.len(), 1);
    assert_eq!(errors.0[0].variable.name, "ENABLE_ENVOY_JAEGER_TRACING");
    assert_eq!(
        errors.0[0].problem,
        Problem::ConflictsWith("ENABLE_ENVOY_XRAY_TRACING")
    );
}

#[test]
fn times_out_of_bounds_become_the_nearest_with_a_notice() {
    let table = [
        ("LISTENER_DRAIN_WAIT_TIME_S", "1", 5),
        ("LISTENER_DRAIN_WAIT_TIME_S", "300", 110),
    ];
    for (name, value, seconds) in table {
        let config = TestEnvironment::with(&[(name, value)]).config();
        assert_eq!(config.lifecycle.drain_wait, Duration::from_secs(seconds));
        assert_eq!(config.notices.len(), 1);
    }
    let config = TestEnvironment::with(&[("APPNET_ENVOY_RESTART_COUNT", "-3")]).config();
    assert_eq!(config.lifecycle.restart_count, 0);
    assert_eq!(
        config.notices[0].to_string(),
        "APPNET_ENVOY_RESTART_COUNT: -3 is outside 0 to 10; 0 is used"
    );
}

#[test]
fn what_has_no_effect_is_said() {
    let config = TestEnvironment::with(&[
        ("APPMESH_PREVIEW", "0"),
        ("APPMESH_METRIC_EXTENSION_VERSION", "1"),
        ("APPNET_AGENT_ADMIN_MODE", "uds"),
    ])
    .config();
    let about: Vec<_> = config.notices.iter().map(|notice| notice.variable).collect();
    assert_eq!(
        about,
        ["APPMESH_METRIC_EXTENSION_VERSION", "APPNET_AGENT_ADMIN_MODE"]
    );
}

#[test]
fn the_current_name_of_the_identity_wins() {
    let config = TestEnvironment::with(&[("APPMESH_VIRTUAL_NODE_NAME", "mesh/m/virtualNode/old")]).config();
    assert_eq!(config.identity.as_str(), "mesh/m/virtualNode/n");
}

#[test]
fn sinks_and_endpoints_take_every_documented_form() {
    let config = TestEnvironment::with(&[
        ("APPMESH_XDS_ENDPOINT", "unix:///run/xds.sock"),
        ("ENABLE_ENVOY_DOG_STATSD", "1"),
        ("STATSD_ADDRESS", "::1"),
    ])
    .config();
    assert_eq!(config.xds, Endpoint::Unix("/run/xds.sock".into()));
    assert_eq!(
        config.stats.dogstatsd,
        Some(DogStatsd::Udp("[::1]:8125".parse().unwrap()))
    );
}

#[test]
fn the_admin_variables_can_be_read_alone() {
    let mut environment = TestEnvironment::default();
    environment
        .variables
        .insert("ENVOY_ADMIN_ACCESS_ENABLE_IPV6".into(), "1".into());
    assert_eq!(
        Admin::from_environment(&environment).unwrap().address,
        "[::]:9901".parse().unwrap()
    );
    environment
        .variables
        .insert("EVERMESH_BIND_ADDRESS".into(), "127.0.0.2".into());
    assert_eq!(
        Admin::from_environment(&environment).unwrap().address,
        "127.0.0.2:9901".parse().unwrap()
    );
}

#[test]
fn files_are_refused_for_what_is_in_them() {
    let shape = |section: &str, shape| SectionError::Shape {
        section: section.into(),
        shape,
    };
    let table = [
        ("ENVOY_TRACING_CFG_FILE", "", SectionError::NoSections),
        ("ENVOY_TRACING_CFG_FILE", "- tracing", SectionError::NoSections),
        (
            "ENVOY_TRACING_CFG_FILE",
            "admin: {}",
            SectionError::Contract("admin".into()),
        ),
        (
            "ENVOY_TRACING_CFG_FILE",
            "dynamicResources: {}",
            SectionError::Contract("dynamic_resources".into()),
        ),
        (
            "ENVOY_STATS_CONFIG_FILE",
            "stats_config: {}\nstatsConfig: {}",
            SectionError::Twice("stats_config".into()),
        ),
        (
            "ENVOY_STATS_CONFIG_FILE",
            "static_resources: []",
            shape("static_resources", "a mapping"),
        ),
        (
            "ENVOY_STATS_CONFIG_FILE",
            "static_resources: {clusters: {}}",
            shape("static_resources.clusters", "a list"),
        ),
        (
            "ENVOY_STATS_SINKS_CFG_FILE",
            "stats_sinks: {}",
            shape("stats_sinks", "a list"),
        ),
        (
            "ENVOY_STATS_SINKS_CFG_FILE",
            "tracing: {}",
            SectionError::Lacks("stats_sinks"),
        ),
    ];
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("section.yaml");
    for (variable, content, expected) in table {
        std::fs::write(&file, content).unwrap();
        let errors = errors(&TestEnvironment::with(&[(variable, file.to_str().unwrap())]));
        let path = file.clone();
        assert_eq!(
            errors.0[0].problem,
            Problem::Content {
                path,
                reason: expected
            },
            "{content:?}"
        );
    }
}

#[test]
fn files_that_are_no_files_or_too_large_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let large = directory.path().join("large.yaml");
    std::fs::write(&large, vec![b'#'; (1 << 20) + 1]).unwrap();
    for path in [directory.path(), &large] {
        let errors = errors(&TestEnvironment::with(&[(
            "ENVOY_STATS_CONFIG_FILE",
            path.to_str().unwrap(),
        )]));
        assert!(
            matches!(errors.0[0].problem, Problem::Unreadable { .. }),
            "{errors}"
        );
    }
}
