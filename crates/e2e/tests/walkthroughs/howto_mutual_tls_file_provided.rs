//! howto-mutual-tls-file-provided: from plain text to certificates on both sides, with the mistakes on the way.

use std::time::Duration;

use evermesh_e2e::pki::Authority;
use evermesh_e2e::{Answer, App, Call, CallError, Manifests, MeshTask, TaskSpec, World};

const MESH: &str = "ColorApp-MutualTLS";
const COLOR_NAME: &str = "colorteller.appmesh-mtls.local";
const GATEWAY_NAME: &str = "gateway.appmesh-mtls.local";

fn mesh(tls: &str, policy: &str) -> Manifests {
    color_app(MESH, COLOR_NAME, tls, policy)
}

/// A gateway in front of a color teller, with `tls` of the teller's listener and `policy` of the gateway, if not empty.
pub(crate) fn color_app(mesh: &str, color_name: &str, tls: &str, policy: &str) -> Manifests {
    let tls = if tls.is_empty() {
        String::new()
    } else {
        format!(", tls: {tls}")
    };
    let defaults = if policy.is_empty() {
        String::new()
    } else {
        format!(", backendDefaults: {{ clientPolicy: {{ tls: {policy} }} }}")
    };
    Manifests::mesh(mesh, "{}")
        .node(
            "colorteller-vn",
            &format!(
                "{{ listeners: [{{ portMapping: {{ port: 9080, protocol: http }}{tls} }}],
                    serviceDiscovery: {{ dns: {{ hostname: {color_name} }} }} }}"
            ),
        )
        .service_of_node(color_name, "colorteller-vn")
        .gateway(
            "gateway-vgw",
            &format!("{{ listeners: [{{ portMapping: {{ port: 9080, protocol: http }} }}]{defaults} }}"),
        )
        .gateway_route(
            "gateway-vgw",
            "colorteller-gwroute",
            &format!(
                "{{ httpRoute: {{ match: {{ prefix: / }},
                    action: {{ target: {{ virtualService: {{ virtualServiceName: {color_name} }} }} }} }} }}"
            ),
        )
}

/// What a user gets: `yellow`, or Envoy's words for a connection that failed.
async fn ask(user: &MeshTask) -> String {
    let reply = user
        .call(&Call::get(&format!("http://{GATEWAY_NAME}:9080/")))
        .await
        .expect("an answer");
    if reply.status == 200 {
        return reply.seen().app;
    }
    assert_eq!(reply.status, 503);
    String::from_utf8_lossy(&reply.body).into_owned()
}

pub(crate) async fn replay(mut world: World) {
    let authority = Authority::new("ca");
    let trust = authority.as_file(&world, "ca_cert");
    let certificate = authority.issue(&[COLOR_NAME]).as_files(&world, "colorteller");
    let own = authority.issue(&[GATEWAY_NAME]).as_files(&world, "gateway");
    let node = format!("mesh/{MESH}/virtualNode/colorteller-vn");
    let color = world.task(TaskSpec::plain("yellow").sidecar(&node).app(App::http(9080)));
    let gateway = format!("mesh/{MESH}/virtualGateway/gateway-vgw");
    let gateway = world.task(TaskSpec::plain("gateway").gateway_sidecar(&gateway));
    let user = world.task(TaskSpec::plain("user"));
    world.name(COLOR_NAME, [&color]);
    world.name(GATEWAY_NAME, [&gateway]);
    let ssl = |what: &str| color.stat(&format!("listener.0.0.0.0_15000.ssl.{what}"));
    let name = |name: &str| format!("subjectAlternativeNames: {{ match: {{ exact: [{name}] }} }}");
    let policy =
        |san: &str, own: &str| format!("{{ {own} validation: {{ trust: {trust}, {} }} }}", name(san));
    let failed = "connection failure";

    world.apply(mesh("", ""));
    assert_eq!(ask(&user).await, "yellow");

    let strict = format!("{{ mode: STRICT, certificate: {certificate} }}");
    world.apply(mesh(&strict, ""));
    assert_eq!(ask(&user).await, "yellow");
    assert!(ssl("handshake") > 0 && ssl("no_certificate") > 0);

    world.apply(mesh(&strict, &policy("bogus.appmesh-mtls.local", "")));
    let answer = ask(&user).await;
    assert!(answer.contains(failed), "{answer}");
    let refused = format!("cluster.cds_egress_{MESH}_colorteller-vn_http_9080.ssl.fail_verify_san");
    assert!(gateway.stat(&refused) > 0);

    world.apply(mesh(&strict, &policy(COLOR_NAME, "")));
    assert_eq!(ask(&user).await, "yellow");

    let validating = format!(
        "{{ mode: STRICT, certificate: {certificate}, validation: {{ trust: {trust}, {} }} }}",
        name(GATEWAY_NAME)
    );
    world.apply(mesh(&validating, &policy(COLOR_NAME, "")));
    // The gateway's connection is none of the new ones; a request that is given up ends it.
    color.app(9080).answer(|_| Answer::Never);
    let call = Call::get(&format!("http://{GATEWAY_NAME}:9080/")).within(Duration::from_millis(500));
    assert_eq!(user.call(&call).await.err(), Some(CallError::Late));
    color.app(9080).answer(|_| Answer::Echo);
    let answer = ask(&user).await;
    assert!(answer.contains(failed), "{answer}");
    assert!(ssl("fail_verify_no_cert") > 0);

    world.apply(mesh(
        &validating,
        &policy(COLOR_NAME, &format!("certificate: {own},")),
    ));
    let before = (ssl("no_certificate"), ssl("handshake"));
    assert_eq!(ask(&user).await, "yellow");
    assert_eq!(ssl("no_certificate"), before.0);
    assert!(ssl("handshake") > before.1);
}
