//! That proxies resolved together have the same views as each on its own, and share what is the same for all callers.

use std::sync::Arc;

use evermesh_graph::view::Egress;
use evermesh_graph::{Resolver, resolve};
use evermesh_model::{Kind, Manifest, MeshSnapshot, Snapshot};
use serde_json::{Value, json};

/// A service `shop` behind a router, with a port for requests and one for connections.
fn mesh(others: &[Value]) -> Arc<MeshSnapshot> {
    let mut snapshot = Snapshot::default();
    let target = json!({ "weightedTargets": [{ "virtualNode": "v1", "weight": 1, "port": 8080 }] });
    let connection = json!({ "weightedTargets": [{ "virtualNode": "v1", "weight": 1, "port": 6379 }] });
    let listeners = json!([
        { "portMapping": { "port": 8080, "protocol": "http" } },
        { "portMapping": { "port": 6379, "protocol": "tcp" } },
    ]);
    let discovery = json!({ "dns": { "hostname": "v1.local" } });
    let resources = [
        json!({ "meshName": "m", "spec": {} }),
        json!({ "meshName": "m", "virtualNodeName": "v1",
            "spec": { "listeners": listeners, "serviceDiscovery": discovery } }),
        json!({ "meshName": "m", "virtualRouterName": "r", "spec": { "listeners": listeners } }),
        json!({ "meshName": "m", "virtualRouterName": "r", "routeName": "requests",
            "spec": { "httpRoute": { "match": { "prefix": "/" }, "action": target } } }),
        json!({ "meshName": "m", "virtualRouterName": "r", "routeName": "connections",
            "spec": { "tcpRoute": { "action": connection } } }),
        json!({ "meshName": "m", "virtualServiceName": "shop",
            "spec": { "provider": { "virtualRouter": { "virtualRouterName": "r" } } } }),
    ];
    for document in resources.iter().chain(others) {
        let manifest = Manifest::from_value(document, "123456789012");
        let Manifest { id, spec, .. } =
            manifest.unwrap_or_else(|violations| panic!("{violations}: {document}"));
        snapshot.put(&id, spec);
    }
    let mesh = snapshot.meshes().next();
    Arc::clone(mesh.expect("the mesh comes first"))
}

fn caller(name: &str, backend: &Value) -> Value {
    let backends = json!([{ "virtualService": backend }]);
    json!({ "meshName": "m", "virtualNodeName": name, "spec": { "backends": backends } })
}

fn egress(resolver: &Resolver<'_>, node: &str) -> Egress {
    let resolved = resolver.resolve(Kind::VirtualNode, node);
    resolved.expect("it is in the mesh").view.egress
}

#[test]
fn callers_of_a_service_share_it() {
    let plain = json!({ "virtualServiceName": "shop" });
    let mesh = mesh(&[caller("a", &plain), caller("b", &plain)]);
    let resolver = Resolver::new(&mesh);
    let (a, b) = (egress(&resolver, "a"), egress(&resolver, "b"));

    assert!(Arc::ptr_eq(&a.http_ports[&8080][0], &b.http_ports[&8080][0]));
    assert!(Arc::ptr_eq(
        &a.tcp_ports[&6379][0].service,
        &b.tcp_ports[&6379][0].service
    ));
    assert_eq!(a.targets.len(), 2);
    assert!(a.targets.iter().zip(&b.targets).all(|(a, b)| Arc::ptr_eq(a, b)));
}

/// A client policy holds for the caller that has it, and for no other.
#[test]
fn a_policy_of_one_caller_is_not_one_of_the_others() {
    let tls = json!({ "validation": { "trust": { "file": { "certificateChain": "/ca.pem" } } } });
    let encrypted = json!({ "virtualServiceName": "shop", "clientPolicy": { "tls": tls } });
    let mesh = mesh(&[
        caller("encrypted", &encrypted),
        caller("plain", &json!({ "virtualServiceName": "shop" })),
    ]);
    let resolver = Resolver::new(&mesh);
    for _ in 0..2 {
        let encrypted = egress(&resolver, "encrypted");
        assert_eq!(encrypted.targets.len(), 2);
        assert!(encrypted.targets.iter().all(|target| target.tls.is_some()));
        let plain = egress(&resolver, "plain");
        assert_eq!(plain.targets.len(), 2);
        assert!(plain.targets.iter().all(|target| target.tls.is_none()));
        // What a policy does not change is shared all the same.
        assert!(Arc::ptr_eq(
            &encrypted.http_ports[&8080][0],
            &plain.http_ports[&8080][0]
        ));
        let connections = |egress: &Egress| Arc::clone(&egress.tcp_ports[&6379][0].service);
        assert!(Arc::ptr_eq(&connections(&encrypted), &connections(&plain)));
    }
}

