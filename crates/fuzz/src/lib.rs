//! What is fuzzed: everything that reads bytes from outside, as a function without network and clock. Development only.
//!
//! A [`Target`] runs one input and panics when what must hold does not: besides "no panic below", that a refusal
//! names the fault and is short, that what was accepted comes back as it was sent, and that what is made of it is
//! bounded. Time and memory are bounded by whoever runs it.
//!
//! The same targets run in two ways. `tests/seeds.rs` runs every seed, and some thousand mutations of them which are
//! the same each time, in an ordinary test. The workspace `fuzz/` at the root wraps each target in a libFuzzer program,
//! which looks for inputs that reach new code (`make fuzz`).

mod access_log;
mod api;
mod certificates;
mod dns;
mod http;
mod ids;
mod manifests;
mod memory;
mod mesh;
pub mod mutate;
mod regex;
mod seeds;
mod signature;
mod xds;

pub use seeds::{Seed, dictionary, directory};

/// Something that reads bytes from outside.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is also that of its libFuzzer program and of its directory of seeds.
    pub name: &'static str,
    /// Longest input of use, in bytes.
    pub max_length: usize,
    /// What inputs look like: how to make others of them.
    pub form: Form,
    /// Runs one input.
    ///
    /// # Panics
    /// When what must hold does not. That is a fault of the code under test.
    pub run: fn(&[u8]),
    derived: fn() -> Vec<Vec<u8>>,
}

/// What the inputs of a target look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Bytes.
    Bytes,
    /// Text in which whole lines may be JSON objects.
    JsonLines,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    access_log::TARGET,
    api::TARGET,
    certificates::TARGET,
    dns::TARGET,
    ids::TARGET,
    manifests::TARGET,
    mesh::TARGET,
    regex::TARGET,
    signature::TARGET,
    xds::TARGET,
];

impl Target {
    /// The target of a name.
    ///
    /// # Panics
    /// When there is none.
    pub fn named(name: &str) -> Self {
        let found = TARGETS.iter().find(|target| target.name == name);
        *found.unwrap_or_else(|| panic!("there is no target {name}"))
    }

    /// The inputs to start from: those kept in `fuzz/seeds`, and those made from the goldens.
    ///
    /// # Panics
    /// When the source tree is not there.
    pub fn seeds(&self) -> Vec<Seed> {
        seeds::of(self.name, (self.derived)())
    }

    /// Another input, made from this one; the same for the same number.
    pub fn mutate(&self, input: &[u8], number: u64) -> Vec<u8> {
        let mut mutated = match self.form {
            Form::Bytes => mutate::bytes(input, number),
            Form::JsonLines => mutate::json_lines(input, number),
        };
        mutated.truncate(self.max_length);
        mutated
    }
}

/// Messages are read by people, so they are never longer than this; a request has a hundred violations at most.
const LONGEST_MESSAGE: usize = 64 * 1024;

/// Checks that a refusal says something, and not too much.
#[track_caller]
fn names_a_fault(message: &str) {
    assert!(!message.trim().is_empty(), "a refusal says nothing");
    assert!(
        message.len() <= LONGEST_MESSAGE,
        "a refusal has {} bytes",
        message.len()
    );
}

/// The position, from 1, that a refusal of what the user wrote ends with.
#[track_caller]
fn position_in(message: &str) -> usize {
    let last = message.rsplit(' ').next();
    let position = last.and_then(|position| position.parse().ok());
    position.unwrap_or_else(|| panic!("a refusal without a position at its end: {message}"))
}
