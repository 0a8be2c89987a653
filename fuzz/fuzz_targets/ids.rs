//! See `crates/fuzz/src/ids.rs`.

#![no_main]

evermesh_fuzz_targets::program!("ids");
