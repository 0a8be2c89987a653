//! What gateway routes match requests by, and what they rewrite.

use evermesh_e2e::{App, Call, Manifests, MeshTask, Seen, TaskSpec, World, eventually};

const GATEWAY: &str = "gateway.local:8080";
/// How a gateway tells its own egress where a request goes.
const SERVICE_HEADER: &str = "x-app-mesh-virtual-service";
/// The port of `shop.local`, and the second one.
const SHOP: u16 = 9001;
const SHOP_ADMIN: u16 = 9002;
/// The port of `blog.local`.
const BLOG: u16 = 9003;

/// A gateway, somebody outside the mesh, and a server of two services. Which one got a request is told by the port.
struct Outside {
    user: MeshTask,
    // Their sidecars live as long as they do.
    _gateway: MeshTask,
    _server: MeshTask,
}

impl Outside {
    fn start(world: &mut World, protocol: &str, routes: &[(&str, &str, &str)]) -> Self {
        let apps = [SHOP, SHOP_ADMIN, BLOG].map(App::http);
        let server = apps.into_iter().fold(TaskSpec::plain("server"), TaskSpec::app);
        let gateway = world.task(TaskSpec::gateway("gw"));
        let server = world.task(server);
        let user = world.task(TaskSpec::plain("user"));
        for name in ["shop.local", "blog.local"] {
            world.name(name, [&server]);
        }
        world.name("gateway.local", [&gateway]);
        world.apply(mesh(protocol, routes));
        Self {
            user,
            _gateway: gateway,
            _server: server,
        }
    }

    async fn status(&self, call: &Call) -> u16 {
        let reply = self.user.call(call).await;
        reply
            .unwrap_or_else(|error| panic!("{call:?}: {error}"))
            .status
            .as_u16()
    }

    async fn seen(&self, call: &Call) -> Seen {
        let reply = self.user.call(call).await;
        reply.unwrap_or_else(|error| panic!("{call:?}: {error}")).seen()
    }
}

/// Routes by name, kind and what is in it.
fn mesh(protocol: &str, routes: &[(&str, &str, &str)]) -> Manifests {
    let node = |host: &str, ports: &[u16]| {
        let listener = |port: &u16| format!("{{ portMapping: {{ port: {port}, protocol: {protocol} }} }}");
        let listeners: Vec<String> = ports.iter().map(listener).collect();
        format!(
            "{{ listeners: [{}], serviceDiscovery: {{ dns: {{ hostname: {host} }} }} }}",
            listeners.join(", ")
        )
    };
    let mesh = Manifests::mesh("m", "{}")
        .node("shop", &node("shop.local", &[SHOP, SHOP_ADMIN]))
        .node("blog", &node("blog.local", &[BLOG]))
        .service_of_node("shop.local", "shop")
        .service_of_node("blog.local", "blog")
        .gateway(
            "gw",
            &format!("{{ listeners: [{{ portMapping: {{ port: 8080, protocol: {protocol} }} }}] }}"),
        );
    routes.iter().fold(mesh, |mesh, (name, kind, route)| {
        mesh.gateway_route("gw", name, &format!("{{ {kind}: {{ {route} }} }}"))
    })
}

fn to(service: &str, more: &str) -> String {
    format!("action: {{ target: {{ virtualService: {{ virtualServiceName: {service} }} }}, {more} }}")
}

/// A call of the gateway, by whatever host.
fn get(host: &str, path: &str) -> Call {
    Call::get(&format!("http://{GATEWAY}{path}")).header("host", host)
}

pub(crate) async fn every_condition(mut world: World) {
    let (shop, blog) = (to("shop.local", ""), to("blog.local", ""));
    let route = |matches: &str, action: &str| format!("match: {{ {matches} }}, {action}");
    let outside = Outside::start(
        &mut world,
        "http",
        &[
            (
                "exact-host",
                "httpRoute",
                &route("prefix: /, hostname: { exact: WWW.shop.example }", &shop),
            ),
            (
                "suffix-host",
                "httpRoute",
                &route("prefix: /, hostname: { suffix: .example }", &blog),
            ),
            ("exact", "httpRoute", &route("path: { exact: /exact }", &shop)),
            (
                "regex",
                "http2Route",
                &route("path: { regex: '/regex/[a-z]+' }", &shop),
            ),
            (
                "method",
                "httpRoute",
                &route("prefix: /method, method: PUT", &shop),
            ),
            (
                "header",
                "httpRoute",
                &route(
                    "prefix: /header, headers: [{ name: CACHE_CONTROL, match: { exact: no-cache } }]",
                    &shop,
                ),
            ),
            (
                "query",
                "httpRoute",
                &route(
                    "prefix: /query, queryParameters: [{ name: fishes, match: { exact: nemo } }]",
                    &shop,
                ),
            ),
        ],
    );
    for (call, port) in [
        (get("www.shop.example", "/"), SHOP),
        (get("www.SHOP.example:8080", "/any"), SHOP),
        (get("blog.example", "/"), BLOG),
        (get("a.b.Example:80", "/"), BLOG),
        (get("x", "/exact"), SHOP),
        (get("x", "/regex/abc"), SHOP),
        (get("x", "/method").method("PUT"), SHOP),
        (get("x", "/header").header("cache_control", "no-cache"), SHOP),
        (get("x", "/query?fishes=nemo"), SHOP),
    ] {
        assert_eq!(outside.seen(&call).await.port, port, "{call:?}");
    }
    for call in [
        get("x", "/"),
        get("example", "/"),
        get("www.shop.example.org", "/"),
        get("x", "/exactly"),
        get("x", "/regex/12"),
        get("x", "/method"),
        get("x", "/header"),
        get("x", "/query?fishes=dory"),
    ] {
        assert_eq!(outside.status(&call).await, 404, "{call:?}");
    }
}

