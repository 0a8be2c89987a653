//! See `crates/fuzz/src/access_log.rs`.

#![no_main]

evermesh_fuzz_targets::program!("access_log");
