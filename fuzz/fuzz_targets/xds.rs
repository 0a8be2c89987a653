//! See `crates/fuzz/src/xds.rs`.

#![no_main]

evermesh_fuzz_targets::program!("xds");