/// What is wrong with a service is said to each of its callers, whoever came first.
#[test]
fn the_order_in_which_proxies_are_asked_for_does_not_matter() {
    let backend = json!({ "virtualServiceName": "shop" });
    let broken = json!({ "httpRoute": { "match": { "prefix": "/broken" },
        "action": { "weightedTargets": [{ "virtualNode": "nobody", "weight": 1 }] } } });
    let mesh = mesh(&[
        json!({ "meshName": "m", "virtualRouterName": "r", "routeName": "broken", "spec": broken }),
        // Called by the host of the other, and on its port for connections.
        json!({ "meshName": "m", "virtualServiceName": "SHOP",
            "spec": { "provider": { "virtualNode": { "virtualNodeName": "v1" } } } }),
        caller("a", &backend),
        caller("b", &json!({ "virtualServiceName": "SHOP" })),
        json!({ "meshName": "m", "virtualNodeName": "c", "spec": { "backends": [
            { "virtualService": { "virtualServiceName": "SHOP" } }, { "virtualService": backend },
        ] } }),
    ]);
    let alone = |name: &&str| resolve(&mesh, Kind::VirtualNode, name);
    for names in [["a", "b", "c"], ["c", "b", "a"], ["b", "c", "a"]] {
        let resolver = Resolver::new(&mesh);
        for name in names {
            let together = resolver.resolve(Kind::VirtualNode, name);
            assert_eq!(together, alone(&name), "{name} of {names:?}");
        }
    }
    let said = ["a", "b", "c"].map(|name| alone(&name).expect("it is in the mesh").diagnostics.len());
    assert_eq!(
        said,
        [1, 0, 3],
        "the dangling target; then a host and a port that are taken"
    );
}

/// Clusters are changed before the routes that lead to them: did one service's come to be another's, calls would go out
/// under the other's policy meanwhile, which may check less.
#[test]
fn a_backend_more_changes_no_policy_of_the_others() {
    let listener = json!({ "portMapping": { "port": 80, "protocol": "http" }, "tls": {
        "mode": "STRICT", "certificate": { "file": { "certificateChain": "/c.pem", "privateKey": "/k.pem" } } } });
    let service = |name: &str| {
        json!({ "meshName": "m", "virtualServiceName": name,
            "spec": { "provider": { "virtualNode": { "virtualNodeName": "server" } } } })
    };
    let policy = |trust: &str| json!({ "tls": { "validation": { "trust": { "file": { "certificateChain": trust } } } } });
    let backends = |names: &[&str]| -> Vec<Value> {
        let backend = |name: &&str| {
            let backend = match *name {
                "lax" => json!({ "virtualServiceName": name, "clientPolicy": {} }),
                name => json!({ "virtualServiceName": name, "clientPolicy": policy(name) }),
            };
            json!({ "virtualService": backend })
        };
        names.iter().map(backend).collect()
    };
    let targets = |names: &[&str]| {
        let others = [
            json!({ "meshName": "m", "virtualNodeName": "server", "spec": {
                "listeners": [listener], "serviceDiscovery": { "dns": { "hostname": "s.local" } } } }),
            service("lax"),
            service("one"),
            service("two"),
            json!({ "meshName": "m", "virtualNodeName": "a", "spec": { "backends": backends(names) } }),
        ];
        let mesh = mesh(&others);
        egress(&Resolver::new(&mesh), "a").targets
    };
    let all = ["lax", "one", "two"];
    for before in [&all[1..2], &all[2..], &all[1..], &all[..2]] {
        for after in [&all[..], &all[1..], &all[..2]] {
            let after = targets(after);
            for target in targets(before) {
                let same = after.iter().find(|other| other.key == target.key);
                assert!(
                    same.is_none_or(|same| same.tls == target.tls),
                    "{before:?}: {:?}",
                    target.key
                );
            }
        }
    }
}
