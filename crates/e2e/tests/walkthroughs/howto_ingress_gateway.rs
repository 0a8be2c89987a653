//! howto-ingress-gateway: TLS into a gateway, then from the gateway to one node of four, then to all.

use evermesh_e2e::pki::Authority;
use evermesh_e2e::{App, Call, Manifests, TaskSpec, Tls, World};

const MESH: &str = "ColorApp-Ingress";
const DOMAIN: &str = "default.svc.cluster.local";
const CERTIFICATE: &str = "arn:aws:acm:us-west-2:123456789012:certificate/12345678-90ab-cdef";
const ROOT: &str = "arn:aws:acm-pca:us-west-2:123456789012:certificate-authority/fedc-ba09";
const COLORS: [&str; 4] = ["white", "blue", "black", "red"];

/// With TLS at the listeners of some nodes, and the gateway's client policy if it has one.
fn mesh(certificate: &str, with_tls: &[&str], policy: &str) -> Manifests {
    let mut mesh = Manifests::mesh(MESH, "{}");
    for color in COLORS {
        let tls = if with_tls.contains(&color) {
            format!(", tls: {{ mode: STRICT, certificate: {certificate} }}")
        } else {
            String::new()
        };
        let spec = format!(
            "{{ listeners: [{{ portMapping: {{ port: 9080, protocol: http }},
                    healthCheck: {{ healthyThreshold: 2, intervalMillis: 5000, path: /ping, protocol: http,
                        timeoutMillis: 2000, unhealthyThreshold: 2 }}{tls} }}],
                serviceDiscovery: {{ dns: {{ hostname: colorteller-{color}.{DOMAIN} }} }} }}"
        );
        mesh = mesh.node(&format!("colorteller-{color}-vn"), &spec);
    }
    let defaults = if policy.is_empty() {
        String::new()
    } else {
        format!(", backendDefaults: {{ clientPolicy: {{ tls: {policy} }} }}")
    };
    mesh = mesh.gateway(
        "colorgateway-vg",
        &format!(
            "{{ listeners: [{{ portMapping: {{ port: 9080, protocol: http }},
                tls: {{ mode: STRICT, certificate: {certificate} }} }}]{defaults} }}"
        ),
    );
    for (number, [one, other]) in [(1, ["white", "blue"]), (2, ["black", "red"])] {
        let (router, service) = (
            format!("colorteller-vr-{number}"),
            format!("colorteller-{number}.{DOMAIN}"),
        );
        mesh = mesh
            .router(
                &router,
                "{ listeners: [{ portMapping: { port: 9080, protocol: http } }] }",
            )
            .route(
                &router,
                "colorteller-route",
                &format!(
                    "{{ httpRoute: {{ match: {{ prefix: /tell }}, action: {{ weightedTargets: [
                        {{ virtualNode: colorteller-{one}-vn, weight: 1 }},
                        {{ virtualNode: colorteller-{other}-vn, weight: 1 }}] }} }} }}"
                ),
            )
            .service_of_router(&service, &router)
            .gateway_route(
                "colorgateway-vg",
                &format!("colorgateway-route-{number}"),
                &format!(
                    "{{ httpRoute: {{ match: {{ prefix: /color{number} }},
                        action: {{ target: {{ virtualService: {{ virtualServiceName: {service} }} }} }} }} }}"
                ),
            );
    }
    mesh
}

pub(crate) async fn replay(mut world: World) {
    let root = Authority::new(DOMAIN);
    let certificate = root.issue(&[&format!("*.{DOMAIN}")]).as_acm(&world, CERTIFICATE);
    let trust = root.as_private_ca(&world, ROOT);
    let mut tasks = Vec::new();
    for color in COLORS {
        let node = format!("mesh/{MESH}/virtualNode/colorteller-{color}-vn");
        let task = world.task(TaskSpec::plain(color).sidecar(&node).app(App::http(9080)));
        world.name(&format!("colorteller-{color}.{DOMAIN}"), [&task]);
        tasks.push(task);
    }
    let gateway = format!("mesh/{MESH}/virtualGateway/colorgateway-vg");
    let gateway = world.task(TaskSpec::plain("gateway").gateway_sidecar(&gateway));
    let name = format!("colorgateway.{DOMAIN}");
    world.name(&name, [&gateway]);
    let user = world.task(TaskSpec::plain("user"));
    let call =
        |number: u8| Call::get(&format!("http://{name}:9080/color{number}/tell")).tls(&Tls::to(&name, &root));
    let handshakes = |task: &evermesh_e2e::MeshTask| task.stat("listener.0.0.0.0_15000.ssl.handshake");

    world.apply(mesh(&certificate, &[], ""));
    for (number, colors) in [(1, ["white", "blue"]), (2, ["black", "red"])] {
        let tally = user.calls(&call(number), 30).await;
        tally.assert_no_failure();
        assert!(colors.iter().all(|color| tally.of(color) > 0), "{tally:?}");
    }
    assert!(gateway.stat("listener.0.0.0.0_9080.ssl.handshake") > 0);
    assert_eq!(
        tasks.iter().map(handshakes).sum::<u64>(),
        0,
        "plain text within the mesh"
    );

    // The gateway speaks nothing but TLS now, which one node understands.
    let policy = format!("{{ validation: {{ trust: {trust} }} }}");
    world.apply(mesh(&certificate, &["white"], &policy));
    let tally = user.calls(&call(1), 30).await;
    assert!(tally.of("white") > 0 && tally.of("blue") == 0, "{tally:?}");
    let tally = user.calls(&call(2), 5).await;
    assert!(
        tally.succeeded() == 0 && tally.failures.contains_key("503"),
        "{tally:?}"
    );
    assert!(handshakes(&tasks[0]) > 0);

    world.apply(mesh(&certificate, &COLORS, &policy));
    for (number, colors) in [(1, ["white", "blue"]), (2, ["black", "red"])] {
        let tally = user.calls(&call(number), 30).await;
        tally.assert_no_failure();
        assert!(colors.iter().all(|color| tally.of(color) > 0), "{tally:?}");
    }
    assert!(tasks.iter().all(|task| handshakes(task) > 0));
}
