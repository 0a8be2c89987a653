//! A service behind a router and one server behind its routes: which route took a request is told by the server's port.

use evermesh_e2e::{App, Manifests, MeshTask, TaskSpec, World};

/// The service's port.
pub(crate) const PORT: u16 = 8080;

/// Tasks `server`, with an HTTP server on each of its ports, and `client`.
pub(crate) struct OneServer {
    pub(crate) server: MeshTask,
    pub(crate) client: MeshTask,
}

impl OneServer {
    /// Starts both, without a mesh yet.
    pub(crate) fn start(world: &mut World, ports: &[u16]) -> Self {
        let server = ports
            .iter()
            .fold(TaskSpec::node("server"), |task, port| task.app(App::http(*port)));
        let server = world.task(server);
        let client = world.task(TaskSpec::node("client"));
        world.name("server.local", [&server]);
        world.name("svc.local", [&server]);
        Self { server, client }
    }
}

/// The mesh of both but for the routes of `router`, all in one protocol.
pub(crate) fn mesh(protocol: &str, ports: &[u16]) -> Manifests {
    Manifests::mesh("m", "{}")
        .node(
            "client",
            "{ backends: [{ virtualService: { virtualServiceName: svc.local } }] }",
        )
        .service_of_router("svc.local", "router")
        .router(
            "router",
            &format!("{{ listeners: [{{ portMapping: {{ port: {PORT}, protocol: {protocol} }} }}] }}"),
        )
        .node("server", &server(protocol, ports, ""))
}

/// The server's node; `more` goes into each of its listeners.
pub(crate) fn server(protocol: &str, ports: &[u16], more: &str) -> String {
    let listener =
        |port: &u16| format!("{{ portMapping: {{ port: {port}, protocol: {protocol} }}, {more} }}");
    let listeners: Vec<String> = ports.iter().map(listener).collect();
    format!(
        "{{ listeners: [{}], serviceDiscovery: {{ dns: {{ hostname: server.local }} }} }}",
        listeners.join(", ")
    )
}

/// A route of a kind (`httpRoute`, ...) to a port of the server; `more` goes beside its match.
pub(crate) fn route(kind: &str, matches: &str, port: u16, more: &str) -> String {
    format!(
        "{{ {kind}: {{ match: {{ {matches} }}, {more}
            action: {{ weightedTargets: [{{ virtualNode: server, weight: 1, port: {port} }}] }} }} }}"
    )
}