/// What the application sees of the path and of the host.
pub(crate) async fn rewrites(mut world: World) {
    let keep = "rewrite: { hostname: { defaultTargetHostname: DISABLED } }";
    let route = |matches: &str, more: &str| format!("match: {{ {matches} }}, {}", to("shop.local", more));
    let outside = Outside::start(
        &mut world,
        "http",
        &[
            ("default", "httpRoute", &route("prefix: /default", "")),
            (
                "kept",
                "httpRoute",
                &route(
                    "prefix: /kept",
                    "rewrite: { prefix: { defaultPrefix: DISABLED } }",
                ),
            ),
            (
                "value",
                "httpRoute",
                &route("prefix: /maroon/", "rewrite: { prefix: { value: /red/ } }"),
            ),
            (
                "exact",
                "httpRoute",
                &route(
                    "path: { exact: /exact }",
                    "rewrite: { path: { exact: /other/one } }",
                ),
            ),
            ("exact-kept", "httpRoute", &route("path: { exact: /same }", "")),
            (
                "regex",
                "httpRoute",
                &route(
                    "path: { regex: '/r/.*' }",
                    "rewrite: { path: { exact: /all/of/them } }",
                ),
            ),
            ("regex-kept", "httpRoute", &route("path: { regex: '/s/.*' }", "")),
            ("host", "httpRoute", &route("prefix: /host", keep)),
        ],
    );
    for (asked, host, path) in [
        ("/default", "shop.local", "/"),
        ("/default/a?b=c", "shop.local", "/a?b=c"),
        ("/kept/a", "shop.local", "/kept/a"),
        ("/maroon/tell?fishes=nemo", "shop.local", "/red/tell?fishes=nemo"),
        ("/exact?q", "shop.local", "/other/one?q"),
        ("/same?q", "shop.local", "/same?q"),
        ("/r/a/b?q", "shop.local", "/all/of/them?q"),
        ("/s/a?q", "shop.local", "/s/a?q"),
        ("/host/a", "www.shop.example:81", "/a"),
    ] {
        let seen = outside.seen(&get("www.shop.example:81", asked)).await;
        assert_eq!((seen.host.as_str(), seen.path.as_str()), (host, path), "{asked}");
        assert!(!seen.headers.contains_key(SERVICE_HEADER), "{seen:?}");
    }
}

/// Where a request goes is for the gateway's routes to say, not for who makes it: not by the header that the gateway
/// uses, and not by the name of another service, which is a host like any other.
pub(crate) async fn nobody_outside_says_where_a_request_goes(mut world: World) {
    let keep = "rewrite: { hostname: { defaultTargetHostname: DISABLED } }";
    let admin = "action: { target: { virtualService: { virtualServiceName: shop.local }, port: 9002 },
        rewrite: { hostname: { defaultTargetHostname: DISABLED } } }";
    let outside = Outside::start(
        &mut world,
        "http",
        &[
            (
                "shop",
                "httpRoute",
                &format!("match: {{ prefix: /shop }}, {}", to("shop.local", keep)),
            ),
            (
                "admin",
                "httpRoute",
                &format!("match: {{ prefix: /admin }}, {admin}"),
            ),
            (
                "blog",
                "httpRoute",
                &format!("match: {{ prefix: / }}, {}", to("blog.local", "")),
            ),
        ],
    );
    let forged = ["shop.local", "shop.local:9002", "blog.local", "nobody"];
    let hosts = [
        "www.example",
        "shop.local",
        "shop.local:9002",
        "blog.local",
        "BLOG.local:9003",
    ];
    for (path, port, keeps_host) in [
        ("/shop", SHOP, true),
        ("/admin", SHOP_ADMIN, true),
        ("/", BLOG, false),
    ] {
        for host in hosts {
            let call = get(host, path);
            let twice = call
                .clone()
                .header(SERVICE_HEADER, "shop.local")
                .header(SERVICE_HEADER, "blog.local");
            let calls = forged
                .iter()
                .map(|service| call.clone().header(SERVICE_HEADER, service));
            for call in calls.chain([call.clone(), twice]) {
                let seen = outside.seen(&call).await;
                assert_eq!(seen.port, port, "{call:?}");
                assert_eq!(
                    seen.host,
                    if keeps_host { host } else { "blog.local" },
                    "{call:?}"
                );
                assert!(!seen.headers.contains_key(SERVICE_HEADER), "{seen:?}");
            }
        }
    }
}

