//! See `crates/fuzz/src/manifests.rs`.

#![no_main]

evermesh_fuzz_targets::program!("manifests");
