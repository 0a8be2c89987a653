//! Connection pools of listeners, by every protocol: what the application of a virtual node gets at a time, and what a
//! virtual gateway lets in.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use evermesh_e2e::{Answer, App, Call, Manifests, MeshTask, Server, TaskSpec, World, eventually};
use futures::future::{join_all, select};

/// A pool of requests, and what fills it.
struct Pool<'w> {
    /// Whose proxy has it, and under which name.
    of: &'w MeshTask,
    cluster: &'static str,
    /// The statistic of its circuit breaker that tells that nothing more fits.
    full: &'static str,
    /// How many requests fit, and how many of them get to the application: the others wait for a connection.
    fit: usize,
    get_through: usize,
}

impl Pool<'_> {
    /// Fills it, and sees that what exceeds it is refused and counted, until there is room again.
    async fn refuses_what_exceeds_it(&self, caller: &MeshTask, call: Call, server: &Server) {
        let full = format!("cluster.{}.circuit_breakers.default.{}", self.cluster, self.full);
        server.answer(|_| Answer::Never);
        let call = call.within(Duration::from_secs(120));
        let held = join_all((0..self.fit).map(|_| caller.call(&call)));
        let checked = async {
            eventually("the pool is full", async || {
                self.of.stat(&full) == 1 && server.requests() == self.get_through
            })
            .await;
            let refused = caller.call(&call).await.expect("a refusal is an answer");
            assert!(
                refused.status == 503 || refused.grpc_status() == Some(14),
                "{}: {refused:?}",
                self.cluster
            );
            assert_eq!(server.requests(), self.get_through, "{}", self.cluster);
            assert!(self.overflows() > 0, "{}", self.cluster);
        };
        select(Box::pin(held), Box::pin(checked)).await;

        server.answer(|_| Answer::Echo);
        eventually("there is room again", async || self.of.stat(&full) == 0).await;
        let reply = caller.call(&call).await.expect("an answer");
        assert_eq!(reply.status, 200, "{}: {reply:?}", self.cluster);
        assert!(
            matches!(reply.grpc_status(), None | Some(0)),
            "{}: {reply:?}",
            self.cluster
        );
    }

    /// Which statistic counts a refusal depends on the version of Envoy.
    fn overflows(&self) -> u64 {
        let counts = self.of.stats(&format!("cluster.{}.upstream_rq", self.cluster));
        let overflows = counts.iter().filter(|(name, _)| name.ends_with("_overflow"));
        overflows.map(|(_, count)| count).sum()
    }
}

fn listener(port: u16, protocol: &str, pool: &str) -> String {
    format!(
        "{{ portMapping: {{ port: {port}, protocol: {protocol} }}, connectionPool: {{ {protocol}: {pool} }} }}"
    )
}

/// Node `server` behind service `svc.local`.
fn mesh(listeners: &[String]) -> Manifests {
    Manifests::mesh("m", "{}")
        .service_of_node("svc.local", "server")
        .node(
            "server",
            &format!(
                "{{ listeners: [{}], serviceDiscovery: {{ dns: {{ hostname: server.local }} }} }}",
                listeners.join(", ")
            ),
        )
}

/// One call is with the application, and where the protocol has a queue one is in it: the next one is refused.
pub(crate) async fn bound_what_the_application_gets(mut world: World) {
    let server = TaskSpec::node("server").app(App::http(8080)).app(App::http(8081));
    let server = world.task(server.app(App::http(8082)).app(App::tcp(8083)));
    let client = world.task(TaskSpec::node("client"));
    world.name("server.local", [&server]);
    world.name("svc.local", [&server]);
    let listeners = [
        listener(8080, "http", "{ maxConnections: 1, maxPendingRequests: 1 }"),
        listener(8081, "http2", "{ maxRequests: 1 }"),
        listener(8082, "grpc", "{ maxRequests: 1 }"),
        listener(8083, "tcp", "{ maxConnections: 1 }"),
    ];
    world.apply(mesh(&listeners).node(
        "client",
        "{ backends: [{ virtualService: { virtualServiceName: svc.local } }] }",
    ));

    let pool = |cluster, full, fit| Pool {
        of: &server,
        cluster,
        full,
        fit,
        get_through: 1,
    };
    let http = pool("cds_ingress_m_server_http_8080", "rq_pending_open", 2);
    let call = Call::get("http://svc.local:8080/");
    http.refuses_what_exceeds_it(&client, call, server.app(8080))
        .await;
    let http2 = pool("cds_ingress_m_server_http2_8081", "rq_open", 1);
    let call = Call::get("http://svc.local:8081/").http2();
    http2
        .refuses_what_exceeds_it(&client, call, server.app(8081))
        .await;
    let grpc = pool("cds_ingress_m_server_grpc_8082", "rq_open", 1);
    let call = Call::grpc("http://svc.local:8082/pkg.Service/Method", b"");
    grpc.refuses_what_exceeds_it(&client, call, server.app(8082))
        .await;
    connections_beyond_the_pool_are_closed(&client, &server).await;
}

