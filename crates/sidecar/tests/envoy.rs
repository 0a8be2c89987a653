//! A real Envoy under the supervisor: admin, readiness, tracing from the bootstrap, tags, drain.
#![allow(clippy::unwrap_used, reason = "a test's helpers are part of the test")]

mod support;

use std::fs;
use std::net::SocketAddr;

use evermesh_sidecar::Config;
use evermesh_sidecar::admin::{AdminClient, ServerState};
use evermesh_sidecar::supervisor::{Outcome, Supervisor};
use evermesh_testkit::tools::Tool;
use evermesh_testkit::{DEADLINE, need, wait_until_async};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use support::TestEnvironment;
use support::http::{self, Server};

/// Loopback only, every port free, nothing left in the system's directories.
const TEST_PLACE: [(&str, &str); 5] = [
    ("ENVOY_LOG_LEVEL", "warning"),
    ("EVERMESH_BIND_ADDRESS", "127.0.0.1"),
    ("ENVOY_ADMIN_ACCESS_PORT", "0"),
    ("ENVOY_ADMIN_ACCESS_LOG_FILE", "/dev/null"),
    ("ENVOY_CONCURRENCY", "1"),
];

/// A listener as the control plane writes it among several: a stat prefix with protocol and port, `tracing`
/// without a provider.
const LISTENER: &str = r#"
static_resources:
  listeners:
    - name: ingress
      address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: ingress.http.8080
                tracing: {}
                route_config:
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes: [{ match: { prefix: / }, direct_response: { status: 200 } }]
                http_filters:
                  - name: envoy.filters.http.router
                    typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
"#;

fn config(more: &[(&str, &str)]) -> Config {
    TestEnvironment::with(&[&TEST_PLACE, more].concat()).config()
}

async fn admin_of(supervisor: &Supervisor) -> AdminClient {
    let address = wait_until_async("envoy has an admin address", DEADLINE, async || {
        supervisor.admin_address()
    })
    .await;
    AdminClient::new(address)
}

async fn in_state(admin: &AdminClient, state: ServerState) {
    wait_until_async("envoy has the state", DEADLINE, async || {
        (admin.state().await.ok()? == state).then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_a_control_plane_envoy_waits_and_stops_at_once() {
    let envoy = need!(Tool::Envoy);
    // Bound and never accepted from: the connection stands and nothing answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let xds = silent.local_addr().unwrap().to_string();
    let supervisor = Supervisor::new(envoy, &config(&[("APPMESH_XDS_ENDPOINT", &xds)])).unwrap();
    let (ask, mut stop) = mpsc::channel(1);
    let looking = async {
        let admin = admin_of(&supervisor).await;
        in_state(&admin, ServerState::PreInitializing).await;
        assert!(!admin.is_ready().await.unwrap());
        assert_eq!(admin.open_connections().await.unwrap(), None);
        ask.send(()).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(supervisor.run(&mut stop), looking);
    assert_eq!(outcome.unwrap(), Outcome::Stopped);
}

#[tokio::test]
async fn tracing_and_tags_of_the_environment_reach_listeners_and_draining_is_seen() {
    let envoy = need!(Tool::Envoy);
    let collector = Server::start(|_| String::new()).await;
    let directory = tempfile::tempdir().unwrap();
    let own_file = directory.path().join("listener.yaml");
    fs::write(&own_file, LISTENER).unwrap();
    let mut config = config(&[
        // Nothing is there: Envoy serves its static listener once it stops waiting.
        ("APPMESH_XDS_ENDPOINT", "unix:///nowhere/xds.sock"),
        ("ENVOY_INITIAL_FETCH_TIMEOUT", "1"),
        ("ENABLE_ENVOY_JAEGER_TRACING", "1"),
        ("JAEGER_TRACER_PORT", &collector.address.port().to_string()),
        ("ENABLE_ENVOY_STATS_TAGS", "1"),
    ]);
    // A listener beside the generated tags: what the user's stats file cannot have, so laid in by hand.
    let more = TestEnvironment::with(&[("ENVOY_STATS_CONFIG_FILE", own_file.to_str().unwrap())]).config();
    config.files = more.files;
    config.lifecycle.drain_settle = std::time::Duration::ZERO;

    let supervisor = Supervisor::new(envoy, &config).unwrap();
    let (ask, mut stop) = mpsc::channel(1);
    let using = async {
        let admin = admin_of(&supervisor).await;
        in_state(&admin, ServerState::Live).await;
        assert!(admin.is_ready().await.unwrap());
        let listener = listener_of(&admin).await;

        let answer = http::get(listener, "/").await;
        assert_eq!((answer.status.as_u16(), answer.closes), (200, false));
        wait_until_async("a span arrives", DEADLINE, async || {
            (collector.count("POST /api/v2/spans") > 0).then_some(())
        })
        .await;
        let tags = "{appmesh_mesh=\"m\",appmesh_virtual_node=\"n\",appmesh_listener_protocol=\"http\",\
                    appmesh_listener_port=\"8080\",envoy_http_conn_manager_prefix=\"ingress\"} 1";
        let stats = http::get(admin.address(), "/stats/prometheus").await.body;
        assert!(
            stats.contains(&format!("\nenvoy_http_downstream_rq_completed{tags}\n")),
            "{stats}"
        );

        let connection = tokio::net::TcpStream::connect(listener).await.unwrap();
        wait_until_async("the connection is counted", DEADLINE, async || {
            (admin.open_connections().await.ok()?? == 1).then_some(())
        })
        .await;
        ask.send(()).await.unwrap();
        in_state(&admin, ServerState::Draining).await;
        // Whoever has not heard yet is served, and told not to come back.
        let answer = http::get(listener, "/").await;
        assert_eq!((answer.status.as_u16(), answer.closes), (200, true));
        drop(connection);
    };
    let (outcome, ()) = tokio::join!(supervisor.run(&mut stop), using);
    assert_eq!(outcome.unwrap(), Outcome::Stopped);
}

/// The port that the static listener got.
async fn listener_of(admin: &AdminClient) -> SocketAddr {
    let listeners = http::get(admin.address(), "/listeners").await.body;
    let line = listeners.lines().find_map(|line| line.strip_prefix("ingress::"));
    line.expect("the listener is listed").parse().unwrap()
}
