//! See `crates/fuzz/src/api.rs`.

#![no_main]

evermesh_fuzz_targets::program!("api");
