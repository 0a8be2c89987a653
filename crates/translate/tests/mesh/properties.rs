//! What holds for any mesh that the API accepts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use evermesh_graph::{Resolver, is_proxy, resolve};
use evermesh_model::{Kind, MeshSnapshot};
use evermesh_translate::{Placement, Resources, interim_routes, translate};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{invariants, random};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is wrong with a mesh is a diagnostic, and what is left can be served.
    #[test]
    fn resources_fit_together(mesh in random::mesh(), addresses in random::addresses()) {
        let mesh = random::snapshot(&mesh);
        let resolver = Resolver::new(&mesh);
        for (kind, name) in random::proxies(&mesh) {
            let resolved = resolver.resolve_with(kind, &name, &addresses).expect("it is in the mesh");
            invariants::hold(&translate(&resolved.view, &Placement::default()));
        }
    }

    #[test]
    fn the_order_in_which_resources_came_does_not_matter((mesh, shuffled) in shuffled_mesh()) {
        let (mesh, shuffled) = (random::snapshot(&mesh), random::snapshot(&shuffled));
        for (kind, name) in random::proxies(&mesh) {
            let resolved = resolve(&mesh, kind, &name);
            prop_assert_eq!(&resolved, &resolve(&shuffled, kind, &name));
            let view = resolved.expect("it is in the mesh").view;
            let placement = Placement::default();
            prop_assert_eq!(translate(&view, &placement), translate(&view, &placement));
        }
    }

    /// A proxy hears only of what concerns it.
    #[test]
    fn an_unrelated_change_leaves_views_equal(mesh in random::mesh()) {
        let before = random::snapshot(&mesh);
        let after = random::snapshot(&[mesh, strangers()].concat());
        for (kind, name) in random::proxies(&before) {
            prop_assert_eq!(resolve(&before, kind, &name), resolve(&after, kind, &name));
        }
        prop_assert_eq!(random::proxies(&after).len(), random::proxies(&before).len() + 2);
    }

    /// Whatever a gateway becomes, there is something that it can have in between: what it leads to before and after.
    #[test]
    fn gateways_have_something_in_between(before in random::mesh(), after in random::mesh()) {
        let meshes = [random::snapshot(&before), random::snapshot(&after)];
        for gateway in random::GATEWAYS {
            let views = meshes.each_ref().map(|mesh| resolve(mesh, Kind::VirtualGateway, gateway));
            let [Some(before), Some(after)] = views.map(|resolved| Some(Arc::new(resolved?.view))) else {
                continue;
            };
            let Some(interim) = interim_routes(&after, std::slice::from_ref(&before)) else {
                prop_assert_eq!(&before.ingress, &after.ingress);
                continue;
            };
            let [before, after] = [before, after].map(|view| translate(&view, &Placement::default()));
            let services = [&before, &after].map(|resources| {
                let egress = resources.routes.iter().find(|routes| routes.name == interim.name);
                let hosts = egress.into_iter().flat_map(|routes| &routes.virtual_hosts);
                hosts.map(|host| host.domains[0].to_ascii_lowercase()).collect::<Vec<_>>()
            });
            let in_between = interim.virtual_hosts.iter().flat_map(|host| &host.domains);
            let in_between: BTreeSet<_> = in_between.map(|domain| domain.to_ascii_lowercase()).collect();
            for domain in services.iter().flatten().filter(|domain| !domain.contains(':')) {
                prop_assert!(in_between.contains(domain), "no {domain} in {in_between:?}");
            }
            let clusters = before.clusters.into_iter().chain(after.clusters);
            let clusters: BTreeMap<_, _> = clusters.map(|one| (one.name.clone(), one)).collect();
            invariants::hold(&Resources {
                clusters: clusters.into_values().map(|cluster| Cluster { transport_socket: None, ..cluster }).collect(),
                routes: vec![interim],
                ..Resources::default()
            });
        }
    }

    /// A view says which names its services are told apart by.
    #[test]
    fn other_addresses_leave_views_equal(mesh in random::mesh(), addresses in random::addresses()) {
        let mesh = random::snapshot(&mesh);
        let resolver = Resolver::new(&mesh);
        for (kind, name) in random::proxies(&mesh) {
            let resolved = resolver.resolve_with(kind, &name, &addresses).expect("it is in the mesh");
            let mut named = addresses.clone();
            named.retain(|name, _| resolved.view.egress.names.contains(name));
            prop_assert_eq!(Some(resolved), resolver.resolve_with(kind, &name, &named));
        }
    }

    /// Nothing is said twice, and a lint says what the proxies' views say. What it says besides is of services that nobody
    /// calls, and of nodes that nobody reaches.
    #[test]
    fn a_lint_is_the_sum_of_all_diagnostics(mesh in random::mesh()) {
        let mesh: MeshSnapshot = random::snapshot(&mesh);
        let said: BTreeSet<_> = random::proxies(&mesh)
            .into_iter()
            .filter_map(|(kind, name)| resolve(&mesh, kind, &name))
            .flat_map(|resolved| resolved.diagnostics)
            .collect();
        let found = evermesh_graph::lint(&mesh);
        prop_assert!(found.is_sorted_by(|a, b| a < b));
        let found: BTreeSet<_> = found.into_iter().collect();
        prop_assert!(found.is_superset(&said));
        for besides in found.difference(&said) {
            let of_a_proxy = is_proxy(&besides.resource) || besides.resource.kind() == Kind::GatewayRoute;
            prop_assert_eq!(of_a_proxy, besides.code == "unreached-node", "{}", besides);
        }
    }
}

fn shuffled_mesh() -> impl Strategy<Value = (random::Mesh, random::Mesh)> {
    random::mesh().prop_flat_map(|mesh| (Just(mesh.clone()), Just(mesh).prop_shuffle()))
}

/// Resources of every kind that no random mesh names.
fn strangers() -> random::Mesh {
    let listeners = json!({ "listeners": [{ "portMapping": { "port": 80, "protocol": "http" } }] });
    let service = json!({ "provider": { "virtualRouter": { "virtualRouterName": "stranger" } } });
    let targets = json!({ "weightedTargets": [{ "virtualNode": "stranger", "weight": 1 }] });
    let target = json!({ "target": { "virtualService": { "virtualServiceName": "stranger" } } });
    let route = |action: Value| json!({ "httpRoute": { "match": { "prefix": "/" }, "action": action } });
    [
        (Kind::VirtualNode, listeners.clone()),
        (Kind::VirtualRouter, listeners.clone()),
        (Kind::Route, route(targets)),
        (Kind::VirtualService, service),
        (Kind::VirtualGateway, listeners),
        (Kind::GatewayRoute, route(target)),
    ]
    .map(|(kind, spec)| random::manifest(kind, "stranger", "stranger", &spec))
    .to_vec()
}
