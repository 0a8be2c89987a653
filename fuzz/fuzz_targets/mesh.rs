//! See `crates/fuzz/src/mesh.rs`.

#![no_main]

evermesh_fuzz_targets::program!("mesh");