pub(crate) async fn calls_of_grpc(mut world: World) {
    let (shop, blog) = (to("shop.local", ""), to("blog.local", ""));
    let keep = to(
        "blog.local",
        "rewrite: { hostname: { defaultTargetHostname: DISABLED } }",
    );
    let outside = Outside::start(
        &mut world,
        "grpc",
        &[
            (
                "service",
                "grpcRoute",
                &format!("match: {{ serviceName: color.Color }}, {shop}"),
            ),
            (
                "metadata",
                "grpcRoute",
                &format!("match: {{ metadata: [{{ name: tenant, match: {{ prefix: a }} }}] }}, {blog}"),
            ),
            (
                "host",
                "grpcRoute",
                &format!("match: {{ hostname: {{ suffix: .example }} }}, {keep}"),
            ),
        ],
    );
    let call =
        |host: &str, path: &str| Call::grpc(&format!("http://{GATEWAY}{path}"), b"").header("host", host);
    for (call, port, host) in [
        (call("x", "/color.Color/Get"), SHOP, "shop.local"),
        (
            call("x", "/other.Color/Get").header("tenant", "ab"),
            BLOG,
            "blog.local",
        ),
        (
            call("color.example:50051", "/other.Color/Get"),
            BLOG,
            "color.example:50051",
        ),
    ] {
        let seen = outside.seen(&call).await;
        assert_eq!((seen.port, seen.host.as_str()), (port, host), "{call:?}");
        assert!(!seen.headers.contains_key(SERVICE_HEADER), "{seen:?}");
    }
    let refused = outside
        .user
        .call(&call("x", "/other.Color/Get"))
        .await
        .expect("an answer");
    assert_eq!(refused.grpc_status(), Some(12));
}

/// Whether a host is kept is changed without a request that gets lost.
pub(crate) async fn keeping_the_host_is_switched_without_a_failed_request(mut world: World) {
    let route = |rewrite: &str| format!("match: {{ prefix: / }}, {}", to("shop.local", rewrite));
    let rewritten = route("");
    let kept = route("rewrite: { hostname: { defaultTargetHostname: DISABLED } }");
    let outside = Outside::start(&mut world, "http", &[("shop", "httpRoute", &rewritten)]);
    let load = evermesh_e2e::Load::start(&outside.user, &get("www.example", "/"), 4);
    for _ in 0..5 {
        for (route, host) in [(&kept, "www.example"), (&rewritten, "shop.local")] {
            world.apply(Manifests::within("m").gateway_route(
                "gw",
                "shop",
                &format!("{{ httpRoute: {{ {route} }} }}"),
            ));
            assert_eq!(outside.seen(&get("www.example", "/")).await.host, host);
        }
    }
    load.stop().await.assert_undisturbed();
}

/// A gateway's requests pass its routes and then those of its egress, which are not changed at one moment.
pub(crate) async fn routes_change_their_service_without_a_failed_request(mut world: World) {
    const CHANGES: usize = 40;
    let route = |service: &str, rewrite: &str| {
        let route = format!("match: {{ prefix: / }}, {}", to(service, rewrite));
        Manifests::within("m").gateway_route("gw", "all", &format!("{{ httpRoute: {{ {route} }} }}"))
    };
    let keep = "rewrite: { hostname: { defaultTargetHostname: DISABLED } }";
    let ways = [
        ("shop.local", "", SHOP),
        ("blog.local", "", BLOG),
        ("shop.local", keep, SHOP),
        ("blog.local", keep, BLOG),
    ];
    let first = format!("match: {{ prefix: / }}, {}", to("blog.local", keep));
    let outside = Outside::start(&mut world, "http", &[("all", "httpRoute", &first)]);
    let call = get("www.example", "/");
    let load = evermesh_e2e::Load::start(&outside.user, &call, 16);
    for (service, rewrite, port) in ways.iter().cycle().take(CHANGES) {
        world.submit(route(service, rewrite), &[]);
        eventually("requests go there", async || {
            outside.seen(&call).await.port == *port
        })
        .await;
    }
    world.settle();
    load.stop().await.assert_undisturbed();
}
