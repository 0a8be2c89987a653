//! What gRPC routes match calls by.

use evermesh_e2e::{Call, World};

use crate::one_server::{self, OneServer};

const OK: u32 = 0;
/// What Envoy says to a call that no route takes.
const UNIMPLEMENTED: u32 = 12;

fn call(path: &str) -> Call {
    Call::grpc(&format!("http://svc.local:8080{path}"), b"")
}

pub(crate) async fn service_method_and_metadata(mut world: World) {
    let OneServer {
        client,
        server: _server,
    } = OneServer::start(&mut world, &[9001]);
    let mut mesh = one_server::mesh("grpc", &[9001]);
    for (name, matches) in [
        ("service", "serviceName: color.Whole"),
        ("method", "serviceName: color.Part, methodName: Get"),
        (
            "exact",
            "serviceName: color.Meta, methodName: Exact, metadata: [{ name: Tenant, match: { exact: a } }]",
        ),
        (
            "not",
            "serviceName: color.Meta, methodName: Not, metadata: [{ name: tenant, invert: true, match: { prefix: a } }]",
        ),
        (
            "absent",
            "serviceName: color.Meta, methodName: Absent, metadata: [{ name: tenant, invert: true }]",
        ),
        (
            "range",
            "serviceName: color.Meta, methodName: Range, metadata: [{ name: shard, match: { range: { start: -1, end: 1 } } }]",
        ),
        (
            "any",
            "metadata: [{ name: any, match: { regex: 'x+' } }, { name: any, match: { suffix: xx } }]",
        ),
    ] {
        mesh = mesh.route("router", name, &one_server::route("grpcRoute", matches, 9001, ""));
    }
    world.apply(mesh);

    for (taken, call) in [
        (true, call("/color.Whole/Get")),
        (true, call("/color.Whole/Set")),
        (false, call("/color.Wholesale/Get")),
        (true, call("/color.Part/Get")),
        (false, call("/color.Part/GetAll")),
        (true, call("/color.Meta/Exact").header("tenant", "a")),
        (false, call("/color.Meta/Exact").header("tenant", "b")),
        (false, call("/color.Meta/Exact")),
        (true, call("/color.Meta/Not").header("tenant", "b")),
        (false, call("/color.Meta/Not").header("tenant", "ab")),
        (true, call("/color.Meta/Absent")),
        (false, call("/color.Meta/Absent").header("tenant", "a")),
        (true, call("/color.Meta/Range").header("shard", "0")),
        (false, call("/color.Meta/Range").header("shard", "1")),
        (true, call("/other.Service/Any").header("any", "xxx")),
        (false, call("/other.Service/Any").header("any", "x")),
    ] {
        let reply = client.call(&call).await.expect("an answer");
        let expected = if taken { OK } else { UNIMPLEMENTED };
        assert_eq!(reply.grpc_status(), Some(expected), "{call:?}");
    }
}
