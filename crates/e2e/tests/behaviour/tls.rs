//! TLS between tasks: modes of listeners, client policies, names, mutual TLS, certificates in files and from a socket.

use evermesh_e2e::pki::{Authority, trust_file};
use evermesh_e2e::{App, Call, Load, Manifests, MeshTask, SecretService, TaskSpec, Tls, World, eventually};

const SERVICE: &str = "http://svc.local:8080/";
const HANDSHAKES: &str = "listener.0.0.0.0_15000.ssl.handshake";
const CLIENT: &str = "cluster.cds_egress_m_server_http_8080";

/// A server at one port, and a client that calls it.
struct Pair {
    server: MeshTask,
    client: MeshTask,
}

impl Pair {
    fn start(world: &mut World) -> Self {
        let server = world.task(TaskSpec::node("server").app(App::http(8080)));
        let client = world.task(TaskSpec::node("client"));
        world.name("server.local", [&server]);
        world.name("svc.local", [&server]);
        Self { server, client }
    }

    async fn status(&self) -> u16 {
        self.client.status(SERVICE).await
    }
}

/// The mesh of a [`Pair`]: `tls` of the server's listener and `policy`, the TLS of the client's policy, if not empty.
fn mesh(tls: &str, policy: &str) -> Manifests {
    let tls = if tls.is_empty() {
        String::new()
    } else {
        format!(", tls: {tls}")
    };
    let policy = if policy.is_empty() {
        String::new()
    } else {
        format!(", clientPolicy: {{ tls: {policy} }}")
    };
    Manifests::mesh("m", "{}")
        .node(
            "server",
            &format!(
                "{{ listeners: [{{ portMapping: {{ port: 8080, protocol: http }}{tls} }}],
                    serviceDiscovery: {{ dns: {{ hostname: server.local }} }} }}"
            ),
        )
        .service_of_node("svc.local", "server")
        .node(
            "client",
            &format!("{{ backends: [{{ virtualService: {{ virtualServiceName: svc.local{policy} }} }}] }}"),
        )
}

/// Who may speak what: callers with a sidecar speak TLS to any listener that has it, others as the mode lets them.
pub(crate) async fn modes_of_listeners(mut world: World) {
    let authority = Authority::new("ca");
    let issued = authority.issue_on_p384(&["server.local"]);
    let certificate = issued.as_files(&world, "server");
    let apps = [8080, 8081, 8082]
        .map(App::http)
        .into_iter()
        .chain([App::http(8083), App::tcp(6379)]);
    let server = world.task(apps.fold(TaskSpec::node("server"), TaskSpec::app));
    let client = world.task(TaskSpec::node("client"));
    let outside = world.task(TaskSpec::plain("outside"));
    world.name("server.local", [&server]);
    let listener = |port: u16, protocol: &str, mode: &str| {
        format!(
            "{{ portMapping: {{ port: {port}, protocol: {protocol} }},
                tls: {{ mode: {mode}, certificate: {certificate} }} }}"
        )
    };
    let listeners = [
        listener(8080, "http", "STRICT"),
        listener(8081, "http", "PERMISSIVE"),
        listener(8082, "http", "DISABLED"),
        listener(8083, "http2", "STRICT"),
        listener(6379, "tcp", "STRICT"),
    ];
    let spec = format!(
        "{{ listeners: [{}], serviceDiscovery: {{ dns: {{ hostname: server.local }} }} }}",
        listeners.join(", ")
    );
    world.apply(
        Manifests::mesh("m", "{}")
            .node("server", &spec)
            .service_of_node("server.local", "server")
            .node(
                "client",
                "{ backends: [{ virtualService: { virtualServiceName: server.local } }] }",
            ),
    );

    for port in [8080, 8081, 8082] {
        assert_eq!(
            client.get(&format!("http://server.local:{port}/")).await,
            "server"
        );
    }
    assert_eq!(server.stat(HANDSHAKES), 2, "the strict and the permissive one");
    let http2 = client.call(&Call::get("http://server.local:8083/").http2()).await;
    assert_eq!(http2.expect("an answer").seen().version, "HTTP/2.0");
    assert_eq!(client.says("server.local:6379").await, "server\n");
    assert_eq!(server.stat(HANDSHAKES), 4);

    let plain = async |port: u16| {
        outside
            .call(&Call::get(&format!("http://server.local:{port}/")))
            .await
    };
    assert!(plain(8080).await.is_err(), "plain text at a strict listener");
    assert!(server.stat("listener.0.0.0.0_15000.ssl.connection_error") > 0);
    for port in [8081, 8082] {
        assert_eq!(plain(port).await.expect("an answer").seen().app, "server");
    }
    for (port, is_http2) in [(8080, false), (8081, false), (8083, true)] {
        let call =
            Call::get(&format!("http://server.local:{port}/")).tls(&Tls::to("server.local", &authority));
        let call = if is_http2 { call.http2() } else { call };
        assert_eq!(outside.call(&call).await.expect("an answer").seen().app, "server");
    }
}

