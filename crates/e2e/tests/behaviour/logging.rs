//! Access logs of nodes and gateways: what is written, where, and in which form.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use evermesh_e2e::{App, Manifests, TaskSpec, World, eventually};

fn logging(path: &Path, format: &str) -> String {
    format!(
        "logging: {{ accessLog: {{ file: {{ path: {}, format: {format} }} }} }}",
        path.display()
    )
}

fn mesh(text: &Path, json: &Path) -> Manifests {
    let text = logging(
        text,
        r#"{ text: "%REQ(:METHOD)% %REQ(:PATH):6% %RESPONSE_CODE% 100%%\n" }"#,
    );
    let json = logging(
        json,
        r#"{ json: [{ key: path, value: "%REQ(x-envoy-original-path?:path)%" }, { key: code, value: "%RESPONSE_CODE%" }] }"#,
    );
    let route = "{ httpRoute: { match: { prefix: / }, action: { target: { virtualService: { virtualServiceName: svc.local } } } } }";
    Manifests::mesh("m", "{}")
        .gateway(
            "gw",
            &format!("{{ listeners: [{{ portMapping: {{ port: 8080, protocol: http }} }}], {json} }}"),
        )
        .gateway_route("gw", "all", route)
        .service_of_node("svc.local", "server")
        .node(
            "server",
            &format!(
                "{{ listeners: [{{ portMapping: {{ port: 8080, protocol: http }} }}],
                    serviceDiscovery: {{ dns: {{ hostname: server.local }} }}, {text} }}"
            ),
        )
}

pub(crate) async fn formats_are_text_and_json(mut world: World) {
    let files = ["text.log", "json.log"].map(|name| {
        let path = world.write(name, "");
        fs::set_permissions(&path, Permissions::from_mode(0o666)).expect("it is ours");
        path
    });
    let server = world.task(TaskSpec::node("server").app(App::http(8080)));
    let gateway = world.task(TaskSpec::gateway("gw"));
    let user = world.task(TaskSpec::plain("user"));
    world.name("server.local", [&server]);
    world.name("gw.local", [&gateway]);
    world.apply(mesh(&files[0], &files[1]));

    assert_eq!(user.get("http://gw.local:8080/abcdefgh").await, "server");
    let lines = |path: &Path| -> Vec<String> {
        let text = fs::read_to_string(path).expect("it is ours");
        text.lines().map(str::to_owned).collect()
    };
    eventually("the node's log is written", async || {
        lines(&files[0]) == ["GET /abcde 200 100%"]
    })
    .await;
    eventually("the gateway's log is written", async || {
        !lines(&files[1]).is_empty()
    })
    .await;
    // The gateway logs where traffic enters it and where it leaves for the mesh.
    for line in lines(&files[1]) {
        let entry: serde_json::Value = serde_json::from_str(&line).expect("a line is an object");
        assert_eq!(
            entry,
            serde_json::json!({ "path": "/abcdefgh", "code": 200 }),
            "{line}"
        );
    }
}
