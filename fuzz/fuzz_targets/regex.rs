//! See `crates/fuzz/src/regex.rs`.

#![no_main]

evermesh_fuzz_targets::program!("regex");