/// Which certificates a client takes: whom it trusts, and which names it asks for.
pub(crate) async fn trust_and_names(mut world: World) {
    let (good, bad) = (Authority::new("good"), Authority::new("bad"));
    let issued = good.issue(&["server.local", "spiffe://m/server"]);
    let certificate = issued.as_files(&world, "server");
    let strict = format!("{{ mode: STRICT, certificate: {certificate} }}");
    let (trusted, other) = (good.as_file(&world, "good"), bad.as_file(&world, "bad"));
    let pair = Pair::start(&mut world);
    let names = |names: &str| format!(", subjectAlternativeNames: {{ match: {{ exact: [{names}] }} }}");

    for (trust, names, status, failure) in [
        (&trusted, String::new(), 200, None),
        (&other, String::new(), 503, Some("ssl.fail_verify_error")),
        (&trusted, names("other.local"), 503, Some("ssl.fail_verify_san")),
        (&trusted, names("other.local, server.local"), 200, None),
        (&trusted, names("'spiffe://m/server'"), 200, None),
        (
            &trusted,
            names("'spiffe://m/other'"),
            503,
            Some("ssl.fail_verify_san"),
        ),
    ] {
        let before = |failure: &str| pair.client.stat(&format!("{CLIENT}.{failure}"));
        let count = failure.map(before);
        world.apply(mesh(
            &strict,
            &format!("{{ validation: {{ trust: {trust}{names} }} }}"),
        ));
        assert_eq!(pair.status().await, status, "{trust}{names}");
        assert!(
            failure.map(before) > count || failure.is_none(),
            "{failure:?} counts"
        );
    }
    // A wildcard is for policies that are not enforced.
    for (name, status) in [("'*.local'", 200), ("'*.other'", 503)] {
        let lax = format!(
            "{{ enforce: false, validation: {{ trust: {trusted}{} }} }}",
            names(name)
        );
        world.apply(mesh(&strict, &lax));
        assert_eq!(pair.status().await, status, "{name}");
    }
}

/// An enforced policy never lets plain text out, one that is not enforced does where the listener has no TLS, and a
/// policy for other ports is none.
pub(crate) async fn enforcement(mut world: World) {
    let authority = Authority::new("ca");
    let trust = authority.as_file(&world, "ca");
    let pair = Pair::start(&mut world);
    let validation = format!("validation: {{ trust: {trust} }}");
    for (policy, status, diagnostics) in [
        (format!("{{ {validation} }}"), 503, vec!["tls-not-offered"]),
        (format!("{{ enforce: false, {validation} }}"), 200, vec![]),
        (
            format!("{{ ports: [8080], {validation} }}"),
            503,
            vec!["tls-not-offered"],
        ),
        (
            format!("{{ ports: [9090], {validation} }}"),
            200,
            vec!["tls-ports-unused"],
        ),
    ] {
        world.apply(mesh("", &policy));
        let before = pair.server.app(8080).requests();
        assert_eq!(pair.status().await, status, "{policy}");
        let reached = pair.server.app(8080).requests() > before;
        assert_eq!(reached, status == 200, "{policy}");
        let found = world.diagnostics();
        let of_tls: Vec<_> = found.iter().filter(|code| code.starts_with("tls-")).collect();
        assert_eq!(of_tls, diagnostics, "{policy}");
    }
}

