//! Random small meshes, from few names and ports so that everything meets everything: services that differ in case
//! only or look like another with a port, ports that several want, targets that are not there.

use std::net::IpAddr;
use std::sync::Arc;

use evermesh_graph::supplied::NamedAddresses;
use evermesh_model::{Kind, Manifest, MeshSnapshot, Snapshot};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use crate::random_settings as settings;

const OWNER: &str = "123456789012";

/// The resources of a mesh but for the mesh itself, each one valid.
pub(crate) type Mesh = Vec<Manifest>;

pub(crate) const NODES: [&str; 4] = ["a", "b", "c", "Mesh-Node.1"];
const ROUTERS: [&str; 2] = ["r", "s"];
pub(crate) const GATEWAYS: [&str; 1] = ["gw"];
const ROUTES: [&str; 4] = ["one", "two", "three", "four"];
const SERVICES: [&str; 9] = [
    "x",
    "X",
    "x:80",
    "x:443",
    "y.local",
    "y.LOCAL:15001",
    "*",
    "*.local",
    "local*",
];
const PORTS: [u16; 6] = [80, 81, 443, 6379, 15000, 15001];
const PATHS: [&str; 7] = ["/", "/a", "/a/", "/a/b", "/é ?#", "/%2F//..", "/aws"];
const REGEXES: [&str; 4] = [
    "/a/.*",
    "/users/[0-9a-f]{8}-[0-9a-f]{4}",
    "(?i)/\\d+",
    "/(a|b|c){1,9}",
];

/// A mesh of all kinds of resources.
pub(crate) fn mesh() -> impl Strategy<Value = Mesh> {
    let nodes = several(
        Kind::VirtualNode,
        &[""],
        &NODES,
        settings::of_a_node(node()).boxed(),
    );
    let routers = several(
        Kind::VirtualRouter,
        &[""],
        &ROUTERS,
        listeners(&PROTOCOLS, 0).boxed(),
    );
    let routes = several(Kind::Route, &ROUTERS, &ROUTES, route().boxed());
    let services = several(Kind::VirtualService, &[""], &SERVICES, service().boxed());
    let gateways = several(
        Kind::VirtualGateway,
        &[""],
        &GATEWAYS,
        settings::of_a_gateway(listeners(&PROTOCOLS[..3], 1)).boxed(),
    );
    let gateway_routes = several(Kind::GatewayRoute, &GATEWAYS, &ROUTES, gateway_route().boxed());
    let mesh = (any::<bool>(), settings::ip_preference()).prop_map(|(allow, preference)| {
        let filter = if allow { "ALLOW_ALL" } else { "DROP_ALL" };
        let discovery = json!({ "ipPreference": preference });
        vec![read(
            &json!({ "meshName": "m", "spec": { "egressFilter": { "type": filter }, "serviceDiscovery": discovery } }),
        )]
    });
    let all = (mesh, nodes, routers, routes, services, gateways, gateway_routes);
    all.prop_map(|(a, b, c, d, e, f, g)| [a, b, c, d, e, f, g].concat())
}

/// What somebody who looks names up knows of the services' names: few addresses, so that names share them.
pub(crate) fn addresses() -> impl Strategy<Value = NamedAddresses> {
    let address = select(&["10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1"][..]);
    let address = address.prop_map(|address| address.parse::<IpAddr>().expect("an address"));
    let name = select(&SERVICES[..]).prop_map(str::to_ascii_lowercase);
    let addresses = prop::collection::btree_set(address, 0..3).prop_map(Arc::new);
    prop::collection::btree_map(name, addresses, 0..5)
}

/// The mesh that is made of these resources, put in in this order after the mesh itself.
pub(crate) fn snapshot(mesh: &[Manifest]) -> MeshSnapshot {
    let mut snapshot = Snapshot::default();
    let (first, rest): (Vec<_>, Vec<_>) = mesh.iter().partition(|manifest| manifest.id.kind() == Kind::Mesh);
    for manifest in first.into_iter().chain(rest) {
        snapshot.put(&manifest.id, manifest.spec.clone());
    }
    let mesh = snapshot.meshes().next().expect("a random mesh has its mesh");
    MeshSnapshot::clone(mesh)
}

/// Everything in a mesh that a proxy can be of.
pub(crate) fn proxies(mesh: &MeshSnapshot) -> Vec<(Kind, String)> {
    let nodes = mesh
        .virtual_nodes
        .keys()
        .map(|name| (Kind::VirtualNode, name.clone()));
    let gateways = mesh
        .virtual_gateways
        .keys()
        .map(|name| (Kind::VirtualGateway, name.clone()));
    nodes.chain(gateways).collect()
}

