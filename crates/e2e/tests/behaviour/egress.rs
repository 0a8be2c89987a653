//! What an application may call that is no backend of its node.

use evermesh_e2e::{App, Call, CallError, Manifests, MeshTask, TaskSpec, World};

/// A client with one backend on ports 8080 and 443, both HTTP.
fn mesh(filter: &str) -> Manifests {
    let spec = format!("{{ egressFilter: {{ type: {filter} }} }}");
    Manifests::mesh("m", &spec)
        .node(
            "client",
            "{ backends: [{ virtualService: { virtualServiceName: svc.local } }] }",
        )
        .service("svc.local", "virtualNode: { virtualNodeName: svc }")
        .node(
            "svc",
            "{ listeners: [{ portMapping: { port: 8080, protocol: http } }, { portMapping: { port: 443, protocol: http } }],
               serviceDiscovery: { dns: { hostname: svc.local } } }",
        )
}

/// The backend, and a host outside the mesh with something on the same ports and on others.
fn world_outside(world: &mut World) -> (MeshTask, MeshTask, MeshTask) {
    let svc = TaskSpec::node("svc").app(App::http(8080)).app(App::http(443));
    let outside = TaskSpec::plain("outside").app(App::http(8080)).app(App::tcp(443));
    let svc = world.task(svc);
    let outside = world.task(outside.app(App::tcp(3306)));
    let client = world.task(TaskSpec::node("client"));
    world.name("svc.local", [&svc]);
    for name in ["outside.example", "s3.us-west-2.amazonaws.com"] {
        world.name(name, [&outside]);
    }
    (svc, outside, client)
}

async fn status(client: &MeshTask, url: &str, host: &str) -> Result<u16, CallError> {
    let reply = client.call(&Call::get(url).header("host", host)).await;
    reply.map(|reply| reply.status.as_u16())
}

pub(crate) async fn nothing_but_backends_is_called_by_default(mut world: World) {
    let (_svc, outside, client) = world_outside(&mut world);
    world.apply(mesh("DROP_ALL"));
    assert_eq!(client.get("http://svc.local:8080/").await, "svc");
    assert_eq!(client.status("http://outside.example:8080/").await, 404);
    assert_eq!(client.says("outside.example:3306").await, "");
    // TLS comes to where a backend takes HTTP, and no further.
    let answer = client.says_to_tls("outside.example:443", "outside.example").await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    let reached = [8080, 3306, 443].map(|port| outside.app(port).connections());
    assert_eq!(reached, [0; 3]);

    // AWS APIs are always reached: by the name that TLS asks for, beside HTTP on that port.
    let aws = "s3.us-west-2.amazonaws.com";
    assert_eq!(client.says_to_tls(&format!("{aws}:443"), aws).await, "outside\n");
    assert!(client.stat("cluster.cds_egress_m_amazonaws.upstream_cx_total") > 0);
    assert_eq!(client.get("http://svc.local:443/").await, "svc");
}

pub(crate) async fn everything_is_called_where_that_is_allowed(mut world: World) {
    let (_svc, _outside, client) = world_outside(&mut world);
    world.apply(mesh("ALLOW_ALL"));
    assert_eq!(client.get("http://svc.local:8080/").await, "svc");
    assert_eq!(client.get("http://outside.example:8080/").await, "outside");
    // A server that speaks first is not kept waiting.
    assert_eq!(client.says("outside.example:3306").await, "outside\n");
    // HTTPS passes although a backend takes HTTP on its port; not to that backend, past the mesh.
    assert_eq!(
        client.says_to_tls("outside.example:443", "outside.example").await,
        "outside\n"
    );
    assert_eq!(client.says_to_tls("outside.example:443", "svc.local").await, "");
    assert_eq!(client.get("http://svc.local:443/").await, "svc");
    assert!(client.stat("cluster.cds_egress_m_mesh-allow-all.upstream_cx_total") > 0);
}

/// The second service is called like the first one with its port, and so is not reached on its own.
pub(crate) async fn a_service_that_lost_its_host_is_no_outside(mut world: World) {
    let (svc, outside, client) = world_outside(&mut world);
    let other = world.task(TaskSpec::plain("other").app(App::http(9090)));
    world.name("other.local", [&other]);
    world.apply(
        mesh("ALLOW_ALL")
            .node(
                "client",
                "{ backends: [{ virtualService: { virtualServiceName: svc.local } },
                              { virtualService: { virtualServiceName: 'svc.local:8080' } }] }",
            )
            .service("svc.local:8080", "virtualNode: { virtualNodeName: other }")
            .node(
                "other",
                "{ listeners: [{ portMapping: { port: 9090, protocol: http } }],
                   serviceDiscovery: { dns: { hostname: other.local } } }",
            ),
    );
    assert!(world.diagnostics().contains(&"host-conflict".to_owned()));
    let url = "http://other.local:9090/";
    assert_eq!(status(&client, url, "svc.local:8080").await, Ok(503));
    assert_eq!(other.app(9090).requests(), 0);
    assert_eq!(
        status(&client, url, "elsewhere.example").await,
        Ok(200),
        "any other host is outside"
    );
    assert_eq!(client.get("http://svc.local:8080/").await, "svc");
    drop((svc, outside));
}
