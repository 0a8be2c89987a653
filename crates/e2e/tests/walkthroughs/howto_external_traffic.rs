//! howto-external-traffic: two services outside the mesh, both on the port of HTTPS. The second one is called on the port
//! of a router, 444, which leads to its node's 443. The gateway
//! listens on a port that needs no privilege.

use evermesh_e2e::{App, Manifests, TaskSpec, World};

const MESH: &str = "howto-external-traffic";

fn mesh(backends: &[&str]) -> Manifests {
    let external = |host: &str| {
        format!(
            "{{ listeners: [{{ portMapping: {{ port: 443, protocol: tcp }} }}], logging: {{}},
               serviceDiscovery: {{ dns: {{ hostname: {host}, ipPreference: IPv4_ONLY }} }} }}"
        )
    };
    let backends = backends
        .iter()
        .map(|name| format!("{{ virtualService: {{ virtualServiceName: {name} }} }}"));
    let teller = format!(
        "{{ listeners: [{{ portMapping: {{ port: 80, protocol: http }},
               healthCheck: {{ protocol: http, path: /ping, healthyThreshold: 2, unhealthyThreshold: 3,
                               timeoutMillis: 2000, intervalMillis: 5000 }} }}],
           backends: [{}], serviceDiscovery: {{ dns: {{ hostname: colorteller.default.svc.cluster.local }} }} }}",
        backends.collect::<Vec<_>>().join(", ")
    );
    Manifests::mesh(MESH, "{ egressFilter: { type: DROP_ALL } }")
        .gateway(
            "ColorGateway",
            "{ backendDefaults: { clientPolicy: {} }, listeners: [{ portMapping: { port: 8080, protocol: http } }] }",
        )
        .gateway_route(
            "ColorGateway",
            "ColorGatewayRoute",
            "{ httpRoute: { match: { prefix: / }, action: { target: { virtualService: {
                 virtualServiceName: colorteller.default.svc.cluster.local } } } } }",
        )
        .node("ExternalService", &external("github.com"))
        .node("ExternalService2", &external("go.dev"))
        .router("external", "{ listeners: [{ portMapping: { port: 444, protocol: tcp } }] }")
        .route(
            "external",
            "go",
            "{ tcpRoute: { action: { weightedTargets: [{ virtualNode: ExternalService2, port: 443, weight: 1 }] } } }",
        )
        .service("github.com", "virtualNode: { virtualNodeName: ExternalService }")
        .service_of_router("go.dev", "external")
        .node("ColorTellerWhite", &teller)
        .service(
            "colorteller.default.svc.cluster.local",
            "virtualNode: { virtualNodeName: ColorTellerWhite }",
        )
}

pub(crate) async fn replay(mut world: World) {
    let gateway =
        TaskSpec::plain("gateway").gateway_sidecar(&format!("mesh/{MESH}/virtualGateway/ColorGateway"));
    let teller = TaskSpec::plain("teller").sidecar(&format!("mesh/{MESH}/virtualNode/ColorTellerWhite"));
    let gateway = world.task(gateway);
    let teller = world.task(teller.app(App::http(80)));
    let user = world.task(TaskSpec::plain("user"));
    let outside = |host: &str| {
        let name = host.replace('.', "-");
        TaskSpec::plain(&name).app(App::tcp_banner(443, &format!("{host}\n")))
    };
    let outside = ["github.com", "go.dev", "example.com"].map(|host| (host, world.task(outside(host))));
    for (host, task) in &outside {
        world.name(host, [task]);
    }
    world.name("colorteller.default.svc.cluster.local", [&teller]);
    world.apply(mesh(&["github.com", "go.dev"]));

    let url = format!("http://{}:8080/", gateway.ipv4());
    assert_eq!(user.get(&url).await, "teller");
    // The application begins TLS itself, and the proxy passes it on.
    assert_eq!(
        teller.says_to_tls("github.com:443", "github.com").await,
        "github.com\n"
    );
    assert_eq!(teller.says_to_tls("go.dev:444", "go.dev").await, "go.dev\n");
    for external in ["ExternalService", "ExternalService2"] {
        let cluster = format!("cluster.cds_egress_{MESH}_{external}_tcp_443.upstream_cx_total");
        assert_eq!(teller.stat(&cluster), 1, "{external}");
    }
    assert_eq!(
        teller.says_to_tls("go.dev:445", "go.dev").await,
        "",
        "no backend has that port"
    );

    // Without the backends there is no way out.
    world.apply(mesh(&[]));
    for place in ["github.com:443", "go.dev:444", "go.dev:443", "example.com:443"] {
        let (host, _) = place.split_once(':').expect("a host and a port");
        assert_eq!(teller.says_to_tls(place, host).await, "", "{place}");
    }
}
