//! Requests that pass the routes of a proxy twice: whatever the first ones let through, the second ones take.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::{Form, Step, World};
use crate::delivery::{Delta, StateOfTheWorld};
use crate::resource::ResourceType::Route;
use crate::set::ResourceSet;
use crate::testing::fixtures::{listener, routes, static_cluster};

/// Where requests can be led.
const HOSTS: u8 = 4;

#[derive(Clone, Debug)]
enum Move {
    /// The first routes lead there from now on, and only there the second ones have to.
    Lead(u8),
    Other(Step),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let step = prop_oneof![
        2 => (0..HOSTS).prop_map(Move::Lead),
        8 => Just(Move::Other(Step::ToProxy)),
        8 => Just(Move::Other(Step::ToServer)),
        2 => Just(Move::Other(Step::Time)),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    #[test]
    fn what_is_let_through_is_taken(moves in moves()) {
        passes::<StateOfTheWorld>(moves)?;
    }

    #[test]
    fn what_is_let_through_is_taken_by_delta(moves in moves()) {
        passes::<Delta>(moves)?;
    }
}

fn passes<F: Form>(moves: Vec<Move>) -> Result<(), TestCaseError> {
    let mut led = BTreeSet::from([0]);
    let mut world = World::<F>::settled_on(set(0, &led));
    let mut under_way = led.clone();
    for step in moves {
        let before = leads(&world);
        let passes_time = matches!(step, Move::Other(Step::Time));
        match step {
            Move::Lead(host) => {
                led.insert(host);
                let newest = Arc::new(set(host, &led));
                world.newest = Arc::clone(&newest);
                let pushes = world.session.update(newest, world.now);
                world.to_proxy.extend(pushes);
            }
            Move::Other(step) => world.step(step),
        }
        let after = leads(&world);
        // A response is not taken over at one moment: either part of it may come first.
        prop_assert!(
            after.0.is_subset(&before.1),
            "{after:?} is let through, {before:?} taken"
        );
        under_way.extend(&after.0);
        prop_assert!(
            under_way.is_subset(&after.1),
            "{under_way:?} are under way, {after:?} taken"
        );
        if passes_time {
            under_way = after.0;
        }
    }
    world.settle();
    prop_assert_eq!(world.model.faults(), &[] as &[String]);
    world.holds_newest()
}

/// The first routes lead to one host, and so do the second ones; or, while the first ones change, to all these.
fn set(host: u8, led: &BTreeSet<u8>) -> ResourceSet {
    let name = |host: &u8| format!("c{host}");
    let all: Vec<String> = led.iter().map(name).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let clusters = (0..HOSTS).map(|host| static_cluster(&name(&host), 1));
    clusters
        .fold(ResourceSet::builder(), |set, cluster| set.cluster(&cluster))
        .listener(&listener("l1", 0, "first"))
        .listener(&listener("l2", 0, "second"))
        .route(&routes("first", &[&name(&host)]))
        .route(&routes("second", &[&name(&host)]))
        .interim_route(&routes("second", &all))
        .build()
}

/// Where the first and the second routes of the proxy lead.
fn leads<F: Form>(world: &World<F>) -> (BTreeSet<u8>, BTreeSet<u8>) {
    let held = world.model.held(Route);
    let of = |name: &str| {
        let body = &held[name].value;
        let is_in = |host: &u8| {
            let name = format!("c{host}");
            body.windows(name.len()).any(|part| part == name.as_bytes())
        };
        (0..HOSTS).filter(is_in).collect()
    };
    (of("first"), of("second"))
}