async fn connections_beyond_the_pool_are_closed(client: &MeshTask, server: &MeshTask) {
    let first = client
        .tcp("svc.local:8083")
        .await
        .expect("the first connection fits");
    let pool = "cluster.cds_ingress_m_server_tcp_8083";
    eventually("the pool is full", async || {
        server.stat(&format!("{pool}.circuit_breakers.default.cx_open")) == 1
    })
    .await;
    assert_eq!(
        client.says("svc.local:8083").await,
        "",
        "the second connection is closed"
    );
    assert!(server.stat(&format!("{pool}.upstream_cx_overflow")) > 0);
    drop(first);
    eventually("there is room again", async || {
        client.says("svc.local:8083").await == "server\n"
    })
    .await;
}

/// Two calls of each protocol are in the mesh: the next one is refused at the gateway, which logs why.
pub(crate) async fn bound_what_a_gateway_lets_in(mut world: World) {
    let log = world.write("gateway.log", "");
    fs::set_permissions(&log, Permissions::from_mode(0o666)).expect("it is ours");
    let server = world.task(TaskSpec::node("server").app(App::http(8081)).app(App::http(8082)));
    let gateway = world.task(TaskSpec::gateway("gw"));
    let user = world.task(TaskSpec::plain("user"));
    world.name("server.local", [&server]);
    world.name("gw.local", [&gateway]);
    let open = [(8081, "http2"), (8082, "grpc")]
        .map(|(port, protocol)| format!("{{ portMapping: {{ port: {port}, protocol: {protocol} }} }}"));
    let route = |kind: &str, port: u16, matches: &str| {
        let target = format!("{{ virtualService: {{ virtualServiceName: svc.local }}, port: {port} }}");
        format!("{{ {kind}: {{ match: {{ {matches} port: {port} }}, action: {{ target: {target} }} }} }}")
    };
    world.apply(
        mesh(&open)
            .gateway("gw", &gateway_spec(&log))
            .gateway_route("gw", "http2", &route("http2Route", 8081, "prefix: /,"))
            .gateway_route(
                "gw",
                "grpc",
                &route("grpcRoute", 8082, "serviceName: pkg.Service,"),
            ),
    );

    let pool = |cluster| Pool {
        of: &gateway,
        cluster,
        full: "rq_open",
        fit: 2,
        get_through: 2,
    };
    let http2 = pool("cds_ingress_m_gw_self_redirect_8081_http2_15001");
    let call = Call::get("http://gw.local:8081/").http2();
    http2.refuses_what_exceeds_it(&user, call, server.app(8081)).await;
    let grpc = pool("cds_ingress_m_gw_self_redirect_8082_grpc_15001");
    let call = Call::grpc("http://gw.local:8082/pkg.Service/Method", b"");
    grpc.refuses_what_exceeds_it(&user, call, server.app(8082)).await;
    // A refusal of gRPC is in its own status.
    eventually("the refusals are logged as overflows", async || {
        let text = fs::read_to_string(&log).expect("it is ours");
        ["8081 503 UO", "8082 200 UO"].map(|line| text.lines().filter(|l| *l == line).count()) == [1, 1]
    })
    .await;
}

fn gateway_spec(log: &Path) -> String {
    let listeners = [
        listener(8081, "http2", "{ maxRequests: 2 }"),
        listener(8082, "grpc", "{ maxRequests: 2 }"),
    ];
    let format = r#"{ text: "%DOWNSTREAM_LOCAL_PORT% %RESPONSE_CODE% %RESPONSE_FLAGS%\n" }"#;
    format!(
        "{{ listeners: [{}], logging: {{ accessLog: {{ file: {{ path: {}, format: {format} }} }} }} }}",
        listeners.join(", "),
        log.display()
    )
}
