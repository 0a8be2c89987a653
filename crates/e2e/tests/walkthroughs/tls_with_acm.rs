//! tls-with-acm: a certificate of ACM at a node, and trust in the private CA that issued it at a gateway.

use evermesh_e2e::pki::Authority;
use evermesh_e2e::{App, Manifests, TaskSpec, World};

const MESH: &str = "ColorApp-ACM";
const COLOR: &str = "colorteller.default.svc.cluster.local";
const CERTIFICATE: &str = "arn:aws:acm:us-west-2:123456789012:certificate/12345678-90ab-cdef";
const ROOT: &str = "arn:aws:acm-pca:us-west-2:123456789012:certificate-authority/fedc-ba09";

pub(crate) async fn replay(mut world: World) {
    let root = Authority::new("default.svc.cluster.local");
    let certificate = root
        .issue(&["*.default.svc.cluster.local"])
        .as_acm(&world, CERTIFICATE);
    let trust = root.as_private_ca(&world, ROOT);
    let node = format!("mesh/{MESH}/virtualNode/ColorTellerWhite");
    let white = world.task(TaskSpec::plain("white").sidecar(&node).app(App::http(80)));
    let gateway = format!("mesh/{MESH}/virtualGateway/ColorGateway");
    let gateway = world.task(TaskSpec::plain("gateway").gateway_sidecar(&gateway));
    let user = world.task(TaskSpec::plain("user"));
    world.name(COLOR, [&white]);
    world.name("gateway.local", [&gateway]);
    world.apply(
        Manifests::mesh(MESH, "{}")
            .gateway(
                "ColorGateway",
                &format!(
                    "{{ backendDefaults: {{ clientPolicy: {{ tls: {{ validation: {{ trust: {trust} }} }} }} }},
                        listeners: [{{ portMapping: {{ port: 9080, protocol: http }} }}] }}"
                ),
            )
            .gateway_route(
                "ColorGateway",
                "ColorGatewayRoute",
                &format!(
                    "{{ httpRoute: {{ match: {{ prefix: / }},
                        action: {{ target: {{ virtualService: {{ virtualServiceName: {COLOR} }} }} }} }} }}"
                ),
            )
            .node(
                "ColorTellerWhite",
                &format!(
                    "{{ listeners: [{{ portMapping: {{ port: 80, protocol: http }},
                            healthCheck: {{ protocol: http, path: /ping, healthyThreshold: 2, unhealthyThreshold: 3,
                                timeoutMillis: 2000, intervalMillis: 5000 }},
                            tls: {{ mode: STRICT, certificate: {certificate} }} }}],
                        serviceDiscovery: {{ dns: {{ hostname: {COLOR} }} }} }}"
                ),
            )
            .service_of_node(COLOR, "ColorTellerWhite"),
    );

    assert_eq!(user.get("http://gateway.local:9080/color").await, "white");
    assert!(white.stat("listener.0.0.0.0_15000.ssl.handshake") > 0);
    assert!(faults(&world).is_empty());
}

/// Certificates that cannot be used, as diagnostics tell.
fn faults(world: &World) -> Vec<String> {
    let mut found = world.diagnostics();
    found.retain(|code| code == "certificate-unavailable");
    found
}
