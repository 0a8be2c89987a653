//! Targets of a route: as many as there can be, and those that take nothing.

use std::collections::BTreeMap;

use evermesh_e2e::{Call, Manifests, World};

use crate::one_server::{self, OneServer};

const SERVICE: &str = "http://svc.local:8080/";
const PORTS: [u16; 10] = [9001, 9002, 9003, 9004, 9005, 9006, 9007, 9008, 9009, 9010];

/// A route to all ports, with these weights.
fn route(weights: &[u32]) -> String {
    let target =
        |(port, weight): (&u16, &u32)| format!("{{ virtualNode: server, port: {port}, weight: {weight} }}");
    let targets: Vec<String> = PORTS.iter().zip(weights).map(target).collect();
    format!(
        "{{ httpRoute: {{ match: {{ prefix: / }}, action: {{ weightedTargets: [{}] }} }} }}",
        targets.join(", ")
    )
}

/// Ten targets share by weight; one of weight 0 gets nothing, and is known all the same, so that it serves at once when
/// it gets a weight.
pub(crate) async fn ten_of_them_and_one_of_weight_zero(mut world: World) {
    const CALLS: usize = 1200;
    let OneServer { server, client } = OneServer::start(&mut world, &PORTS);
    let weights = [1, 1, 1, 1, 1, 1, 1, 1, 4, 0];
    world.apply(one_server::mesh("http", &PORTS).route("router", "route", &route(&weights)));
    client.calls(&Call::get(SERVICE), CALLS).await.assert_no_failure();
    let requests: BTreeMap<u16, usize> = PORTS
        .iter()
        .map(|port| (*port, server.app(*port).requests()))
        .collect();
    assert_eq!(requests.values().sum::<usize>(), CALLS);
    assert_eq!(requests[&9010], 0);
    for port in &PORTS[..8] {
        // A twelfth is 100; ten standard deviations of a binomial distribution are 96.
        assert!((5..195).contains(&requests[port]), "{requests:?}");
    }
    assert!((240..560).contains(&requests[&9009]), "{requests:?}");
    assert_eq!(
        client.stat("cluster.cds_egress_m_server_http_9010.membership_healthy"),
        1
    );

    world.apply(Manifests::within("m").route("router", "route", &route(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 1])));
    assert_eq!(
        client
            .call(&Call::get(SERVICE))
            .await
            .expect("an answer")
            .seen()
            .port,
        9010
    );
}
