//! howto-tls-file-provided: a gateway takes any certificate, then those of one authority, then those of two.

use evermesh_e2e::pki::{Authority, trust_file};
use evermesh_e2e::{App, Call, Manifests, TaskSpec, World};

const MESH: &str = "ColorApp-TLS";
const DOMAIN: &str = "default.svc.cluster.local";
const COLOR: &str = "http://gateway.local:9080/color";

/// `certificate` is that of each color teller, `trust` that of the gateway's client policy, if not empty.
fn mesh(white: &str, green: &str, green_weight: u32, trust: &str) -> Manifests {
    let node = |certificate: &str, name: &str| {
        format!(
            "{{ listeners: [{{ portMapping: {{ port: 80, protocol: http }},
                    healthCheck: {{ protocol: http, path: /ping, healthyThreshold: 2, unhealthyThreshold: 3,
                        timeoutMillis: 2000, intervalMillis: 5000 }},
                    tls: {{ mode: STRICT, certificate: {certificate} }} }}],
                serviceDiscovery: {{ dns: {{ hostname: {name}.{DOMAIN} }} }} }}"
        )
    };
    let policy = if trust.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{ tls: {{ enforce: true, validation: {{ trust: {trust} }} }} }}")
    };
    let service = format!("colorteller.{DOMAIN}");
    Manifests::mesh(MESH, "{}")
        .node("ColorTellerWhite", &node(white, "colorteller"))
        .node("ColorTellerGreen", &node(green, "colorteller-green"))
        .router(
            "ColorTellerVirtualRouter",
            "{ listeners: [{ portMapping: { port: 80, protocol: http } }] }",
        )
        .route(
            "ColorTellerVirtualRouter",
            "ColorTellerRoute",
            &format!(
                "{{ httpRoute: {{ match: {{ prefix: / }}, action: {{ weightedTargets: [
                    {{ virtualNode: ColorTellerWhite, weight: 1 }},
                    {{ virtualNode: ColorTellerGreen, weight: {green_weight} }}] }} }} }}"
            ),
        )
        .service_of_router(&service, "ColorTellerVirtualRouter")
        .gateway(
            "ColorGateway",
            &format!(
                "{{ backendDefaults: {{ clientPolicy: {policy} }},
                    listeners: [{{ portMapping: {{ port: 9080, protocol: http }} }}] }}"
            ),
        )
        .gateway_route(
            "ColorGateway",
            "gateway-gr",
            &format!(
                "{{ httpRoute: {{ match: {{ prefix: / }},
                    action: {{ target: {{ virtualService: {{ virtualServiceName: {service} }} }} }} }} }}"
            ),
        )
}

pub(crate) async fn replay(mut world: World) {
    let (ca_1, ca_2) = (Authority::new("ca 1"), Authority::new("ca 2"));
    let white_name = format!("colorteller.{DOMAIN}");
    let green_name = format!("colorteller-green.{DOMAIN}");
    let white = ca_1.issue(&[&white_name]).as_files(&world, "colorteller_white");
    let green = ca_2.issue(&[&green_name]).as_files(&world, "colorteller_green");
    let task = |color: &str, node: &str| {
        TaskSpec::plain(color)
            .sidecar(&format!("mesh/{MESH}/virtualNode/{node}"))
            .app(App::http(80))
    };
    let white_task = world.task(task("white", "ColorTellerWhite"));
    let green_task = world.task(task("green", "ColorTellerGreen"));
    let gateway = format!("mesh/{MESH}/virtualGateway/ColorGateway");
    let gateway = world.task(TaskSpec::plain("gateway").gateway_sidecar(&gateway));
    let user = world.task(TaskSpec::plain("user"));
    world.name(&white_name, [&white_task]);
    world.name(&green_name, [&green_task]);
    world.name("gateway.local", [&gateway]);
    let call = Call::get(COLOR);

    world.apply(mesh(&white, &green, 0, ""));
    let tally = user.calls(&call, 10).await;
    tally.assert_no_failure();
    tally.assert_share("white", 100.0, 0.0);
    assert!(white_task.stat("listener.0.0.0.0_15000.ssl.handshake") > 0);

    // Any certificate will do.
    world.apply(mesh(&white, &green, 1, ""));
    let tally = user.calls(&call, 40).await;
    tally.assert_no_failure();
    assert!(tally.of("white") > 0 && tally.of("green") > 0, "{tally:?}");

    // The health checks of the green one fail for the same reason, so for a while after it is all white.
    world.apply(mesh(&white, &green, 1, &ca_1.as_file(&world, "ca_1_cert")));
    let tally = user.calls(&call, 40).await;
    assert!(tally.of("white") > 0 && tally.of("green") == 0, "{tally:?}");
    let refused = "cluster.cds_egress_ColorApp-TLS_ColorTellerGreen_http_80.ssl.fail_verify_error";
    assert!(gateway.stat(refused) > 0);

    let both = trust_file(
        &world,
        "ca_1_ca_2_bundle",
        &format!("{}{}", ca_1.pem(), ca_2.pem()),
    );
    world.apply(mesh(&white, &green, 1, &both));
    let tally = user.calls(&call, 40).await;
    tally.assert_no_failure();
    assert!(tally.of("white") > 0 && tally.of("green") > 0, "{tally:?}");
}
