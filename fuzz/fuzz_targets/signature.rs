//! See `crates/fuzz/src/signature.rs`.

#![no_main]

evermesh_fuzz_targets::program!("signature");