/// A resource of the mesh `m`; the parent counts for routes and gateway routes only.
pub(crate) fn manifest(kind: Kind, parent: &str, name: &str, spec: &Value) -> Manifest {
    read(&document(kind, parent, name, spec))
}

fn document(kind: Kind, parent: &str, name: &str, spec: &Value) -> Value {
    let mut document = json!({ "meshName": "m", "spec": spec });
    document[kind.name_field()] = json!(name);
    if let Some(holder) = kind.parent().filter(|holder| *holder != Kind::Mesh) {
        document[holder.name_field()] = json!(parent);
    }
    document
}

fn read(document: &Value) -> Manifest {
    Manifest::from_value(document, OWNER).unwrap_or_else(|violations| panic!("{violations}: {document}"))
}

/// Some of the resources of a kind: any of the names in any of the parents.
fn several(
    kind: Kind,
    parents: &'static [&'static str],
    names: &'static [&'static str],
    spec: BoxedStrategy<Value>,
) -> impl Strategy<Value = Mesh> {
    let parents = parents.iter().copied();
    let all: Vec<_> = parents
        .flat_map(|parent| names.iter().map(move |name| (parent, *name)))
        .collect();
    subsequence(all.clone(), 0..=all.len()).prop_flat_map(move |chosen| {
        let one = |(parent, name): (&'static str, &'static str)| {
            let document = spec
                .clone()
                .prop_map(move |spec| document(kind, parent, name, &spec));
            document.prop_filter_map("not valid", |document| {
                Manifest::from_value(&document, OWNER).ok()
            })
        };
        chosen.into_iter().map(one).collect::<Vec<_>>()
    })
}

const PROTOCOLS: [&str; 4] = ["http", "http2", "grpc", "tcp"];

fn port() -> impl Strategy<Value = u16> {
    select(&PORTS[..])
}

fn listeners(protocols: &'static [&'static str], least: usize) -> impl Strategy<Value = Value> {
    let listener = (
        select(protocols),
        weighted(0.3, listener_tls()),
        weighted(0.3, millis()),
    );
    let ports = subsequence(&PORTS[..], least..=3);
    (ports, prop::collection::vec(listener, 3)).prop_map(|(ports, listeners)| {
        let listener = |(port, (protocol, tls, idle)): (u16, (&str, Option<Value>, Option<Value>))| {
            let mut listener = Map::new();
            listener.insert(
                "portMapping".to_owned(),
                json!({ "port": port, "protocol": protocol }),
            );
            if let Some(tls) = tls {
                listener.insert("tls".to_owned(), tls);
            }
            if let Some(idle) = idle {
                listener.insert("timeout".to_owned(), json!({ protocol: { "idle": idle } }));
            }
            listener
        };
        json!({ "listeners": ports.into_iter().zip(listeners).map(listener).collect::<Vec<_>>() })
    })
}

fn listener_tls() -> impl Strategy<Value = Value> {
    let acm = json!({ "acm": { "certificateArn": "arn:aws:acm:us-west-2:123456789012:certificate/1" } });
    let certificate = prop_oneof![certificate(), Just(acm)];
    let mode = select(&["STRICT", "PERMISSIVE", "DISABLED"][..]);
    (mode, certificate, weighted(0.4, validation(false))).prop_map(|(mode, certificate, validation)| {
        json!({ "mode": mode, "certificate": certificate, "validation": validation })
    })
}

fn client_policy() -> impl Strategy<Value = Value> {
    let ports = weighted(0.3, subsequence(&PORTS[..], 1..=3));
    let parts = (
        weighted(0.5, any::<bool>()),
        ports,
        weighted(0.5, certificate()),
        validation(true),
    );
    parts.prop_map(|(enforce, ports, certificate, validation)| {
        json!({ "tls": { "enforce": enforce, "ports": ports, "certificate": certificate, "validation": validation } })
    })
}

fn certificate() -> impl Strategy<Value = Value> {
    select(vec![
        json!({ "file": { "certificateChain": "/c.pem", "privateKey": "/k.pem" } }),
        json!({ "file": { "certificateChain": "/c \"x", "privateKey": "/k.pem" } }),
        json!({ "sds": { "secretName": "spiffe://m/one" } }),
    ])
}

