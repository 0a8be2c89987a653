//! howto-grpc-ingress-gateway: a gRPC service behind a gateway that routes by the service's name.

use evermesh_e2e::{App, Call, Manifests, TaskSpec, World};

const MESH: &str = "howto-grpc-ingress-gateway-mesh";
const GATEWAY: &str = "http://gateway.howto-grpc.local:8080";
const UNIMPLEMENTED: u32 = 12;

fn mesh() -> Manifests {
    Manifests::mesh(MESH, "{}")
        .node(
            "color_server",
            "{ listeners: [{ portMapping: { port: 8080, protocol: grpc },
                 healthCheck: { healthyThreshold: 2, intervalMillis: 5000, timeoutMillis: 2000,
                   unhealthyThreshold: 3, port: 8080, protocol: grpc } }],
               serviceDiscovery: { dns: { hostname: color_server.howto-grpc.local } } }",
        )
        .service_of_node("color_server.howto-grpc.local", "color_server")
        .gateway(
            "color_gateway",
            "{ listeners: [{ portMapping: { port: 8080, protocol: grpc } }] }",
        )
        .gateway_route(
            "color_gateway",
            "gateway_route",
            "{ grpcRoute: { match: { serviceName: color.ColorService },
               action: { target: { virtualService: { virtualServiceName: color_server.howto-grpc.local } } } } }",
        )
}

pub(crate) async fn replay(mut world: World) {
    let server = TaskSpec::plain("server").sidecar(&format!("mesh/{MESH}/virtualNode/color_server"));
    let server = world.task(server.app(App::http(8080)));
    let gateway =
        TaskSpec::plain("gateway").gateway_sidecar(&format!("mesh/{MESH}/virtualGateway/color_gateway"));
    let gateway = world.task(gateway);
    let user = world.task(TaskSpec::plain("user"));
    world.name("color_server.howto-grpc.local", [&server]);
    world.name("gateway.howto-grpc.local", [&gateway]);
    world.apply(mesh());

    for method in ["SetColor", "GetColor"] {
        let call = Call::grpc(&format!("{GATEWAY}/color.ColorService/{method}"), b"RED");
        let reply = user.call(&call).await.expect("an answer");
        assert_eq!(reply.grpc_status(), Some(0), "{reply:?}");
        assert_eq!(reply.header("server"), Some("envoy"));
        let seen = reply.seen();
        assert_eq!(
            (seen.app.as_str(), seen.host.as_str()),
            ("server", "color_server.howto-grpc.local")
        );
        assert_eq!(seen.path, format!("/color.ColorService/{method}"));
    }
    let other = Call::grpc(&format!("{GATEWAY}/color.OtherService/GetColor"), b"");
    let reply = user.call(&other).await.expect("an answer");
    assert_eq!(reply.grpc_status(), Some(UNIMPLEMENTED));
}