/// A strict listener with a validation insists on a certificate of the caller, and looks at its name; a permissive one
/// takes callers without.
pub(crate) async fn mutual(mut world: World) {
    let (authority, strangers) = (Authority::new("ca"), Authority::new("strangers"));
    let certificate = authority.issue(&["server.local"]).as_files(&world, "server");
    let trust = authority.as_file(&world, "ca");
    let pair = Pair::start(&mut world);
    let listener = |mode: &str| {
        format!(
            "{{ mode: {mode}, certificate: {certificate}, validation: {{ trust: {trust},
                subjectAlternativeNames: {{ match: {{ exact: ['spiffe://m/client'] }} }} }} }}"
        )
    };
    let policy = |own: &str| format!("{{ {own} validation: {{ trust: {trust} }} }}");
    let showing = |issued: evermesh_e2e::pki::Issued, name: &str| {
        format!("certificate: {},", issued.as_files(&world, name))
    };
    let own = showing(authority.issue(&["spiffe://m/client"]), "client");
    let other = showing(authority.issue(&["spiffe://m/other"]), "other");
    let forged = showing(strangers.issue(&["spiffe://m/client"]), "forged");

    for (mode, own, status, failure) in [
        ("STRICT", &own, 200, None),
        ("STRICT", &String::new(), 503, Some("fail_verify_no_cert")),
        ("STRICT", &other, 503, Some("fail_verify_san")),
        ("STRICT", &forged, 503, Some("fail_verify_error")),
        ("PERMISSIVE", &String::new(), 200, None),
        ("PERMISSIVE", &own, 200, None),
        ("PERMISSIVE", &other, 200, None),
        ("PERMISSIVE", &forged, 503, Some("fail_verify_error")),
    ] {
        let count = |failure: &str| pair.server.stat(&format!("listener.0.0.0.0_15000.ssl.{failure}"));
        let before = failure.map(count);
        world.apply(mesh(&listener(mode), &policy(own)));
        assert_eq!(pair.status().await, status, "{mode} {own}");
        assert!(
            failure.is_none() || failure.map(count) > before,
            "{failure:?} counts"
        );
    }
}

/// Callers of a gateway are outside the mesh. It takes them as a node would.
pub(crate) async fn gateways(mut world: World) {
    let (authority, strangers) = (Authority::new("ca"), Authority::new("strangers"));
    let certificate = authority.issue(&["gw.local"]).as_files(&world, "gw");
    let trust = authority.as_file(&world, "ca");
    let gateway = world.task(TaskSpec::gateway("gw"));
    let server = world.task(TaskSpec::node("server").app(App::http(8080)));
    let user = world.task(TaskSpec::plain("user"));
    world.name("server.local", [&server]);
    world.name("gw.local", [&gateway]);
    let listener = |port: u16, mode: &str| {
        format!(
            "{{ portMapping: {{ port: {port}, protocol: http }}, tls: {{ mode: {mode}, certificate: {certificate},
                validation: {{ trust: {trust},
                    subjectAlternativeNames: {{ match: {{ exact: ['spiffe://m/user'] }} }} }} }} }}"
        )
    };
    let listeners = [
        listener(9000, "STRICT"),
        listener(9001, "PERMISSIVE"),
        listener(9002, "DISABLED"),
    ];
    world.apply(
        mesh("", "")
            .gateway("gw", &format!("{{ listeners: [{}] }}", listeners.join(", ")))
            .gateway_route(
                "gw",
                "all",
                "{ httpRoute: { match: { prefix: / }, action: { target: { virtualService: { virtualServiceName: svc.local } } } } }",
            ),
    );
    let showing = |own| Some(Tls::with_certificate("gw.local", &authority, &own));
    for (caller, tls, taken) in [
        ("plain text", None, [false, true, true]),
        (
            "nobody",
            Some(Tls::to("gw.local", &authority)),
            [false, true, false],
        ),
        (
            "user",
            showing(authority.issue(&["spiffe://m/user"])),
            [true, true, false],
        ),
        (
            "other",
            showing(authority.issue(&["spiffe://m/other"])),
            [false, true, false],
        ),
        (
            "forged",
            showing(strangers.issue(&["spiffe://m/user"])),
            [false, false, false],
        ),
    ] {
        for (port, taken) in [9000, 9001, 9002].into_iter().zip(taken) {
            let call = Call::get(&format!("http://gw.local:{port}/"));
            let call = tls.iter().fold(call, Call::tls);
            let reply = user.call(&call).await;
            assert_eq!(
                reply.is_ok_and(|reply| reply.status == 200),
                taken,
                "{caller} at {port}"
            );
        }
    }
}