fn validation(client: bool) -> impl Strategy<Value = Value> {
    let authority =
        |name: &str| format!("arn:aws:acm-pca:us-west-2:123456789012:certificate-authority/{name}");
    let mut trust = vec![
        json!({ "file": { "certificateChain": "/ca.pem" } }),
        json!({ "sds": { "secretName": "spiffe://m" } }),
    ];
    if client {
        trust.push(json!({ "acm": { "certificateAuthorityArns": [authority("1"), authority("2")] } }));
    }
    let names = subsequence(
        vec!["x.local", "*.x-y.local", "spiffe://m/one", "10.0.0.1", "::1"],
        1..=3,
    );
    (select(trust), weighted(0.5, names)).prop_map(|(trust, names)| {
        let names = names.map(|names| json!({ "match": { "exact": names } }));
        json!({ "trust": trust, "subjectAlternativeNames": names })
    })
}

fn millis() -> impl Strategy<Value = Value> {
    select(&[0_u64, 1, 999, 60_000, 315_576_000_000_000][..])
        .prop_map(|millis| json!({ "unit": "ms", "value": millis }))
}

fn node() -> impl Strategy<Value = Value> {
    let dns = |kind: &str| json!({ "dns": { "hostname": "node.local", "responseType": kind } });
    let cloud_map = json!({ "awsCloudMap": { "namespaceName": "n", "serviceName": "s" } });
    let discovery = prop_oneof![
        4 => Just(dns("LOADBALANCER")),
        4 => Just(dns("ENDPOINTS")),
        1 => Just(cloud_map),
        1 => Just(Value::Null),
    ];
    let policy = weighted(0.2, client_policy());
    let backend = (select(&SERVICES[..]), policy).prop_map(|(service, policy)| {
        json!({ "virtualService": { "virtualServiceName": service, "clientPolicy": policy } })
    });
    let backends = prop::collection::vec(backend, 0..7);
    let defaults = weighted(0.3, client_policy());
    (listeners(&PROTOCOLS, 0), discovery, backends, defaults).prop_map(
        |(mut node, discovery, backends, defaults)| {
            node["serviceDiscovery"] = discovery;
            node["backends"] = json!(backends);
            node["backendDefaults"] = json!({ "clientPolicy": defaults });
            node
        },
    )
}

fn service() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(json!({})),
        4 => select(&NODES[..])
            .prop_map(|node| json!({ "provider": { "virtualNode": { "virtualNodeName": node } } })),
        6 => select(&ROUTERS[..])
            .prop_map(|router| json!({ "provider": { "virtualRouter": { "virtualRouterName": router } } })),
    ]
}

fn route() -> impl Strategy<Value = Value> {
    let target = (
        select(&NODES[..]),
        select(&[0_u32, 1, 100][..]),
        weighted(0.3, port()),
    )
        .prop_map(|(node, weight, port)| json!({ "virtualNode": node, "weight": weight, "port": port }));
    let action =
        prop::collection::vec(target, 1..4).prop_map(|targets| json!({ "weightedTargets": targets }));
    let retries = millis().prop_map(|limit| {
        json!({ "maxRetries": 3, "perRetryTimeout": limit, "httpRetryEvents": ["server-error", "stream-error"] })
    });
    let kind = select(&["httpRoute", "http2Route", "grpcRoute", "tcpRoute"][..]);
    let common = (
        kind,
        path_match(),
        conditions(),
        weighted(0.3, port()),
        weighted(0.3, select(&[0_u32, 1, 1000][..])),
    );
    (common, action, weighted(0.3, millis()), weighted(0.3, retries)).prop_map(
        |((kind, path, conditions, port, priority), action, idle, retries)| {
            let scheme = conditions.scheme;
            let mut route = json!({ "match": route_match(kind, path, &conditions, port), "action": action });
            if kind.starts_with("http") {
                route["match"]["scheme"] = json!(scheme);
            }
            route["timeout"] = json!({ "idle": idle });
            if kind != "tcpRoute" {
                route["retryPolicy"] = json!(retries);
            }
            json!({ kind: route, "priority": priority })
        },
    )
}

