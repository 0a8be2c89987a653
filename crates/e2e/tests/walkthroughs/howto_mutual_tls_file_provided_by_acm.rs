//! howto-mutual-tls-file-provided-by-acm: from plain text to a certificate of ACM at the node, and then to one of the
//! gateway too, which was exported from ACM into files.

use evermesh_e2e::pki::Authority;
use evermesh_e2e::{App, Manifests, TaskSpec, World};

use crate::howto_mutual_tls_file_provided::color_app;

const MESH: &str = "ColorApp-MutualTLS-ACM";
const COLOR_NAME: &str = "colorteller.mtls-ec2.svc.cluster.local";
const GATEWAY_NAME: &str = "colorgateway.mtls-ec2.svc.cluster.local";
const GATEWAY: &str = "http://colorgateway.mtls-ec2.svc.cluster.local:9080/color";
const CERTIFICATE: &str = "arn:aws:acm:us-west-2:123456789012:certificate/0f0f0f0f-colorteller";
const ROOT: &str = "arn:aws:acm-pca:us-west-2:123456789012:certificate-authority/1e1e1e1e-colorteller";

fn mesh(tls: &str, policy: &str) -> Manifests {
    color_app(MESH, COLOR_NAME, tls, policy)
}

pub(crate) async fn replay(mut world: World) {
    let of_teller = Authority::new("colorteller root");
    let of_gateway = Authority::new("colorgateway root");
    let certificate = of_teller.issue(&[COLOR_NAME]).as_acm(&world, CERTIFICATE);
    let trust = of_teller.as_private_ca(&world, ROOT);
    let own = of_gateway
        .issue(&[GATEWAY_NAME])
        .as_files(&world, "colorgateway_endpoint");
    let trust_in_gateway = of_gateway.as_file(&world, "colorgateway_root");

    let node = format!("mesh/{MESH}/virtualNode/colorteller-vn");
    let teller = world.task(TaskSpec::plain("yellow").sidecar(&node).app(App::http(9080)));
    let gateway = format!("mesh/{MESH}/virtualGateway/gateway-vgw");
    let gateway = world.task(TaskSpec::plain("gateway").gateway_sidecar(&gateway));
    let user = world.task(TaskSpec::plain("user"));
    world.name(COLOR_NAME, [&teller]);
    world.name(GATEWAY_NAME, [&gateway]);
    let ssl = |what: &str| teller.stat(&format!("listener.0.0.0.0_15000.ssl.{what}"));

    world.apply(mesh("", ""));
    assert_eq!(user.get(GATEWAY).await, "yellow");
    assert_eq!(ssl("handshake"), 0);

    let one_way = format!("{{ mode: STRICT, certificate: {certificate} }}");
    world.apply(mesh(
        &one_way,
        &format!("{{ enforce: true, validation: {{ trust: {trust} }} }}"),
    ));
    assert_eq!(user.get(GATEWAY).await, "yellow");
    assert!(ssl("handshake") > 0 && ssl("no_certificate") > 0);

    let both_ways = format!(
        "{{ mode: STRICT, certificate: {certificate}, validation: {{ trust: {trust_in_gateway} }} }}"
    );
    let policy = format!("{{ enforce: true, certificate: {own}, validation: {{ trust: {trust} }} }}");
    world.apply(mesh(&both_ways, &policy));
    let before = (ssl("handshake"), ssl("no_certificate"));
    assert_eq!(user.get(GATEWAY).await, "yellow");
    assert!(ssl("handshake") > before.0);
    assert_eq!(ssl("no_certificate"), before.1);
}