/// One listener under two policies: each of the services is called as its own says.
pub(crate) async fn two_policies_for_one_listener(mut world: World) {
    let (good, bad) = (Authority::new("good"), Authority::new("bad"));
    let certificate = good.issue(&["server.local"]).as_files(&world, "server");
    let (good, bad) = (good.as_file(&world, "good"), bad.as_file(&world, "bad"));
    let pair = Pair::start(&mut world);
    world.name("other.local", [&pair.server]);
    let backend = |name: &str, trust: &str| {
        format!(
            "{{ virtualService: {{ virtualServiceName: {name},
                clientPolicy: {{ tls: {{ validation: {{ trust: {trust} }} }} }} }} }}"
        )
    };
    let backends = [backend("svc.local", &good), backend("other.local", &bad)].join(", ");
    let strict = format!("{{ mode: STRICT, certificate: {certificate} }}");
    let mesh = mesh(&strict, "").service_of_node("other.local", "server");
    world.apply(mesh.node("client", &format!("{{ backends: [{backends}] }}")));
    assert_eq!(pair.status().await, 200);
    assert_eq!(pair.client.status("http://other.local:8080/").await, 503);
}

/// Files that are replaced are taken up, while calls go on.
pub(crate) async fn files_are_renewed(mut world: World) {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let certificate = old.issue(&["server.local"]).as_files(&world, "server");
    let trust = old.as_file(&world, "ca");
    let pair = Pair::start(&mut world);
    let outside = world.task(TaskSpec::plain("outside"));
    let strict = format!("{{ mode: STRICT, certificate: {certificate} }}");
    world.apply(mesh(&strict, &format!("{{ validation: {{ trust: {trust} }} }}")));
    let load = Load::start(&pair.client, &Call::get(SERVICE), 4);

    trust_file(&world, "ca", &format!("{}{}", old.pem(), new.pem()));
    let renewed = new.issue(&["server.local"]);
    renewed.as_files(&world, "server");
    let tls = Tls::to("server.local", &new);
    eventually("the new certificate is shown", async || {
        let shown = outside.certificate("server.local:8080", &tls).await;
        shown.is_ok_and(|shown| shown == renewed.der())
    })
    .await;
    load.stop().await.assert_undisturbed();
}

/// Certificates and trust from the local secret discovery socket, and a renewal there.
pub(crate) async fn secret_discovery_socket(mut world: World) {
    let authority = Authority::new("ca");
    let sds = SecretService::start(&world);
    let server = sds.certificate(
        "spiffe://m/server",
        &authority.issue(&["spiffe://m/server", "server.local"]),
    );
    let client = sds.certificate("spiffe://m/client", &authority.issue(&["spiffe://m/client"]));
    let trust = sds.trust("spiffe://m", &authority);
    let task = |spec: TaskSpec| spec.env("APPMESH_SDS_SOCKET_PATH", sds.path());
    let server_task = world.task(task(TaskSpec::node("server").app(App::http(8080))));
    let client_task = world.task(task(TaskSpec::node("client")));
    world.name("server.local", [&server_task]);
    world.name("svc.local", [&server_task]);
    let names = |name: &str| format!("subjectAlternativeNames: {{ match: {{ exact: ['{name}'] }} }}");
    let strict = format!(
        "{{ mode: STRICT, certificate: {server}, validation: {{ trust: {trust}, {} }} }}",
        names("spiffe://m/client")
    );
    let policy = format!(
        "{{ certificate: {client}, validation: {{ trust: {trust}, {} }} }}",
        names("spiffe://m/server")
    );
    world.apply(mesh(&strict, &policy));
    assert_eq!(client_task.get(SERVICE).await, "server");
    assert_eq!(server_task.stat("listener.0.0.0.0_15000.ssl.no_certificate"), 0);

    let outside = world.task(TaskSpec::plain("outside"));
    let load = Load::start(&client_task, &Call::get(SERVICE), 2);
    let renewed = authority.issue(&["spiffe://m/server", "server.local"]);
    sds.certificate("spiffe://m/server", &renewed);
    let own = authority.issue(&["spiffe://m/client"]);
    let tls = Tls::with_certificate("server.local", &authority, &own);
    eventually("the new certificate is shown", async || {
        let shown = outside.certificate("server.local:8080", &tls).await;
        shown.is_ok_and(|shown| shown == renewed.der())
    })
    .await;
    load.stop().await.assert_undisturbed();
}