fn gateway_route() -> impl Strategy<Value = Value> {
    let target = (select(&SERVICES[..]), weighted(0.3, port())).prop_map(
        |(service, port)| json!({ "virtualService": { "virtualServiceName": service }, "port": port }),
    );
    let value = select(&["/", "/v2", "/v2/", "/\\1", "/\r\n", "/é\u{0}"][..]);
    let prefix = prop_oneof![
        Just(json!({ "prefix": { "defaultPrefix": "DISABLED" } })),
        value
            .clone()
            .prop_map(|value| json!({ "prefix": { "value": value } })),
    ];
    let path = value.prop_map(|value| json!({ "path": { "exact": value } }));
    let rewrite = (weighted(0.5, prop_oneof![prefix, path]), any::<bool>());
    let hostname = (
        select(&["exact", "suffix"][..]),
        select(
            &[
                "x",
                ".LOCAL",
                "x:80",
                "*\\E[\u{0}",
                "kskskskskskskskskskskskskskskskskskskskskskskskskskskskskskskskskskskssk",
            ][..],
        ),
    );
    let hostname = weighted(0.3, hostname.prop_map(|(kind, name)| json!({ kind: name })));
    let kind = select(&["httpRoute", "http2Route", "grpcRoute"][..]);
    let request = (path_match(), conditions(), hostname, weighted(0.3, port()));
    (kind, request, target, rewrite).prop_map(
        |(kind, (path, conditions, hostname, port), target, (rewrite, keeps_host))| {
            let mut rewrite = rewrite
                .filter(|_| kind != "grpcRoute")
                .unwrap_or_else(|| json!({}));
            if keeps_host {
                rewrite["hostname"] = json!({ "defaultTargetHostname": "DISABLED" });
            }
            let action = json!({ "target": target, "rewrite": rewrite });
            let mut request = route_match(kind, path, &conditions, port);
            request["hostname"] = json!(hostname);
            json!({ kind: { "match": request, "action": action } })
        },
    )
}

fn path_match() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(&PATHS[..]).prop_map(|prefix| json!({ "prefix": prefix })),
        select(&PATHS[..]).prop_map(|exact| json!({ "path": { "exact": exact } })),
        select(&REGEXES[..]).prop_map(|regex| json!({ "path": { "regex": regex } })),
        Just(json!({})),
    ]
}

/// What else than a path a request is matched by.
#[derive(Debug, Clone)]
struct Conditions {
    method: Option<&'static str>,
    scheme: Option<&'static str>,
    headers: Option<Vec<Value>>,
    query_parameters: Option<Vec<Value>>,
}

fn conditions() -> impl Strategy<Value = Conditions> {
    let parameter = (
        select(vec![
            "q".to_owned(),
            "é=&".to_owned(),
            "n".repeat(1024),
            "n".repeat(1025),
        ]),
        weighted(0.5, select(&["", "1", "a b"][..])),
    );
    let parameter = parameter.prop_map(
        |(name, value)| json!({ "name": name, "match": value.map(|value| json!({ "exact": value })) }),
    );
    (
        weighted(0.2, select(&["GET", "POST", "CONNECT"][..])),
        weighted(0.2, select(&["http", "https"][..])),
        weighted(0.3, prop::collection::vec(header(), 1..4)),
        weighted(0.2, prop::collection::vec(parameter, 1..3)),
    )
        .prop_map(|(method, scheme, headers, query_parameters)| Conditions {
            method,
            scheme,
            headers,
            query_parameters,
        })
}

fn header() -> impl Strategy<Value = Value> {
    let text = select(&["a", "%", "\\", "é", "a\r\n\u{0}"][..]);
    let kind = select(&["exact", "prefix", "suffix"][..]);
    let range = select(&[(i64::MIN, i64::MAX), (-1, 0), (0, 100)][..]);
    let value = prop_oneof![
        (kind, text).prop_map(|(kind, text)| json!({ kind: text })),
        select(&REGEXES[..]).prop_map(|regex| json!({ "regex": regex })),
        range.prop_map(|(start, end)| json!({ "range": { "start": start, "end": end } })),
    ];
    let name = select(
        &[
            "X-A",
            "x-a",
            ":method",
            ":authority",
            "host",
            "x-app-mesh-virtual-service",
        ][..],
    );
    (name, weighted(0.5, any::<bool>()), weighted(0.8, value))
        .prop_map(|(name, invert, value)| json!({ "name": name, "invert": invert, "match": value }))
}

/// gRPC is matched by service instead of path and by metadata alone, TCP by port alone.
fn route_match(kind: &str, path: Value, conditions: &Conditions, port: Option<u16>) -> Value {
    let mut request = match kind {
        "tcpRoute" => json!({}),
        "grpcRoute" => json!({
            "serviceName": path["prefix"].as_str().map(|_| "pkg.Service"),
            "metadata": conditions.headers,
        }),
        _ => {
            let mut request = path;
            request["method"] = json!(conditions.method);
            request["headers"] = json!(conditions.headers);
            request["queryParameters"] = json!(conditions.query_parameters);
            request
        }
    };
    request["port"] = json!(port);
    request
}
