//! See `crates/fuzz/src/dns.rs`.

#![no_main]

evermesh_fuzz_targets::program!("dns");
