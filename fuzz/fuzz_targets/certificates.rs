//! See `crates/fuzz/src/certificates.rs`.

#![no_main]

evermesh_fuzz_targets::program!("certificates");
