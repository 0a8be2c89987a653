//! howto-ipv6: six services that are found by IPv4 alone or by both versions of IP, with applications of either or both,
//! under each preference of the mesh; and nodes that override it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use evermesh_e2e::{App, Call, Manifests, MeshTask, TaskSpec, World};

const MESH: &str = "app-mesh-ipv6";
const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// A color, whether its name has an IPv6 address as well, and where its application listens; `None` is both.
const COLORS: [(&str, bool, Option<IpAddr>); 6] = [
    ("red", false, Some(V4)),
    ("orange", false, None),
    ("yellow", false, Some(V6)),
    ("green", true, Some(V4)),
    ("blue", true, None),
    ("purple", true, Some(V6)),
];

fn mesh(preference: &str, of_node: impl Fn(&str) -> &'static str) -> Manifests {
    let start = Manifests::mesh(MESH, &format!("{{ serviceDiscovery: {{ {preference} }} }}")).gateway(
        "colorgateway-vg",
        "{ listeners: [{ portMapping: { port: 9080, protocol: http } }] }",
    );
    COLORS.into_iter().fold(start, |mesh, (color, ..)| {
        let service = format!("colorteller-{color}.default.svc.cluster.local");
        let node = format!("colorteller-{color}-vn");
        let own = of_node(color);
        let target = format!("{{ target: {{ virtualService: {{ virtualServiceName: {service} }} }} }}");
        let spec = format!(
            "{{ listeners: [{{ portMapping: {{ port: 9080, protocol: http }}, healthCheck: {{ healthyThreshold: 2,
                  intervalMillis: 5000, timeoutMillis: 2000, unhealthyThreshold: 2, path: /ping, protocol: http }} }}],
                serviceDiscovery: {{ dns: {{ hostname: {service}, {own} }} }} }}"
        );
        mesh.node(&node, &spec).service_of_node(&service, &node).gateway_route(
            "colorgateway-vg",
            &format!("colorgateway-route-{color}"),
            &format!("{{ httpRoute: {{ match: {{ prefix: /{color} }}, action: {target} }} }}"),
        )
    })
}

pub(crate) async fn replay(mut world: World) {
    let mut tasks = Vec::new();
    for (color, by_both, address) in COLORS {
        let app = address.into_iter().fold(App::http(9080), App::at);
        let resource = format!("mesh/{MESH}/virtualNode/colorteller-{color}-vn");
        let task = world.task(TaskSpec::plain(color).sidecar(&resource).app(app));
        let ipv6 = task.ipv6().filter(|_| by_both).map(IpAddr::V6);
        let addresses = [Some(IpAddr::V4(task.ipv4())), ipv6];
        world.name(
            &format!("colorteller-{color}.default.svc.cluster.local"),
            addresses.into_iter().flatten(),
        );
        tasks.push(task);
    }
    let gateway = format!("mesh/{MESH}/virtualGateway/colorgateway-vg");
    let gateway = world.task(TaskSpec::plain("gateway").gateway_sidecar(&gateway));
    let user = world.task(TaskSpec::plain("user"));

    for (preference, expected) in [
        ("", ["red", "orange"].as_slice()),
        ("ipPreference: IPv4_ONLY", &["red", "orange", "green", "blue"]),
        (
            "ipPreference: IPv4_PREFERRED",
            &["red", "orange", "green", "blue"],
        ),
        (
            "ipPreference: IPv6_PREFERRED",
            &["orange", "yellow", "blue", "purple"],
        ),
        ("ipPreference: IPv6_ONLY", &["blue", "purple"]),
    ] {
        world.apply(mesh(preference, |_| ""));
        assert_answered(&user, gateway.ipv4().into(), expected, preference).await;
        if !preference.is_empty() {
            let ipv6 = gateway.ipv6().expect("the kernel has IPv6");
            assert_answered(&user, ipv6.into(), expected, preference).await;
        }
    }
    let overridden = |color: &str| match color {
        "red" | "orange" => "ipPreference: IPv4_ONLY",
        "yellow" => "ipPreference: IPv6_PREFERRED",
        _ => "",
    };
    world.apply(mesh("ipPreference: IPv6_ONLY", overridden));
    let expected = ["red", "orange", "yellow", "blue", "purple"];
    assert_answered(&user, gateway.ipv4().into(), &expected, "overridden").await;
}

/// Those colors answer, and all others with 503.
async fn assert_answered(user: &MeshTask, gateway: IpAddr, expected: &[&str], preference: &str) {
    let place = std::net::SocketAddr::new(gateway, 9080).to_string();
    for (color, ..) in COLORS {
        let call = Call::get(&format!("http://gateway:9080/{color}")).via(&place);
        let reply = user
            .call(&call)
            .await
            .unwrap_or_else(|error| panic!("{color} {preference}: {error}"));
        if expected.contains(&color) {
            assert_eq!(reply.status, 200, "{color} {preference}: {}", reply.text());
            assert_eq!(reply.seen().app, color);
        } else {
            assert_eq!(reply.status, 503, "{color} {preference}: {}", reply.text());
        }
    }
}
