//! Every target on its seeds, and on mutations of them that are the same each time.

#![allow(
    clippy::unwrap_used,
    reason = "in a test an unwrap is an assertion, in its helpers too"
)]

use std::panic::catch_unwind;
use std::path::Path;
use std::{fs, process};

use evermesh_fuzz::{TARGETS, Target, directory};

/// How many seeds of a target are mutated, each twice. What needs more is for libFuzzer.
const MUTATIONS: u64 = 500;

/// Runs an input; when that fails, keeps the input and says where.
fn run(target: &Target, origin: &str, input: &[u8]) {
    if catch_unwind(|| (target.run)(input)).is_err() {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{}", target.name, process::id()));
        fs::write(&kept, input).unwrap();
        panic!(
            "{}, with an input made from {origin} and kept in {}: when it is repaired, move that to {}",
            target.name,
            kept.display(),
            directory(target.name).display()
        );
    }
}

fn check(name: &str) {
    let target = Target::named(name);
    let seeds = target.seeds();
    assert!(!seeds.is_empty(), "{name} has no seed");
    run(&target, "nothing", b"");
    for (origin, seed) in &seeds {
        run(&target, origin, seed);
    }
    for number in 0..MUTATIONS {
        let (origin, seed) = &seeds[usize::try_from(number).unwrap() % seeds.len()];
        let once = target.mutate(seed, number);
        run(&target, origin, &once);
        run(&target, origin, &target.mutate(&once, number + 1));
    }
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        #[test]
        fn every_target_has_a_test() {
            let tested = [$(stringify!($name)),*];
            let all: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(tested.as_slice(), all);
        }
    };
}

targets!(
    access_log,
    api,
    certificates,
    dns,
    ids,
    manifests,
    mesh,
    regex,
    signature,
    xds
);
